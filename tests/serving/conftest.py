"""Models and their exports, which many tests share."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving
from tests.helpers.seeds import set_seeds


@pytest.fixture
def ask():
    """Runs a published version with TensorFlow, as a server would."""

    def outputs(report, signature="serving_default", **inputs):
        loaded = tf.saved_model.load(report.path)
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return {
            name: tensor.numpy() for name, tensor in loaded.signatures[signature](**tensors).items()
        }

    return outputs


def make_classifier():
    set_seeds(1)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, "softmax"),
        ]
    )


@pytest.fixture
def classifier():
    return make_classifier()


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(7, 4)).astype("float32")


@pytest.fixture(scope="session")
def iris(tmp_path_factory):
    """A classifier of four numbers and its export."""
    model = make_classifier()
    path = tmp_path_factory.mktemp("served") / "iris"
    return model, serving.export(model, path, labels=["ant", "bee", "cat"])


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A classifier of images and its export."""
    set_seeds(1)
    model = keras.Sequential(
        [
            keras.Input((8, 6, 3)),
            keras.layers.RandomFlip(),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    path = tmp_path_factory.mktemp("served") / "photos"
    return model, serving.export(model, path, labels=["cat", "dog"])


@pytest.fixture(scope="session")
def prices(tmp_path_factory):
    """A regression of two inputs, one of them a word, and its export."""
    set_seeds(1)
    word, size = keras.Input((), dtype="string", name="word"), keras.Input((2,), name="size")
    code = keras.layers.StringLookup(vocabulary=["ant", "bee"], output_mode="one_hot")(word)
    joined = keras.layers.Concatenate()([code, size])
    model = keras.Model([word, size], keras.layers.Dense(1)(joined))
    path = tmp_path_factory.mktemp("served") / "prices"
    return model, serving.export(model, path)
