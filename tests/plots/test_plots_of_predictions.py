"""Figures of predictions: decision boundary, reliability, worst images."""

import matplotlib.colors
import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from kerasnn import plots

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
AND = np.array([0, 0, 0, 1])


def steep(rows):
    """Class 1 above the diagonal x_1 + x_2 = 1.5."""
    return 1 / (1 + np.exp(-20 * (rows.sum(axis=1, keepdims=True) - 1.5)))


def boundary(ax):
    [contour] = [c for c in ax.collections if "ContourSet" in type(c).__name__]
    return np.concatenate([path.vertices for path in contour.get_paths()])


def test_the_line_is_where_the_probability_is_half():
    points = boundary(plots.decision_boundary(steep, X, AND))
    np.testing.assert_allclose(points.sum(axis=1), 1.5, atol=1e-3)


def test_the_line_of_a_classifier_of_scikit_learn():
    model = LogisticRegression(C=100).fit(X, AND)
    points = boundary(plots.decision_boundary(model, X, AND))
    np.testing.assert_allclose(model.predict_proba(points)[:, 1], 0.5, atol=1e-3)


def test_misclassified_rows_have_a_black_edge():
    ax = plots.decision_boundary(steep, X, [0, 1, 0, 1])
    scatters = [c for c in ax.collections if c.get_label() in ("0", "1")]
    edges = [matplotlib.colors.to_hex(edge) for s in scatters for edge in s.get_edgecolors()]
    # Class 0 is rows 0 and 2; of class 1, row 1 is below the line.
    assert edges == ["#ffffff", "#ffffff", "#000000", "#ffffff"]


def test_several_classes_are_regions():
    def quadrant(rows):
        return np.eye(4)[(rows[:, 0] > 0.5) + 2 * (rows[:, 1] > 0.5)]

    ax = plots.decision_boundary(quadrant, X, [0, 2, 1, 3], labels=["a", "b", "c", "d"])
    winners = ax.collections[0].get_array()
    corners = winners[0, 0], winners[0, -1], winners[-1, 0], winners[-1, -1]
    assert corners == (0, 1, 2, 3)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c", "d"]


def test_reliability_is_that_of_scikit_learn():
    generator = np.random.default_rng(0)
    probability = generator.random(500)
    true = (generator.random(500) < probability**2).astype(int)
    ax = plots.reliability(true, probability, bins=8)
    accuracy, mean = calibration_curve(true, probability, n_bins=8)
    drawn = ax.collections[0].get_offsets()
    np.testing.assert_allclose(drawn, np.stack([mean, accuracy], axis=1), atol=1e-12)
    rows = np.bincount(np.minimum((probability * 8).astype(int), 7))
    error = np.abs(accuracy - mean) @ rows / 500
    assert ax.collections[0].get_label() == f"expected calibration error {error:.3f}"


def test_reliability_of_several_classes_is_that_of_the_largest():
    probabilities = np.array([[0.95, 0.05, 0.0], [0.1, 0.15, 0.75], [0.95, 0.0, 0.05]])
    ax = plots.reliability([0, 1, 1], probabilities)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[0.75, 0.0], [0.95, 0.5]])


def test_the_worst_images_are_first():
    images = np.arange(3 * 4).reshape(3, 2, 2)
    probabilities = np.array([[0.5, 0.5], [0.01, 0.99], [0.3, 0.7]])
    ax = plots.worst(images, [0, 0, 1], probabilities, labels=["no", "yes"])
    words = [text.get_text() for text in ax.texts]
    assert words == ["no, predicted yes\np = 0.01", "no\np = 0.50", "yes\np = 0.70"]
    first = ax.images[0].get_array()
    np.testing.assert_allclose(first, (images[1] - 0) / 11)
    of_one = plots.worst(images, [0, 0, 1], probabilities[:, 1:], count=1, labels=["no", "yes"])
    assert [text.get_text() for text in of_one.texts] == words[:1]


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: plots.decision_boundary(steep, np.zeros((4, 3)), AND), "x"),
        (lambda: plots.decision_boundary(steep, X, [0.5, 0, 0, 1]), "y"),
        (lambda: plots.decision_boundary(steep, X, [0, 1, 2, 7]), "y"),
        (lambda: plots.decision_boundary(3, X, AND), "model"),
        (lambda: plots.decision_boundary(lambda rows: rows[:2], X, AND), "model"),
        (lambda: plots.decision_boundary(steep, X, AND, labels=["one"]), "labels"),
        (lambda: plots.reliability([0, 2], [0.5, 0.5]), "y_true"),
        (lambda: plots.reliability([0, 1], [0.5, 3.0]), "y_pred"),
        (lambda: plots.worst(np.zeros((2, 3)), [0, 1], [[0.5], [0.5]]), "x"),
        (lambda: plots.worst(np.zeros((2, 3, 3)), [0, 5], [[0.5], [0.5]]), "y_true"),
    ],
)
def test_arguments_that_are_refused(call, argument, invalid):
    with invalid(argument):
        call()
