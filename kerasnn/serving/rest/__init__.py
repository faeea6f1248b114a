"""Client of TensorFlow Serving over REST."""
