"""`models.perceptron` is Rosenblatt's rule, update by update."""

import itertools

import keras
import numpy as np
import pytest

from kerasnn import models

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
FORMULATIONS = ("bias", "threshold", "weight")
FUNCTIONS = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "nand": [1, 1, 1, 0], "xor": [0, 1, 1, 0]}
RNG = np.random.default_rng(0)


def rosenblatt(x, y, rate, epochs):
    """w <- w + rate (y - y_hat) (x, 1), row by row; returns (w, b) after every update."""
    rows = np.column_stack([x, np.ones(len(x))]).astype("float32")
    w = np.zeros(rows.shape[1], "float32")
    for _ in range(epochs):
        for row, target in zip(rows, y, strict=True):
            w = w + np.float32(rate) * (target - np.float32(row @ w > 0)) * row
            yield w


def weights_of(model):
    """The weights as (w, b), whatever the formulation."""
    return np.concatenate(
        [np.ravel(weight) for weight in model.get_layer("output").convert("bias").get_weights()]
    )


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_update_by_update(formulation):
    """One row at a time, each change of the weights is that of the rule."""
    x = RNG.integers(-3, 4, size=(25, 3)).astype("float32")
    y = (x @ [1, -2, 1] + 1 > 0).astype("float32")
    model = models.perceptron(3, formulation=formulation)
    updates = rosenblatt(x, y, 1.0, 1)
    for row, target, wanted in zip(x, y, updates, strict=True):
        model.train_on_batch(row[None], target[None, None])
        np.testing.assert_array_equal(weights_of(model), wanted)


@pytest.mark.parametrize(
    ("formulation", "rate"), [("bias", 1.0), ("threshold", 0.25), ("weight", 1.0)]
)
def test_fit_with_single_rows_is_the_rule(formulation, rate):
    x = RNG.integers(-3, 4, size=(20, 2)).astype("float32")
    y = RNG.integers(0, 2, size=20).astype("float32")
    model = models.perceptron(2, formulation=formulation, learning_rate=rate)
    model.fit(x, y, batch_size=1, epochs=3, shuffle=False, verbose=0, engine="graph")
    *_, wanted = rosenblatt(x, y, rate, 3)
    np.testing.assert_array_equal(weights_of(model), wanted)


def test_a_batch_takes_the_mean_of_the_changes():
    x, y = CORNERS + 1, np.array([1, 0, 0, 0], "float32")
    model = models.perceptron(2)
    model.fit(x, y, batch_size="full", verbose=0)
    rows = np.column_stack([x, np.ones(4)])
    np.testing.assert_allclose(weights_of(model), (y[:, None] * rows).mean(axis=0))


@pytest.mark.parametrize(
    ("function", "formulation"), [("nand", "bias"), ("and", "threshold"), ("or", "weight")]
)
def test_linearly_separable_functions_are_learned(formulation, function):
    model = models.perceptron(2, formulation=formulation)
    history = model.fit(
        CORNERS, FUNCTIONS[function], batch_size=1, epochs=25, verbose=0, engine="graph"
    )
    np.testing.assert_array_equal(model.predict(CORNERS, verbose=0).ravel(), FUNCTIONS[function])
    # Once it makes no error it changes no more.
    assert history.history["loss"][-1] == 0
    assert history.history["accuracy"][-1] == 1


def test_xor_is_never_learned():
    model = models.perceptron(2)
    history = model.fit(CORNERS, FUNCTIONS["xor"], batch_size=1, epochs=100, verbose=0)
    assert max(history.history["accuracy"]) < 1
    # No other weights fit either.
    grid = np.linspace(-2, 2, 17)
    for w1, w2, b in itertools.product(grid, grid, grid):
        assert ((CORNERS @ [w1, w2] + b > 0) != FUNCTIONS["xor"]).any()


def test_novikoffs_bound():
    """The rule makes at most (R / margin)^2 errors on linearly separable rows."""
    x = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
    w = np.array([0.6, 0.8])
    x = x[np.abs(x @ w) > 0.3]
    y = (x @ w > 0).astype("float32")
    updates = np.array(list(rosenblatt(x, y, 1.0, 50)))
    changes = (np.diff(updates, axis=0) != 0).any(axis=1).sum() + (updates[0] != 0).any()
    radius = np.linalg.norm(np.column_stack([x, np.ones(len(x))]), axis=1).max()
    assert changes <= (radius / np.abs(x @ w).min()) ** 2
    model = models.perceptron(2)
    model.fit(x, y, batch_size=1, epochs=50, shuffle=False, verbose=0, engine="graph")
    np.testing.assert_allclose(weights_of(model), updates[-1], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.predict(x, verbose=0).ravel(), y)


def test_the_rate_scales_weights_and_changes_no_prediction():
    x = RNG.integers(-3, 4, size=(20, 2)).astype("float32")
    y = RNG.integers(0, 2, size=20)
    one, four = models.perceptron(2), models.perceptron(2, learning_rate=4.0)
    for model in (one, four):
        model.fit(x, y, batch_size=1, epochs=2, shuffle=False, verbose=0, engine="graph")
    np.testing.assert_array_equal(weights_of(four), 4 * weights_of(one))
    np.testing.assert_array_equal(four.predict(x, verbose=0), one.predict(x, verbose=0))


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_it_starts_at_zero_and_is_saved(formulation, tmp_path):
    model = models.perceptron((1, 2), formulation=formulation)
    assert model.name == "perceptron"
    np.testing.assert_array_equal(weights_of(model), np.zeros(3))
    x = CORNERS[:, None]
    model.fit(x, FUNCTIONS["or"], batch_size=1, epochs=10, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0).ravel(), FUNCTIONS["or"])
    np.testing.assert_array_equal(weights_of(loaded), weights_of(model))
