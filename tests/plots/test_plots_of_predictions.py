"""Figures of predictions: boundary, reliability, curves, residuals, forecasts, worst images."""

import itertools

import keras
import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
from matplotlib.collections import PathCollection
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from kerasnn import data, models, plots

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
AND = np.array([0, 0, 0, 1])
SPLIT = data.Split(X, AND, X, AND, "binary")
IMAGES = data.Split(np.zeros((4, 2, 2, 1)), AND, np.zeros((4, 2, 2, 1)), AND, "binary")


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
    # Class 0 is rows 0 and 2; of class 1, row 1 is below the line.
    ax = plots.decision_boundary(steep, X, [0, 1, 0, 1])
    assert drawn_rows(ax) == [("#ffffff", 2), ("#ffffff", 1), ("#000000", 1)]


def drawn_rows(ax):
    """Returns edge and number of rows of each scatter that has some, in the order of drawing."""
    scatters = [c for c in ax.collections if isinstance(c, PathCollection) and len(c.get_offsets())]
    # Equal levels are drawn in the order of the Axes.
    assert len({scatter.get_zorder() for scatter in scatters}) == 1
    return [
        (matplotlib.colors.to_hex(scatter.get_edgecolors()[0]), len(scatter.get_offsets()))
        for scatter in scatters
    ]


def test_misclassified_rows_are_above_others_at_the_same_point():
    x = np.repeat([[0.0, 0.0], [1.0, 1.0]], 6, axis=0)
    # By `steep` the first six are of class 0. Each point has rows of both classes.
    ax = plots.decision_boundary(steep, x, [0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1])
    assert drawn_rows(ax) == [("#ffffff", 4), ("#ffffff", 5), ("#000000", 1), ("#000000", 2)]


@pytest.mark.parametrize("wrong", [[1, 1, 1, 0], [1, 0, 0, 1]], ids=["all", "the first"])
def test_the_legend_explains_the_black_edge(wrong):
    legend = plots.decision_boundary(steep, X, wrong).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1", "misclassified"]
    edges = [matplotlib.colors.to_hex(each.get_edgecolor()[0]) for each in legend.legend_handles]
    assert edges == ["#ffffff", "#ffffff", "#000000"]
    right = plots.decision_boundary(steep, X, AND).get_legend()
    assert [text.get_text() for text in right.get_texts()] == ["0", "1"]


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
    assert [text.get_text().splitlines() for text in ax.texts] == [
        ["row 1", "true no: 0.01", "predicted yes: 0.99"],
        ["row 0", "true no: 0.50", "predicted no: 0.50"],
        ["row 2", "true yes: 0.70", "predicted yes: 0.70"],
    ]
    first = ax.images[0].get_array()
    np.testing.assert_allclose(first, (images[1] - 0) / 11)
    of_one = plots.worst(
        images, [0, 0, 1], probabilities[:, 1:], count=1, names=["a.png", "b.png", "c.png"]
    )
    assert [text.get_text().splitlines()[0] for text in of_one.texts] == ["b.png"]


def overlaps(boxes):
    pairs = itertools.combinations([box.padded(-0.5) for box in boxes], 2)
    return any(one.overlaps(other) for one, other in pairs)


@pytest.mark.parametrize("shape", [(8, 8), (300, 40), (30, 500, 3)])
@pytest.mark.parametrize(("count", "size"), [(2, (3, 2)), (12, (6.4, 4.8)), (40, (6, 6))])
def test_nothing_overlaps_among_the_worst(shape, count, size):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([1, 1], count)
    figure = plt.figure(figsize=size, layout="constrained")
    ax = plots.worst(
        generator.random((count, *shape)),
        np.zeros(count, int),
        probabilities,
        count=count,
        labels=["a class with a long name", "another one"],
        names=[f"folder/of/photographs/{i:05}.jpeg" for i in range(count)],
        ax=figure.add_subplot(),
    )
    figure.canvas.draw()
    assert len(ax.images) == count
    assert all("jpeg\n" in text.get_text() for text in ax.texts)
    assert not overlaps([each.get_window_extent() for each in (*ax.images, *ax.texts)])
    assert max(max(image.get_array().shape[:2]) for image in ax.images) <= 256


def test_a_split_names_features_and_classes():
    x = np.concatenate([X, X])
    y = np.concatenate([AND, AND])
    split = data.Split(
        x, y, X, AND, "binary", classes=("small", "large"), features=("height", "width")
    )
    ax = plots.decision_boundary(steep, split)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("height", "width")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["small", "large"]
    assert sum(len(c.get_offsets()) for c in ax.collections if c.get_label() in split.classes) == 8
    ax = plots.decision_boundary(steep, X, AND, features=("a", "b"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")


def test_of_many_rows_some_are_drawn():
    x = np.random.default_rng(0).random((10_000, 2))
    ax = plots.decision_boundary(steep, x, (x.sum(axis=1) > 1.5).astype(int))
    assert sum(len(c.get_offsets()) for c in ax.collections if c.get_label() in "01") == 2000
    numbers = np.arange(10_000.0)
    for draw in (plots.residuals, plots.prediction_error):
        assert len(draw(numbers, numbers + 1).lines[0].get_xdata()) == 2000
    [line, _] = plots.roc((numbers > 5000).astype(int), np.sin(numbers) ** 2).lines
    assert len(line.get_xdata()) <= 1000


def test_residuals_and_prediction_error_are_of_each_row():
    true, predicted = np.array([1.0, 2.0, 4.0]), np.array([[1.5], [2.0], [3.0]])
    points = plots.residuals(true, predicted).lines[0]
    np.testing.assert_allclose(points.get_data(), [[1.5, 2, 3], [-0.5, 0, 1]])
    points, diagonal = plots.prediction_error(true, predicted).lines
    np.testing.assert_allclose(points.get_data(), [[1, 2, 4], [1.5, 2, 3]])
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [1, 4]
    expected = metrics.r2_score(true, predicted), metrics.mean_absolute_error(true, predicted)
    assert plt.gca().get_title() == "R2 {:.3f}, mean absolute error {:.3g}".format(*expected)
    assert plots.prediction_error([1.0, 1.0], [1.0, 2.0]).get_title() == "mean absolute error 0.5"


@pytest.fixture(scope="module")
def three():
    generator = np.random.default_rng(1)
    return generator.integers(0, 3, 200), generator.dirichlet([1, 1, 1], 200)


def test_the_roc_curve_is_that_of_scikit_learn(three):
    true, predicted = three
    ax = plots.roc(true, predicted, labels=["a", "b", "c"])
    for i, line in enumerate(ax.lines[:3]):
        wrong, right, _ = metrics.roc_curve(true == i, predicted[:, i])
        np.testing.assert_allclose(line.get_data(), [wrong, right])
        area = metrics.roc_auc_score(true == i, predicted[:, i])
        assert line.get_label() == f"{'abc'[i]} {area:.3f}"
    [only, _] = plots.roc(true == 1, predicted[:, 1]).lines
    np.testing.assert_allclose(only.get_data(), ax.lines[1].get_data())


def test_the_precision_recall_curve_is_that_of_scikit_learn(three):
    true, predicted = three
    labels = np.eye(3, dtype=int)[true]
    ax = plots.precision_recall(labels, predicted)
    for i, line in enumerate(ax.lines):
        precision, recall, _ = metrics.precision_recall_curve(
            true == i, predicted[:, i], drop_intermediate=True
        )
        # Without the precision of 1 that scikit-learn adds at recall 0.
        precision[-1] = precision[-2]
        np.testing.assert_allclose(line.get_data(), [recall, precision])
        average = metrics.average_precision_score(true == i, predicted[:, i])
        assert line.get_label() == f"{i} {average:.3f}"


def test_two_classes_are_named():
    true, probability = [0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8]
    for draw in (plots.roc, plots.precision_recall):
        assert draw(true, probability, labels=["no", "yes"]).lines[0].get_label() == "yes 1.000"
    ax = plots.reliability(true, probability, labels=["no", "yes"])
    assert ax.get_xlabel() == "predicted probability of yes"
    assert ax.get_ylabel() == "fraction of rows of yes"


def test_curves_of_the_classes_that_are_hardest():
    true = np.arange(100) % 10
    predicted = np.eye(10)[true] * 0.9 + 0.01
    predicted[true == 4] = predicted[true == 4][:, ::-1]
    # Class 9 has no rows.
    kept = true != 9
    ax = plots.roc(true[kept], predicted[kept])
    names = [line.get_label().split()[0] for line in ax.lines[:-1]]
    assert len(names) == 7
    assert {"4", "5"} <= set(names)
    assert "9" not in names
    title = ax.get_legend().get_title().get_text()
    assert title == "area under the curve\n(the 7 smallest of 9)"
    # Long names that begin and end alike have the number of their class.
    long = [f"a name that is as long as that of class {i} and ends as it" for i in range(10)]
    named = plots.roc(true[kept], predicted[kept], labels=long)
    assert [line.get_label()[0] for line in named.lines[:-1]] == names
    seven = plots.roc(true[true < 7], predicted[true < 7, :7] / 0.93)
    assert seven.get_legend().get_title().get_text() == "area under the curve"


def test_the_legend_of_precision_and_recall_covers_no_curve():
    generator = np.random.default_rng(0)
    true, noise = np.arange(500) % 10, generator.dirichlet(np.ones(10), 500)
    ax = plots.precision_recall(true, 0.8 * noise + 0.2 * np.eye(10)[true])
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "average precision\n(the 7 smallest of 10)"
    ax.figure.canvas.draw()
    box = legend.get_window_extent()
    points = [ax.transData.transform(line.get_xydata()) for line in ax.lines]
    assert box.count_contains(np.concatenate(points)) == 0


def test_a_forecast_against_the_truth():
    true, predicted = np.array([[1.0, 5], [2, 6], [np.nan, 7]]), np.ones((3, 2))
    times = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "datetime64[D]")
    ax = plots.sequence(
        true, predicted, times=times, deviation=predicted / 4, labels=["wind", "rain"]
    )
    assert [line.get_label() for line in ax.lines] == [
        *("true wind", "predicted wind", "true rain", "predicted rain")
    ]
    np.testing.assert_array_equal(ax.lines[2].get_ydata(), [5, 6, 7])
    assert (ax.lines[0].get_xdata() == times).all()
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (0.5, 1.5)


def test_a_long_sequence_keeps_its_peaks():
    values = np.zeros(100_001)
    values[12_345], values[-1] = 1, -1
    line = plots.sequence(values, values).lines[0]
    assert len(line.get_xdata()) <= 2_002
    assert {(12_345, 1), (100_000, -1)} <= set(zip(*line.get_data(), strict=True))


def test_importance_is_the_rise_of_the_loss():
    y = np.tile([0, 1], 40)
    x = np.random.default_rng(0).normal(size=(80, 3)).astype("float32")
    x[:, 1] = y * 4.0 - 2.0
    split = data.Split(x, y, x, y, "binary", features=("unused", "used", "noise"))
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(inputs))
    model.set_weights([np.array([[0.0], [2.0], [0.0]]), np.zeros(1)])
    ax = plots.importance(model, split, count=2)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "used"
    assert len(names) == 2
    # Half of the permuted values are wrong, which costs 4 each.
    assert ax.patches[0].get_width() == pytest.approx(2.0, abs=0.7)
    assert ax.patches[1].get_width() == 0


def test_importance_of_raw_columns():
    colours = ["red", "blue", "green"] * 30
    frame = pl.DataFrame({"colour": colours, "size": [i / 7 for i in range(90)]})
    frame = frame.with_columns(kind=pl.Series(["warm" if c == "red" else "cold" for c in colours]))
    split = data.from_frame(frame, "kind", test_size=0.5)
    inputs = keras.Input((len(split.features),))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(inputs))
    weights = np.zeros((len(split.features), 1))
    weights[split.features.index("colour=red")] = 6
    model.set_weights([weights, np.array([-3.0])])
    ax = plots.importance(model, split, rows=30)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["colour", "size"]
    assert ax.patches[0].get_width() > ax.patches[1].get_width() == 0


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
        (lambda: plots.decision_boundary(steep, X), "y"),
        (lambda: plots.decision_boundary(steep, SPLIT, AND), "y"),
        (lambda: plots.decision_boundary(steep, X, AND, features=("a",)), "features"),
        (lambda: plots.residuals([1.0, 2.0], [1.0]), "y_pred"),
        (lambda: plots.residuals([1.0, np.nan], [1.0, 2.0]), "y_true"),
        (lambda: plots.prediction_error(np.ones((3, 2)), np.ones((3, 2))), "y_true"),
        (lambda: plots.roc([0, 0], [0.5, 0.2]), "y_true"),
        (lambda: plots.roc([0, 1], [0.5, 2.0]), "y_pred"),
        (lambda: plots.precision_recall([[0, 2], [1, 0]], np.ones((2, 2)) / 2), "y_true"),
        (lambda: plots.sequence([1.0, 2.0], [1.0]), "y_true"),
        (lambda: plots.sequence([1.0, 2.0], [1.0, 2.0], times=[2, 1]), "times"),
        (lambda: plots.sequence([1.0], [1.0], deviation=[-1.0]), "deviation"),
        (lambda: plots.sequence(np.ones((2, 8)), np.ones((2, 8))), "y_pred"),
        (lambda: plots.importance(steep, SPLIT), "model"),
        (lambda: plots.importance(keras.Sequential(), X), "split"),
        (lambda: plots.importance(keras.Sequential(), SPLIT, rows=0), "rows"),
        (lambda: plots.importance(models.mlp(99, task="binary"), SPLIT), "split"),
        (lambda: plots.importance(keras.Sequential(), IMAGES), "split"),
        (lambda: plots.worst(np.zeros((2, 3, 3)), [0, 1], [0.5, 0.5], names=["a"]), "names"),
        (lambda: plots.worst(np.zeros((2, 3)), [0, 1], [[0.5], [0.5]]), "x"),
        (lambda: plots.worst(np.zeros((2, 3, 3)), [0, 5], [[0.5], [0.5]]), "y_true"),
    ],
)
def test_arguments_that_are_refused(call, argument, invalid):
    with invalid(argument):
        call()


def test_a_figure_that_is_made_before_cuts_off_no_name():
    figure = plt.figure()
    plots.confusion([0, 1], [0, 1], labels=["a name", "another name"])
    assert plt.gcf() is figure
    assert figure.get_layout_engine() is not None
    kept = plt.figure(layout="tight")
    plots.confusion([0, 1], [0, 1])
    assert type(kept.get_layout_engine()).__name__ == "TightLayoutEngine"
