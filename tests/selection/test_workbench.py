"""Settings that must not be trained by one program."""

import functools
import inspect

import keras
import numpy as np
import pytest
from selection_helpers import blobs, count_traces

from kerasnn import selection
from kerasnn.selection.architecture import architecture

QUICK = {"cv": 2, "epochs": 2}


def compiled(model):
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    return model


def named_after_its_activation(activation):
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(4, activation=activation, name=activation)(inputs)
    return compiled(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden)))


def scaled(shift):
    """A constant that no configuration and no weight holds."""
    layer = keras.layers.Activation("linear")
    layer.call = lambda inputs: inputs + shift
    return compiled(keras.Sequential([keras.Input((2,), name="x"), layer, *outputs()]))


def adapted(most):
    layer = keras.layers.Normalization()
    layer.adapt(np.clip(blobs()[0], None, most))
    return compiled(keras.Sequential([keras.Input((2,), name="x"), layer, *outputs()]))


def outputs():
    return [keras.layers.Dense(3, activation="softmax")]


def test_a_name_is_masked_only_where_it_is_one():
    texts = {architecture(named_after_its_activation(name)) for name in ("relu", "tanh")}
    assert len(texts) == 2
    assert architecture(named_after_its_activation("relu")) in texts


@pytest.mark.parametrize("build", [adapted, scaled])
def test_what_no_variable_holds_is_not_shared(build):
    x, y = blobs()
    how = {"cv": 2, "epochs": 1}
    [name] = inspect.signature(build).parameters
    found = selection.tune(build, {name: [9.0, 0.5]}, x, y, **how)
    alone = selection.cross_validate(functools.partial(build, 0.5), x, y, **how)
    assert found.cv_results_["mean_test_loss"][1] == alone.mean["loss"]


def test_automatic_names_share_a_program(monkeypatch):
    def unnamed():
        return compiled(keras.Sequential([keras.Input((2,)), *outputs()]))

    traces = count_traces(monkeypatch)
    selection.cross_validate(unnamed, *blobs(), **QUICK)
    assert len(traces) == 1
