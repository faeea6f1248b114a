"""Training that ends in NaN or infinity stops with an error and finite weights."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import models
from tests.helpers.engine_cases import FEATURES, X, Y, assert_close, classifier

BATCH = 35
STEPS = len(X) // BATCH
EPOCH = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
BATCHES = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)

# How each engine gets its data, and what makes it run.
ENGINES = {
    "graph": {"x": X, "y": Y, "batch_size": BATCH, "shuffle": False},
    "graph, one epoch a call": {
        "x": X,
        "y": Y,
        "batch_size": BATCH,
        "shuffle": False,
        "callbacks": EPOCH,
    },
    "stream": {"x": tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH)},
    "keras": {"x": X, "y": Y, "batch_size": BATCH, "shuffle": False, "callbacks": BATCHES},
    "xla": {"x": X, "y": Y, "batch_size": BATCH, "shuffle": False, "engine": "xla"},
}
EVERY_ENGINE = [pytest.param(e, marks=pytest.mark.slow) if e == "xla" else e for e in ENGINES]


def leap(epochs):
    """An optimizer that is sane for some epochs, and leaps to infinity in the next."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([epochs * STEPS - 1], [0.1, 1e38])
    return keras.optimizers.SGD(rate, momentum=0.9)


def quiet(call):
    """Numbers overflow here on purpose."""
    with np.errstate(all="ignore"):
        return call()


@pytest.fixture(scope="module")
def sane():
    """A model after six epochs without a leap."""
    model = classifier(leap(10**6))
    kerasnn.fit(model, epochs=6, verbose=0, **ENGINES["graph"])
    return model


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_leap_in_mid_run(engine, sane):
    """The epoch is the true one, and everything is as it was after the one before."""
    leaping = classifier(leap(6))
    kernel = leaping.layers[0].kernel.path
    message = rf"in epoch 7: `{kernel}` and 3 other weights held NaN or infinity\. .*learning rate"
    with pytest.raises(FloatingPointError, match=message):
        quiet(lambda: kerasnn.fit(leaping, epochs=40, verbose=0, **ENGINES[engine]))
    for ours, wanted in zip(
        [*leaping.variables, *leaping.optimizer.variables],
        [*sane.variables, *sane.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_allclose(
            ours.numpy(), wanted.numpy(), rtol=1e-4, atol=1e-6, err_msg=ours.path
        )


@keras.saving.register_keras_serializable("tests")
class Logarithm(keras.layers.Layer):
    """NaN below 0, where it is not defined."""

    def call(self, x):
        return keras.ops.log(x)


def hiding():
    """A model that one row makes NaN, and rows that end with it."""
    layers = [Logarithm(), keras.layers.Dense(4), keras.layers.ReLU()]
    x = np.abs(X) + 0.1
    x[-1] = -1
    return classifier("sgd", hidden=lambda: layers), x


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_nan_behind_a_relu(engine):
    """The loss stays finite, and so the weights have to be looked at."""
    model, x = hiding()
    arguments = dict(ENGINES[engine])
    if engine == "stream":
        arguments["x"] = tf.data.Dataset.from_tensor_slices((x, Y)).batch(BATCH)
    else:
        arguments["x"] = x
    before = model.get_weights()
    # Some ReLUs let NaN through, so that the weights behind them are NaN as well.
    message = rf"epoch 1: `{model.layers[1].kernel.path}`(?: and \d other weights)? held"
    with pytest.raises(FloatingPointError, match=message):
        kerasnn.fit(model, epochs=3, verbose=0, **arguments)
    assert_close(model.get_weights(), before, tolerance=0)


@pytest.mark.parametrize("engine", ["graph", "keras"])
def test_a_loss_that_is_not_finite_over_weights_that_are(engine):
    def loss(y_true, y_pred):
        return 0 * keras.ops.mean(y_pred, axis=-1) + np.nan

    model = classifier("sgd", loss=loss)
    with pytest.raises(FloatingPointError, match="in epoch 1: the loss held NaN or infinity"):
        kerasnn.fit(model, verbose=0, **ENGINES[engine])


def test_a_model_trains_on_after_an_error():
    """With a lower rate, from the weights that it was left with, through the same program."""
    model = classifier(keras.optimizers.SGD(1e38))
    with pytest.raises(FloatingPointError, match=r"it is 1e\+38; try a tenth of it"):
        quiet(lambda: kerasnn.fit(model, X, Y, epochs=9, verbose=0))
    model.optimizer.learning_rate = 0.1
    history = kerasnn.fit(model, X, Y, epochs=9, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_the_rate_that_sgd_needs_in_the_units_of_the_targets_is_named():
    """It trains; other optimizers are not blamed."""
    y = 100 * X[:, 0]

    def fit(optimizer, epochs):
        model = models.mlp(FEATURES, task="regression", hidden=(8,), optimizer=optimizer, seed=0)
        return quiet(lambda: model.fit(X, y, epochs=epochs, verbose=0)).history["loss"][-1]

    with pytest.raises(FloatingPointError, match="learning rate, which is 1") as caught:
        fit(keras.optimizers.SGD(1.0), epochs=5)
    [rate] = re.findall("learning_rate=(.*?), which is 0.01 / y.var", str(caught.value))
    np.testing.assert_allclose(float(rate), 1e-2 / y.var(), rtol=0.05)
    assert fit(keras.optimizers.SGD(float(rate)), epochs=20) < 0.5 * y.var()
    with pytest.raises(FloatingPointError, match="Likely causes"):
        fit(keras.optimizers.Adam(1e38), epochs=5)


def test_the_epoch_is_counted_from_the_first():
    model = classifier(leap(3))
    with pytest.raises(FloatingPointError, match="in epoch 24"):
        quiet(
            lambda: kerasnn.fit(model, initial_epoch=20, epochs=40, verbose=0, **ENGINES["graph"])
        )


def test_an_epoch_in_parts(monkeypatch):
    """The weights are those before the epoch, whichever of its parts failed."""
    monkeypatch.setattr("kerasnn.training.loop.row_blocks._CACHED_BYTES", 0)
    monkeypatch.setattr(
        "kerasnn.training.loop.row_blocks._GATHERED_BYTES", BATCH * (FEATURES * 4 + 8)
    )
    model, x = hiding()
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match="in epoch 1"):
        kerasnn.fit(model, x, Y, batch_size=BATCH, shuffle=False, verbose=0)
    assert_close(model.get_weights(), before, tolerance=0)
    assert int(model.optimizer.iterations) == 0


def test_terminate_on_nan_keeps_its_meaning():
    """Who asks for Keras's own callback gets what it does: training ends, without an error."""
    model = classifier(keras.optimizers.SGD(1e38))
    stop = keras.callbacks.TerminateOnNaN()
    history = quiet(lambda: kerasnn.fit(model, X, Y, epochs=9, verbose=0, callbacks=stop))
    assert history.engine == "keras"
    assert len(history.epoch) < 9


def test_half_precision_skips_overflowing_steps():
    """Loss scaling meets infinite gradients as a matter of course; they are no error."""
    keras.config.set_dtype_policy("mixed_float16")
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=2.0**24)
    model = classifier(scaled)
    history = kerasnn.fit(model, X, Y, epochs=5, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert float(model.optimizer.dynamic_scale.numpy()) < 2.0**24
