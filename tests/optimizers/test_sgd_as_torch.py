"""SGD against the numbers of `torch.optim.SGD`, written by `make_golden.py`."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn.optimizers import SGD
from tests.optimizers.sgd_cases import (
    ARGUMENTS,
    CHANGE,
    FEATURES,
    RATES,
    STEPS,
    THAW,
    UNITS,
    V,
    W,
    X,
    Y,
    by_torch,
    name_of,
)

GOLDEN = json.loads(pathlib.Path(__file__).with_name("torch_sgd.json").read_text("utf-8"))
TOLERANCE = {"rtol": 0, "atol": 1e-6}


def network(optimizer):
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(UNITS, "tanh", use_bias=False),
            keras.layers.Dense(1, "tanh", use_bias=False),
        ]
    )
    model.set_weights([W, V])
    model.compile(optimizer, loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def train(model, steps, variables):
    """Full-batch steps on some of the variables, in one program."""

    @tf.function
    def run():
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(X) - Y) ** 2)
            gradients = tape.gradient(loss, [v.value for v in variables])
            model.optimizer.apply(gradients, variables)

    run()


@pytest.mark.parametrize(
    "arguments",
    [
        # One case of each kind of momentum is quick, with or without the two other options.
        pytest.param(
            some, id=name_of(some), marks=() if i % 5 == 0 or i == 18 else pytest.mark.slow
        )
        for i, some in enumerate(ARGUMENTS)
    ],
)
def test_a_hundred_steps(arguments, tmp_path):
    """With a layer that is frozen at first, a change of the rate, and saving halfway."""
    halfway, end = GOLDEN[name_of(arguments)]
    model = network(SGD(RATES[0], **arguments))
    train(model, THAW, model.trainable_variables[:1])
    train(model, CHANGE - THAW, model.trainable_variables)
    for ours, wanted in zip(model.get_weights(), halfway, strict=True):
        np.testing.assert_allclose(ours, wanted, **TOLERANCE)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        each.optimizer.learning_rate = RATES[1]
        train(each, STEPS - CHANGE, each.trainable_variables)
    for ours, again, wanted in zip(model.get_weights(), loaded.get_weights(), end, strict=True):
        np.testing.assert_array_equal(again, ours)
        np.testing.assert_allclose(ours, wanted, **TOLERANCE)


def test_a_file_before_the_first_gradient(tmp_path):
    """The flag for the first gradient of a buffer is saved with it."""
    arguments = {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}
    model = network(SGD(RATES[0], **arguments))
    train(model, THAW, model.trainable_variables[:1])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    train(loaded, CHANGE - THAW, loaded.trainable_variables)
    halfway, _ = GOLDEN[name_of({**ARGUMENTS[0], **arguments})]
    for ours, wanted in zip(loaded.get_weights(), halfway, strict=True):
        np.testing.assert_allclose(ours, wanted, **TOLERANCE)


def test_the_written_numbers_are_torchs():
    pytest.importorskip("torch")
    for arguments in ARGUMENTS:
        for live, written in zip(by_torch(arguments), GOLDEN[name_of(arguments)], strict=True):
            for a, b in zip(live, written, strict=True):
                np.testing.assert_allclose(a, b, **TOLERANCE)
