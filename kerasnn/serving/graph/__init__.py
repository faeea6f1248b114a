"""The TensorFlow graph of a model, made ready to be served."""
