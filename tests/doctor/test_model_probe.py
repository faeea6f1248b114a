"""Measurements by layer, computed by hand."""

import math

import keras
import numpy as np
import pytest

from kerasnn import autodiff, models
from kerasnn.doctor.measure.model_probe import ModelProbe
from kerasnn.doctor.measure.training_sample import evenly_spaced

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype("float32")
Y = RNG.normal(size=(20, 1)).astype("float32")


def measure(model, before=None, steps=0, y=Y):
    measured = ModelProbe(model, evenly_spaced(X, y)).measure(1, before, steps)
    return measured, {layer.name: layer for layer in measured.layers}


def network(*layers):
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1, name="last")])
    model.compile("sgd", loss="mse")
    return model


@pytest.mark.parametrize("apart", [False, True])
def test_dead_and_saturated_by_hand(apart):
    """Also where the activation is a layer of its own."""

    def pair(units, activation, name):
        if not apart:
            return [keras.layers.Dense(units, activation, name=name)]
        dense = keras.layers.Dense(units, name=f"{name}_dense")
        return [dense, keras.layers.Activation(activation, name=name)]

    model = network(*pair(4, "relu", "one"), *pair(2, "tanh", "two"))
    kernel, bias = model.layers[0].weights[:2]
    kernel.assign(np.zeros((3, 4)))
    bias.assign([-1.0, 0.0, -5.0, 1.0])
    kernel, bias = model.layers[2 if apart else 1].weights
    kernel.assign(np.zeros((4, 2)))
    bias.assign([3.0, 0.5])
    _, layers = measure(model)
    assert layers["one"].dead == 0.75
    assert layers["two"].saturated == 0.5
    assert math.isnan(layers["one"].saturated)
    assert math.isnan(layers["two"].dead)
    assert layers["one_dense" if apart else "one"].zeros == 1
    assert layers["last"].zeros == 0


def test_a_dead_filter_is_dead_at_every_position():
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(3, 3, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", loss="mse")
    model.layers[0].bias.assign([-100.0, 100.0, 0.0])
    x = RNG.normal(size=(20, 4, 4, 1)).astype("float32")
    [layer] = [
        v for v in ModelProbe(model, evenly_spaced(x, Y)).measure(1).layers if v.name == "conv"
    ]
    assert layer.dead == pytest.approx(1 / 3)


def test_gradients_and_their_ratio():
    model = network(keras.layers.Dense(4, "relu", name="one"), keras.layers.Dense(4, name="two"))
    measured, layers = measure(model)
    wanted = autodiff.gradients(model, X, Y)
    assert list(layers) == ["one", "two", "last"]
    assert {name: layer.gradient for name, layer in layers.items()} == wanted
    assert measured.gradient_ratio == wanted["last"] / wanted["one"]


def test_updates_in_a_step():
    model = network()
    kernel, bias = model.get_weights()
    before = ModelProbe(model, evenly_spaced(X, Y)).weights()
    model.set_weights([kernel * 1.5, bias])
    measured, layers = measure(model, before, steps=5)
    assert layers["last"].update == pytest.approx(0.1)
    assert measured.update == pytest.approx(0.1)
    assert math.isnan(measure(model)[0].update)


def test_predictions_on_both_samples():
    model = network()
    model.set_weights([np.zeros((3, 1)), np.zeros(1)])
    validation = evenly_spaced(X[:10], Y[:10])
    measured = ModelProbe(model, evenly_spaced(X, Y), validation).measure(1)
    assert (measured.train.rows, measured.validation.rows) == (20, 10)
    assert measured.train.skill_score == pytest.approx(-(Y.mean() ** 2) / Y.var(), abs=1e-5)
    assert measured.train.spread == 0


def test_graphs_and_models_within_models():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "relu")], name="inner")
    ends = keras.Input((3,))
    shared = keras.layers.Dense(3, "relu", name="twice")
    signal = keras.layers.Add()([shared(shared(ends)), ends])
    model = keras.Model(ends, keras.layers.Dense(1, "sigmoid", name="last")(inner(signal)))
    model.compile("sgd", loss="mse")
    _, layers = measure(model)
    assert set(layers) == {"twice", f"inner/{inner.layers[0].name}", "last"}
    first = np.maximum(X @ shared.get_weights()[0], 0)
    assert layers["twice"].dead == (first.max(axis=0) == 0).mean()
    assert layers["last"].saturated == 0
    assert layers["twice"].gradient > 0


def test_layers_that_another_model_called_first():
    first = keras.layers.Dense(4, "relu", name="one")
    other = keras.Sequential([keras.Input((3,)), first, keras.layers.Dense(2)])
    ends = keras.Input((3,))
    model = keras.Model(ends, keras.layers.Dense(1, name="last")(first(ends)))
    model.compile("sgd", loss="mse")
    _, layers = measure(model)
    assert layers["one"].gradient > 0
    # The one symbol of it that Keras shows belongs to the other model.
    assert math.isnan(layers["one"].dead)
    again = keras.Sequential(other.layers)
    again.compile("sgd", loss="mse")
    assert measure(again, y=np.hstack([Y, Y]))[1]["one"].dead >= 0


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.last = keras.layers.Dense(4, "relu"), keras.layers.Dense(1)

    def call(self, x):
        return self.last(self.one(x))


def test_a_subclassed_model_has_gradients_and_a_score():
    model = Own()
    model.compile("sgd", loss="mse")
    measured, layers = measure(model)
    assert [layer.gradient > 0 for layer in layers.values()] == [True, True]
    assert all(math.isnan(layer.dead) for layer in layers.values())
    assert measured.train.skill_score < 1


def test_several_outputs_have_gradients_and_no_score():
    ends = keras.Input((3,))
    hidden = keras.layers.Dense(4, "relu", name="one")(ends)
    model = keras.Model(ends, [keras.layers.Dense(1)(hidden), keras.layers.Dense(1)(hidden)])
    model.compile("sgd", loss=["mse", "mse"])
    measured, layers = measure(model, y=[Y, Y])
    assert measured.train is None
    assert layers["one"].gradient > 0


def test_an_adjacency_beside_the_features():
    model = models.graph_network(3, task="regression", units=5)
    x = {"features": X[None], "adjacency": np.zeros((1, 20, 20), "float32")}
    measured = ModelProbe(
        model, evenly_spaced(x, Y[None], np.float32(np.arange(20) < 15)[None])
    ).measure(1)
    assert measured.train.rows == 15
    assert [layer.name for layer in measured.deep] == ["hidden_1", "output"]
    assert 0 <= measured.layers[0].dead < 1
