"""Rosenblatt's rule, and functions of two layers of threshold units."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import Perceptron as SklearnPerceptron

from kerasnn import models
from kerasnn.layers import Perceptron, Threshold

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
XOR = np.array([0, 1, 1, 0], "float32")
START = np.array([0.5, -0.25, 0.125], "float32")
RNG = np.random.default_rng(0)


def bias_weights(model):
    return [np.ravel(w) for w in model.get_layer("output").convert("bias").get_weights()]


@pytest.mark.parametrize(
    ("formulation", "rate"), [("bias", 1.0), ("threshold", 0.5), ("weight", 0.25)]
)
def test_update_by_update_against_scikit_learn(formulation, rate):
    """From the same weights; scikit-learn counts a score of exactly 0 as wrong for both classes."""
    # Fractions that float32 represents exactly, so that nothing is rounded.
    rng = np.random.default_rng(0)
    x = rng.integers(-6, 7, size=(40, 3)).astype("float32")
    x[:, 0] += 1 / 16
    y = rng.integers(0, 2, size=40).astype("float32")
    model = models.perceptron(3, formulation=formulation, learning_rate=rate)
    start = Perceptron()
    start.build((None, 3))
    start.set_weights([START[:, None], np.array([0.75], "float32")])
    model.get_layer("output").set_weights(start.convert(formulation).get_weights())
    theirs = SklearnPerceptron(eta0=rate, shuffle=False, max_iter=1, tol=None, warm_start=False)
    theirs.partial_fit(x[:1].astype(float), y[:1], classes=[0, 1])
    theirs.coef_, theirs.intercept_ = START[None].astype(float), np.array([0.75])
    changes = 0
    for row, target in zip(x, y, strict=True):
        before = theirs.coef_.copy()
        assert theirs.decision_function(row[None].astype(float))[0] != 0
        theirs.partial_fit(row[None].astype(float), [target])
        model.train_on_batch(row[None], target[None, None])
        kernel, bias = bias_weights(model)
        np.testing.assert_array_equal(kernel, theirs.coef_[0])
        np.testing.assert_array_equal(bias, theirs.intercept_)
        changes += (theirs.coef_ != before).any()
    assert changes > 10


def test_two_updates_by_hand():
    """(1, 2) of class 1 is missed, so that w = (1, 2), b = 1; then (3, -1) of class 0 gives 1."""
    model = models.perceptron(2)
    model.train_on_batch(np.array([[1.0, 2.0]]), np.array([[1.0]]))
    np.testing.assert_array_equal(np.concatenate(bias_weights(model)), [1, 2, 1])
    model.train_on_batch(np.array([[3.0, -1.0]]), np.array([[0.0]]))
    np.testing.assert_array_equal(np.concatenate(bias_weights(model)), [-2, 3, 0])
    model.train_on_batch(np.array([[-1.0, 1.0]]), np.array([[1.0]]))
    np.testing.assert_array_equal(np.concatenate(bias_weights(model)), [-2, 3, 0])


def test_mistakes_stay_within_novikoffs_bound():
    """With batches of one row, the mean absolute error of an epoch counts its mistakes."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    rows = np.column_stack([rng.normal(size=(200, 2)), np.ones(200)])
    rows = rows[np.abs(rows @ direction) > 0.2][:60].astype("float32")
    y = (rows @ direction > 0).astype("float32")
    bound = (np.linalg.norm(rows, axis=1).max() / np.abs(rows @ direction).min()) ** 2
    model = models.perceptron(2)
    history = model.fit(
        rows[:, :2], y, batch_size=1, epochs=60, shuffle=False, engine="graph", verbose=0
    )
    mistakes = np.round(np.array(history.history["loss"]) * len(rows))
    assert 0 < mistakes.sum() <= bound
    assert mistakes[-1] == 0


def test_xor_is_not_learned():
    """Rows that are not linearly separable give a mistake in every epoch."""
    model = models.perceptron(2)
    history = model.fit(CORNERS, XOR, batch_size=1, epochs=50, engine="graph", verbose=0)
    assert min(history.history["loss"]) > 0
    assert max(history.history["accuracy"]) < 1


@pytest.mark.parametrize("unit", ["Threshold", "Perceptron"])
def test_two_hidden_threshold_units_compute_xor(unit):
    """h = (x1 or x2, x1 and x2); y = h1 and not h2."""
    layers = {
        # The same thresholds, as biases in front of the units.
        "Threshold": [
            keras.layers.Dense(2),
            Threshold(),
            keras.layers.Dense(1),
            Threshold(),
        ],
        "Perceptron": [Perceptron(2), Perceptron(1)],
    }[unit]
    model = keras.Sequential([keras.Input((2,)), *layers])
    weights = [np.ones((2, 2)), [-0.5, -1.5], [[1.0], [-1.0]], [-0.5]]
    for variable, value in zip(model.trainable_weights, weights, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(model(CORNERS).numpy().ravel(), XOR)
    # The same holds near the corners.
    near = np.repeat(CORNERS, 50, axis=0) + RNG.uniform(-0.2, 0.2, size=(200, 2))
    np.testing.assert_array_equal(model(near).numpy().ravel(), np.repeat(XOR, 50))
