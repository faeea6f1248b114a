"""A SavedModel run by TensorFlow's C library, without Keras."""
