"""The Keras model of a configuration, and the code that makes it."""
