import keras
import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture
def ask():
    """Loads what was published and answers as a server would."""

    def answers(report, **inputs):
        loaded = tf.saved_model.load(report.path)
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return {
            name: tensor.numpy()
            for name, tensor in loaded.signatures["serving_default"](**tensors).items()
        }

    return answers


@pytest.fixture
def classifier():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, "softmax"),
        ]
    )


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
