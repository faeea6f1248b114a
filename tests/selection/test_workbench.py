"""Settings that must not be trained by one program."""

import functools
import inspect

import keras
import numpy as np
import pytest
from selection_helpers import blobs, count_traces

import kerasnn
from kerasnn import selection
from kerasnn.selection.sharing.config_key import architecture
from kerasnn.selection.sharing.model_pool import Workbench

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


def network(*hidden, loss="sparse_categorical_crossentropy", optimizer=None):
    layers = [keras.Input((2,)), *hidden, *outputs()]
    model = keras.Sequential(layers)
    model.compile(optimizer or keras.optimizers.Adam(0.02), loss)
    return model


def huber(delta):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.Huber(delta=delta))
    return model


def excluded(name):
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=1e-4)
    optimizer.exclude_from_weight_decay(var_names=[name])
    return network(optimizer=optimizer)


def wrapped_dropout(rate):
    inner = keras.layers.TimeDistributed(kerasnn.layers.Dropout(rate, seed=0))
    steps = keras.layers.Reshape((2, 1))
    return network(steps, keras.layers.Dense(8), inner, keras.layers.Flatten())


def named_as_one_of_keras(slope):
    def leaky_relu(x):
        return keras.ops.maximum(slope * x, x)

    model = network(keras.layers.Dense(4, activation=leaky_relu))
    model.layers[-1].kernel.assign(keras.ops.zeros((4, 3)))
    return model


def weighed_by_itself(factor):
    model = network()
    loss = model.compute_loss
    model.compute_loss = lambda *args, **kwargs: factor * loss(*args, **kwargs)
    return model


def told_later(attribute, value):
    model = network(keras.layers.Dense(4))
    setattr(model.layers[0].kernel, attribute, value)
    return model


DIFFERENT = {
    "argument of a loss": (huber, 0.1, 3.0),
    "exclusion from weight decay": (excluded, "kernel", "bias"),
    "dropout in a wrapper": (wrapped_dropout, 0.1, 0.5),
    "function with a name of Keras's": (named_as_one_of_keras, 0.0, 0.9),
    "method of one object": (weighed_by_itself, 1.0, 2.0),
    "frozen weight": (functools.partial(told_later, "trainable"), True, False),
    "regularizer of a weight": (
        functools.partial(told_later, "regularizer"),
        keras.regularizers.OrthogonalRegularizer(0.01),
        keras.regularizers.OrthogonalRegularizer(0.1),
    ),
    "constraint of a weight": (
        functools.partial(told_later, "constraint"),
        None,
        keras.constraints.MaxNorm(0.5),
    ),
}
ROWS = (blobs()[0][:8].astype("float32"), blobs()[1][:8], None)


def test_a_layer_of_the_script_itself_is_the_user_s(monkeypatch):
    class Own(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    assert architecture(network(keras.layers.Dense(4))) is not None
    monkeypatch.setattr(Own, "__module__", "__main__")
    assert architecture(network(Own())) is None


@pytest.mark.parametrize(("build", "one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_no_configuration_says_is_not_shared(build, one, other):
    bench = Workbench({8}, 1)
    kept, first = build(one), object()
    assert bench.place(kept, ROWS, first) is kept
    assert bench.place(build(one), ROWS, first) is kept
    assert bench.place(build(one), ROWS, object()) is kept
    second = build(other)
    before = [np.array(v) for v in second.variables]
    setting = object()
    assert bench.place(second, ROWS, setting) is second
    np.testing.assert_equal([np.array(v) for v in second.variables], before)
    # It is kept beside the other.
    assert bench.place(build(other), ROWS, setting) is second
    assert bench.place(build(one), ROWS, first) is kept


def test_a_loss_is_not_shared_where_no_row_shows_what_it_was_told():
    """All errors of these rows are far below both deltas."""
    texts = {architecture(huber(delta)) for delta in (1e4, 2e4)}
    assert len(texts) == 2
    assert architecture(huber(1e4)) in texts


def scaled_momentum(momentum):
    sgd = kerasnn.optimizers.SGD(0.1, momentum=momentum)
    return network(optimizer=keras.optimizers.LossScaleOptimizer(sgd, initial_scale=1.0))


def test_loss_scaling_starts_anew_and_reads_the_momentum(monkeypatch):
    """Each fold and setting as with a model of its own."""
    traces = count_traces(monkeypatch)
    given = {"cv": 2, "epochs": 3, "batch_size": 8}
    momenta = [0.1, 0.9]
    found = selection.tune(scaled_momentum, {"momentum": momenta}, *blobs(), **given)
    assert len(traces) == 1
    monkeypatch.setattr("kerasnn.selection.sharing.model_pool.architecture", lambda model: None)
    for momentum, loss in zip(momenta, found.cv_results_["mean_test_loss"], strict=True):
        build = functools.partial(scaled_momentum, momentum)
        alone = selection.cross_validate(build, *blobs(), **given).mean["loss"]
        assert alone == pytest.approx(loss, rel=1e-5)


def test_a_model_takes_the_values_of_the_fresh_one():
    bench = Workbench({8}, 1)
    bench.place(network(), ROWS, None)
    fresh = network()
    values = [np.array(v) for v in fresh.variables]
    kept = bench.place(fresh, ROWS, None)
    assert kept is not fresh
    np.testing.assert_equal([np.array(v) for v in kept.variables], values)
    assert float(kept.optimizer.learning_rate) == float(fresh.optimizer.learning_rate)
    assert not any(np.any(np.array(v)) for v in kept.optimizer.variables[2:])


class Freeze(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.layers[0].trainable = False


class Decay(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.weight_decay = 0.5


@pytest.mark.slow
@pytest.mark.parametrize("callback", [Freeze, Decay])
def test_what_a_callback_sets_does_not_reach_the_next_fold(callback):
    """Two folds side by side have models of their own; one after the other they share one."""

    def build():
        return network(keras.layers.Dense(4, activation="relu"))

    x, y = blobs()
    how = {"cv": 2, "epochs": 2, "callbacks": lambda: [callback()]}
    shared = selection.cross_validate(build, x, y, **how).scores["loss"]
    apart = selection.cross_validate(build, x, y, **how, jobs=2).scores["loss"]
    np.testing.assert_allclose(shared, apart, rtol=1e-5)


def test_a_name_is_masked_only_where_it_is_one():
    texts = {architecture(named_after_its_activation(name)) for name in ("relu", "tanh")}
    assert len(texts) == 2
    assert architecture(named_after_its_activation("relu")) in texts


@pytest.mark.slow
@pytest.mark.parametrize("build", [adapted, scaled])
def test_what_no_variable_holds_is_not_shared(build):
    x, y = blobs()
    how = {"cv": 2, "epochs": 1}
    [name] = inspect.signature(build).parameters
    found = selection.tune(build, {name: [9.0, 0.5]}, x, y, **how)
    alone = selection.cross_validate(functools.partial(build, 0.5), x, y, **how)
    assert found.cv_results_["mean_test_loss"][1] == pytest.approx(alone.mean["loss"], rel=1e-5)


def test_automatic_names_share_a_program(monkeypatch):
    def unnamed():
        return compiled(keras.Sequential([keras.Input((2,)), *outputs()]))

    traces = count_traces(monkeypatch)
    selection.cross_validate(unnamed, *blobs(), **QUICK)
    assert len(traces) == 1
