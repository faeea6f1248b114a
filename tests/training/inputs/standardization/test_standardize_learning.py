"""`fit` lets `Standardize` learn once, from the training rows and nothing else."""

import warnings

import keras
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

import kerasnn
from tests.helpers.engine_cases import assert_learned
from tests.training.inputs.standardization.standardize_cases import (
    BITS,
    RNG,
    ROWS,
    X,
    Y,
    classifier,
    regressor,
)


@pytest.fixture(scope="module")
def compiled_once():
    return {"classifier": classifier(), "regressor": regressor()}


@pytest.fixture
def fresh(compiled_once):
    """A classifier that has learned nothing; what was compiled for it takes the time, and stays."""
    compiled_once["classifier"].get_layer("standardize").reset()
    return compiled_once["classifier"]


@pytest.fixture
def fresh_regressor(compiled_once):
    for name in ("standardize", "target_units"):
        compiled_once["regressor"].get_layer(name).reset()
    return compiled_once["regressor"]


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ({}, slice(None)),
        ({"validation_split": 0.25}, slice(30)),
        ({"validation_split": 0.25, "sample_weight": np.zeros(ROWS)}, slice(30)),
        ({"validation_data": (X + 1e6, BITS)}, slice(None)),
        ({"batch_size": 7, "epochs": 2}, slice(None)),
        ({"batch_size": "full", "validation_split": 0.5}, slice(20)),
        ({"engine": "keras", "validation_split": 0.25}, slice(30)),
    ],
    ids=["all", "split", "weights", "validation data", "batches", "full batch", "keras"],
)
def test_training_rows_only(fresh, arguments, rows):
    fresh.fit(X, BITS, **{"epochs": 1, "verbose": 0, **arguments})
    assert_learned(fresh.get_layer("standardize"), X[rows])


def test_targets_learn_from_training_rows_only(fresh_regressor):
    fresh_regressor.fit(X, Y, validation_split=0.25, verbose=0)
    assert_learned(fresh_regressor.get_layer("standardize"), X[:30])
    assert_learned(fresh_regressor.get_layer("target_units"), Y[:30, None])


def test_targets_come_back_in_their_units():
    """The network computes numbers of order one and predicts thousands."""
    model = kerasnn.models.mlp(3, 2, task="regression", hidden=(), seed=0)
    y = np.stack([Y * 1000, Y * -0.001 + 4], axis=1)
    model.fit(X, y, verbose=0)
    inner = keras.Model(model.inputs, model.get_layer("output").output)
    scaler = StandardScaler().fit(y)
    np.testing.assert_allclose(
        model.predict(X, verbose=0),
        scaler.inverse_transform(inner.predict(X, verbose=0)),
        rtol=1e-5,
    )


def test_the_first_fit_only(fresh):
    fresh.fit(X[:10], BITS[:10], verbose=0)
    fresh.fit(X, BITS, verbose=0)
    assert_learned(fresh.get_layer("standardize"), X[:10])


def test_reset_makes_the_next_fit_learn_anew(fresh):
    fresh.fit(X[:10], BITS[:10], verbose=0)
    fresh.get_layer("standardize").reset()
    assert not fresh.get_layer("standardize").adapted
    fresh.fit(X, BITS, verbose=0)
    assert_learned(fresh.get_layer("standardize"), X)


def test_adapt_comes_before_fit_and_stays(fresh):
    fresh.get_layer("standardize").adapt(X[:10])
    fresh.fit(X, BITS, verbose=0)
    assert_learned(fresh.get_layer("standardize"), X[:10])
    fresh.get_layer("standardize").adapt(X[:20])
    assert_learned(fresh.get_layer("standardize"), X[:20])


def test_saved_with_the_model(tmp_path):
    model = regressor()
    model.fit(X[:20], Y[:20], verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.fit(X, Y, verbose=0)
    assert loaded.get_layer("standardize").adapted
    assert_learned(loaded.get_layer("standardize"), X[:20])
    assert_learned(loaded.get_layer("target_units"), Y[:20, None])


def test_evaluate_and_predict_learn_nothing(fresh):
    fresh.predict(X, verbose=0)
    fresh.evaluate(X, BITS, verbose=0)
    assert not fresh.get_layer("standardize").adapted


@pytest.mark.parametrize("value", [0.0, 5.0, 0.1, 1e-20, 123456.7])
def test_a_constant_feature_gives_0(fresh, value):
    x = X.copy()
    x[:, 1] = value
    history = fresh.fit(x, BITS, verbose=0)
    np.testing.assert_array_equal(fresh.get_layer("standardize")(x).numpy()[:, 1], 0)
    assert np.isfinite(history.history["loss"]).all()


def test_a_feature_that_is_constant_but_for_roundoff_gives_0(fresh):
    """The mean of equal numbers may miss them by a digit; that is no variance."""
    x = X.astype("float64")
    x[:, 1] = 0.1 + 0.2 + RNG.integers(-2, 3, ROWS) * 1e-16
    fresh.fit(x, BITS, verbose=0)
    np.testing.assert_array_equal(fresh.get_layer("standardize")(x).numpy()[:, 1], 0)


def test_a_column_that_is_constant_no_longer_is_warned_of(fresh):
    constant = X.copy()
    constant[:, 1] = 7.0
    fresh.fit(constant, BITS, verbose=0)
    with pytest.warns(UserWarning, match=rf"on {ROWS} rows .* vary now \(columns 1\).*reset\(\)"):
        fresh.fit(X, BITS, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fresh.fit(constant, BITS, verbose=0)


@pytest.mark.parametrize(
    ("unit", "warns"), [(1e-6, True), (1e-3, False), (1e6, False), (1e8, True)]
)
def test_targets_in_units_that_training_cannot_reach_are_warned_of(unit, warns, fresh_regressor):
    y = unit * RNG.normal(size=ROWS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fresh_regressor.fit(X, y, verbose=0)
    assert any("Divide `y` by" in str(each.message) for each in caught) is warns


def test_a_constant_target_is_learned_at_once(fresh_regressor):
    fresh_regressor.fit(X, np.full(ROWS, 7.5), verbose=0)
    np.testing.assert_allclose(fresh_regressor.predict(X, verbose=0), 7.5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_large_mean_keeps_its_digits(policy):
    """bfloat16 knows no year between 2016 and 2024."""
    keras.config.set_dtype_policy(policy)
    years = np.arange(1990, 1990 + ROWS)[:, None].astype("float32")
    model = kerasnn.models.mlp(1, task="binary", hidden=(2,), seed=0)
    model.fit(years, BITS, verbose=0)
    assert_learned(model.get_layer("standardize"), years)
    front = keras.Model(model.inputs, model.get_layer("standardize").output)
    wanted = StandardScaler().fit_transform(years)
    digits = 1e-6 if policy == "float32" else 2**-8
    np.testing.assert_allclose(front.predict(years, verbose=0), wanted, rtol=digits, atol=1e-6)


def test_targets_with_a_large_mean_keep_their_digits():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = regressor()
    model.fit(X, 2000 + np.arange(ROWS), verbose=0)
    assert_learned(model.get_layer("target_units"), 2000.0 + np.arange(ROWS)[:, None])
    assert model.predict(X, verbose=0).dtype == np.float32


@pytest.mark.slow
def test_images_keep_statistics_of_each_channel():
    images = RNG.normal(size=(ROWS, 4, 4, 2)) * [1, 9] + [5, 0]
    for augment in (False, True):
        model = kerasnn.models.cnn(
            (4, 4, 2), task="binary", filters=2, hidden=(), augment=augment, seed=0
        )
        model.fit(images, BITS, validation_split=0.25, verbose=0)
        assert_learned(model.get_layer("standardize"), images[:30])


def test_images_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    images = RNG.integers(0, 256, size=(ROWS, 4, 4, 1))
    model = kerasnn.models.cnn((4, 4, 1), task="binary", filters=2, hidden=(), augment=True, seed=0)
    model.fit(images, BITS, verbose=0)
    assert_learned(model.get_layer("standardize"), images)


def test_graphs_keep_statistics_of_each_feature():
    model = kerasnn.models.graph_network(3, task="regression", seed=0)
    features = X.reshape(8, 5, 3)
    graphs = {"features": features, "adjacency": np.zeros((8, 5, 5))}
    model.fit(graphs, Y.reshape(8, 5, 1), verbose=0)
    assert_learned(model.get_layer("standardize"), X)
    assert_learned(model.get_layer("target_units"), Y[:, None])


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_variances_beyond_float32(refuses, scale):
    model = classifier()
    with refuses(model, argument="x"):
        model.fit(X * scale, BITS, verbose=0)
