"""Models of every kind that is served, with rows that they are asked for."""

import keras
import numpy as np

from kerasnn import models

SMALL = {"hidden": (4,), "seed": 0}


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def two_inputs():
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    return keras.Model([left, right], keras.layers.Dense(2)(joined))


def two_outputs():
    features = keras.Input((3,))
    outputs = {
        "price": keras.layers.Dense(1)(features),
        "kind": keras.layers.Dense(4, "softmax")(features),
    }
    return keras.Model(features, outputs)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hide = keras.layers.Dense(4, "relu")
        self.drop = keras.layers.Dropout(0.5)
        self.classify = keras.layers.Dense(3, "softmax")

    def call(self, inputs, training=False):
        return self.classify(self.drop(self.hide(inputs), training=training))


def subclassed():
    model = Subclassed()
    model(normal(1, 3))
    return model


def string_lookup():
    lookup = keras.layers.StringLookup(vocabulary=["ant", "bee"], output_mode="multi_hot")
    layers = [keras.Input((2,), dtype="string"), lookup, keras.layers.Dense(2, "softmax")]
    return keras.Sequential(layers)


def integer_input():
    layers = [keras.layers.Embedding(10, 4), keras.layers.LSTM(5), keras.layers.Dense(1, "sigmoid")]
    return keras.Sequential([keras.Input((6,), dtype="int32"), *layers])


def cnn():
    shape = {"input_shape": (8, 8, 3), "outputs": 3, "filters": (4,)}
    return models.cnn(**shape, task="multiclass", augment=True, **SMALL)


def transfer():
    """As transfer learning builds it: the backbone's own preprocessing is a layer inside."""
    backbone = keras.applications.MobileNetV2(
        (32, 32, 3), include_top=False, weights=None, pooling="avg"
    )
    scale = keras.layers.Rescaling(1 / 127.5, offset=-1)
    head = [keras.layers.Dropout(0.5), keras.layers.Dense(3, "softmax")]
    return keras.Sequential([keras.Input((32, 32, 3)), scale, backbone, *head])


# What takes longer than 5 s to build and export.
SLOW = ("transfer", "perceptron", "rnn", "graph_network", "two_outputs", "integer_input")

# Name -> how to make the model, and rows for its inputs, by name.
CASES = {
    "perceptron": (lambda: models.perceptron(3), {"features": normal(3, 3)}),
    "mlp": (
        lambda: models.mlp(4, outputs=2, task="regression", dropout=0.5, **SMALL),
        {"features": normal(3, 4)},
    ),
    "cnn": (cnn, {"image": 255 * np.abs(normal(3, 8, 8, 3))}),
    "rnn": (
        lambda: models.rnn((None, 3), outputs=1, task="binary", units=(4,), seed=0),
        {"features": normal(3, 5, 3)},
    ),
    "graph_network": (
        lambda: models.graph_network(3, outputs=2, task="multiclass", units=(4,), seed=0),
        {"features": normal(3, 5, 3), "adjacency": np.ones((3, 5, 5), "float32")},
    ),
    "transfer": (transfer, {"image": 85 * np.abs(normal(3, 32, 32, 3))}),
    "two_inputs": (two_inputs, {"left": normal(3, 3), "right": normal(3, 2)}),
    "two_outputs": (two_outputs, {"features": normal(3, 3)}),
    "subclassed": (subclassed, {"features": normal(3, 3)}),
    "string_lookup": (
        string_lookup,
        {"features": np.array([["bee", "ant"], ["bee", "bee"], ["cow", "ant"]], object)},
    ),
    "integer_input": (integer_input, {"features": np.arange(18, dtype="int32").reshape(3, 6) % 10}),
}
