"""`AdamW` against Keras's: the same weights from every engine, and in a file."""

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import optimizers
from tests.helpers.engine_cases import fit_by_keras
from tests.helpers.seeds import set_seeds

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
Y = np.sin(X[:, :1])
CASES = {
    "decay": ({"weight_decay": 0.5, "beta_1": 0.5, "beta_2": 0.9}, ("graph", "xla", "keras")),
    "options": (
        {"clipnorm": 0.1, "amsgrad": True, "use_ema": True, "ema_momentum": 0.5},
        ("graph",),
    ),
    "accumulated": ({"gradient_accumulation_steps": 2}, ("graph",)),
}


def network(kind, rate=0.02, excluded=(), **options):
    set_seeds(3)
    layers = [keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)]
    model = kerasnn.Sequential([keras.Input((4,)), *layers])
    optimizer = kind(rate, **options)
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=list(excluded))
    model.compile(optimizer, loss="mse")
    return model


def assert_equal(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("options", "engines"), CASES.values(), ids=CASES)
def test_against_keras(options, engines):
    theirs = network(keras.optimizers.AdamW, **options)
    fit_by_keras(theirs, X, Y, epochs=3, batch_size=16, verbose=0, shuffle=False)
    for engine in engines:
        ours = network(optimizers.AdamW, **options)
        ours.fit(X, Y, epochs=3, batch_size=16, verbose=0, shuffle=False, engine=engine)
        assert_equal(ours, theirs)


def test_schedules_and_weights_without_decay():
    rate = keras.optimizers.schedules.CosineDecay(0.05, 10)
    ours, theirs = (
        network(kind, rate, ["bias"], weight_decay=0.3)
        for kind in (optimizers.AdamW, keras.optimizers.AdamW)
    )
    for model in (ours, theirs):
        model.fit(X, Y, epochs=3, batch_size=16, verbose=0, shuffle=False, engine="graph")
    assert_equal(ours, theirs)


def test_factors_of_the_decay(invalid):
    """As Keras's way to exclude the others."""
    ours = network(optimizers.AdamW, weight_decay=0.25, decay_factors={"kernel": 2.0})
    theirs = network(keras.optimizers.AdamW, excluded=["bias"], weight_decay=0.5)
    for model in (ours, theirs):
        model.fit(X, Y, epochs=3, batch_size=16, verbose=0, shuffle=False, engine="graph")
    assert_equal(ours, theirs)
    again = optimizers.AdamW.from_config(ours.optimizer.get_config())
    assert (again.decay_factor("kernel"), again.decay_factor("bias")) == (2.0, 0.0)
    for wrong in (["kernel"], {"kernel": -1}, {"kernel": "all"}):
        with invalid("decay_factors" if isinstance(wrong, list) else "decay_factors['kernel']"):
            optimizers.AdamW(decay_factors=wrong)


def test_a_saved_model_trains_on(tmp_path):
    model = network(optimizers.AdamW, weight_decay=0.1)
    model.fit(X, Y, epochs=2, verbose=0, seed=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is optimizers.AdamW
    for each in (model, loaded):
        kerasnn.fit(each, X, Y, epochs=2, verbose=0, seed=2, engine="graph")
    assert_equal(loaded, model)


def test_in_float64():
    keras.config.set_dtype_policy("float64")
    model = network(optimizers.AdamW)
    model.train_on_batch(X, Y)
    assert np.isfinite(model.get_weights()[0]).all()
