"""Seeds of everything but `tf.random`."""

import keras
import tensorflow as tf


def set_seeds(seed):
    """Sets the seeds of Python, NumPy and Keras, as `keras.utils.set_random_seed` does.

    That one also sets the seed of `tf.random`, and TensorFlow then drops all operations that it has
    prepared, which costs the tests a seventh of their time. In a graph the seed is kept for the
    graph alone.
    """
    with tf.Graph().as_default():
        keras.utils.set_random_seed(seed)
