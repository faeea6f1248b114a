"""Figure of the confusion matrix."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from kerasnn import plots

NAMES = ["ant", "bee", "cat"]
TRUE = np.array([0, 0, 1, 1, 1, 2])
PREDICTED = np.array([0, 2, 1, 1, 0, 2])
# By hand: an ant is predicted as a cat, and a bee as an ant.
COUNTS = [[1, 0, 1], [1, 2, 0], [0, 0, 1]]
PROBABILITIES = np.eye(3)[PREDICTED] * 0.6 + 0.1


def matrix(ax):
    return ax.images[0].get_array().tolist()


def names(ax):
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert rows == [label.get_text() for label in ax.get_xticklabels()]
    return rows


def numbers(ax):
    return {(*map(int, text.get_position()),): text.get_text() for text in ax.texts}


@pytest.mark.parametrize(
    "predicted",
    [PREDICTED, PREDICTED[:, None], PREDICTED.astype(float), PROBABILITIES, PREDICTED.tolist()],
    ids=["numbers", "column", "float", "probabilities", "list"],
)
def test_rows_are_counted_by_true_and_predicted_class(predicted):
    for true in (TRUE, TRUE[:, None].astype(np.float32)):
        ax = plots.confusion(true, predicted, labels=NAMES)
        assert matrix(ax) == COUNTS
        assert names(ax) == NAMES


def test_the_matrix_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    true, probabilities = rng.integers(0, 5, 300), rng.random((300, 5))
    expected = confusion_matrix(true, probabilities.argmax(axis=1))
    assert matrix(plots.confusion(true, probabilities)) == expected.tolist()


def test_cells_show_numbers_and_zeros_are_blank():
    # Positions are (x, y): (predicted, true).
    expected = {(0, 0): "1", (2, 0): "1", (0, 1): "1", (1, 1): "2", (2, 2): "1"}
    assert numbers(plots.confusion(TRUE, PREDICTED)) == expected


def test_a_small_fraction_is_not_blank():
    true = np.zeros(1000, int)
    predicted = np.append(np.zeros(999, int), 1)
    assert numbers(plots.confusion(true, predicted, normalize=True)) == {
        (0, 0): "1.00",
        (1, 0): "0.00",
    }


def test_normalize_divides_by_the_rows_of_the_true_class():
    ax = plots.confusion(TRUE, PREDICTED, normalize=True)
    np.testing.assert_allclose(matrix(ax), [[1 / 2, 0, 1 / 2], [1 / 3, 2 / 3, 0], [0, 0, 1]])
    assert numbers(ax)[1, 1] == "0.67"


def test_a_single_probability_is_that_of_class_1():
    ax = plots.confusion([0, 1, 1, 0], [[0.5], [0.51], [0.2], [0.1]], labels=["no", "yes"])
    assert matrix(ax) == [[2, 0], [1, 1]]
    assert matrix(plots.confusion([0, 1], [0.9, 0.8])) == [[0, 1], [0, 1]]


def test_classes_given_as_names():
    true = np.array(NAMES)[TRUE]
    expected = [[1, 0, 0], [1, 1, 0], [0, 1, 2]]
    order = ["cat", "ant", "bee"]
    for predicted in (np.array(NAMES)[PREDICTED], np.array(NAMES, dtype=object)[PREDICTED]):
        assert matrix(plots.confusion(true, predicted)) == COUNTS
        assert names(plots.confusion(true, predicted)) == NAMES
        assert matrix(plots.confusion(true, predicted, labels=order)) == expected
    assert matrix(plots.confusion(true, PROBABILITIES, labels=NAMES)) == COUNTS


def test_classes_that_do_not_occur_are_shown():
    ax = plots.confusion([0, 0], [0, 0], labels=NAMES)
    assert matrix(ax) == [[2, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert names(plots.confusion([0, 0], PROBABILITIES[:2])) == ["0", "1", "2"]
    assert matrix(plots.confusion([0, 0], [0, 0], labels=NAMES, normalize=True))[1] == [0, 0, 0]


def test_without_labels_the_numbers_that_occur():
    ax = plots.confusion([10, 2, 2], [10, 2, 10])
    assert names(ax) == ["2", "10"]
    assert matrix(ax) == [[1, 1], [0, 1]]


@pytest.mark.filterwarnings("error")
def test_a_single_class_is_no_reason_for_a_warning():
    assert matrix(plots.confusion([1, 1], [1, 1])) == [[2]]


def test_many_classes_have_a_colour_bar_instead_of_numbers():
    classes = np.arange(21)
    ax = plots.confusion(classes, classes)
    assert len(ax.texts) == 0
    assert len(ax.figure.axes) == 2
    assert len(plots.confusion(classes[:20], classes[:20]).figure.axes) == 1


LONG = [f"{name} with a long name" for name in "abcdefghij"]


def predictions(classes):
    """Returns true and predicted classes with 240 rows in each cell."""
    true, predicted = np.divmod(np.arange(classes * classes), classes)
    return np.repeat(true, 240), np.repeat(predicted, 240)


def widths(texts):
    return [text.get_window_extent().width for text in texts]


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("columns", "labels"), [(1, LONG), (2, None), (2, LONG)])
def test_texts_fit_into_the_cells(columns, labels, normalize):
    figure, panels = plt.subplots(columns, columns, squeeze=False, layout="constrained")
    for ax in panels.flat:
        plots.confusion(*predictions(10), labels=labels, normalize=normalize, ax=ax)
    figure.canvas.draw()
    for ax in panels.flat:
        cell = ax.get_window_extent().width / 10
        upright = ax.get_xticklabels()
        assert max(widths([*ax.texts, *upright])) < cell
        assert max(name.get_window_extent().height for name in ax.get_yticklabels()) < cell
        # The matrix is most of its panel.
        assert 10 * cell > 0.4 * figure.bbox.height / columns
    if columns == 1:
        assert len(panels[0, 0].texts) == 100


def test_a_colour_bar_replaces_numbers_that_do_not_fit():
    figure, (small, large) = plt.subplots(1, 2, width_ratios=[1, 8], figsize=(9, 7))
    for ax in (small, large):
        plots.confusion(*predictions(10), ax=ax)
    assert (len(small.texts), len(large.texts)) == (0, 100)
    assert len(figure.axes) == 3


def test_names_are_turned_only_where_they_would_overlap():
    def rotations(**kwargs):
        labels = ["setosa", "versicol", "virginic"]
        ax = plots.confusion(*predictions(3), labels=labels, **kwargs)
        return {name.get_rotation() for name in ax.get_xticklabels()}

    assert rotations() == {0}
    assert rotations(ax=Figure(figsize=(2, 2)).add_subplot()) == {90}


def test_long_names_are_shortened():
    ax = plots.confusion([0, 1], [0, 1], labels=["a" * 30, "b"])
    assert names(ax) == ["a" * 19 + "…", "b"]


def test_labels_and_titles():
    ax = plots.confusion(TRUE, PREDICTED)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.get_title() == "number of rows"
    ax = plots.confusion(TRUE, PREDICTED, normalize=True)
    assert ax.get_title() == "fraction of the true class"


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ((np.eye(3), [0, 1, 2]), "y_true"),
        (([0, 1], np.zeros((2, 2, 2))), "y_pred"),
        (([0, 0.5], [0, 1]), "y_true"),
        (([0, 1], [0.2, 1.5]), "y_pred"),
        ((["ant", "bee"], [0, 1]), "y_pred"),
        (([0, 3], PROBABILITIES[:2]), "y_true"),
        ((["ant", "bee"], PROBABILITIES[:2]), "y_true"),
    ],
)
def test_classes_that_are_refused(arguments, argument, invalid):
    with invalid(argument):
        plots.confusion(*arguments)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([0, 1], [0]), "y_pred"),
        (([], []), "y_true"),
        (([0, 1], [0.2, np.nan]), "y_pred"),
        (([0, 1], [[0.2, 0.8], [np.inf, 0]]), "y_pred"),
        (([0, None], [0, 1]), "y_true"),
        ((np.ma.masked_array(TRUE, mask=TRUE == 1), PREDICTED), "y_true"),
        ((TRUE, np.ma.masked_array(PREDICTED, mask=PREDICTED == 2)), "y_pred"),
    ],
    ids=["lengths", "no rows", "NaN", "infinity", "None", "masked true", "masked predicted"],
)
def test_arrays_that_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` "):
        plots.confusion(*arguments)


@pytest.mark.parametrize(
    ("true", "predicted", "labels", "argument", "value"),
    [
        ([0, 3], [0, 1], NAMES, "y_true", 3),
        ([0, 1], [0, -1], NAMES, "y_pred", -1),
        ([0, 1], PROBABILITIES[:2], NAMES[:2], "labels", NAMES[:2]),
        ([0, 1], [0, 1], "ab", "labels", "ab"),
        ([0, 1], [0, 1], [0, 1], "labels", [0, 1]),
        ([0, 1], [0, 1], ["ant", "ant"], "labels", ["ant", "ant"]),
        ([0, 1], [0, 1], 2, "labels", 2),
    ],
)
def test_classes_and_labels_that_do_not_fit(true, predicted, labels, argument, value, invalid):
    with invalid(argument, value=value):
        plots.confusion(true, predicted, labels=labels)


def test_a_misspelt_class(invalid):
    with invalid("y_true", value="bea") as caught:
        plots.confusion(["ant", "bea"], ["ant", "bee"], labels=NAMES)
    assert "`bee`" in caught.value.hint


def test_a_model_in_the_place_of_its_predictions(invalid):
    with invalid("y_true") as caught:
        plots.confusion(keras.Sequential(), [0, 1])
    assert "`model.predict(x)`" in caught.value.hint


def test_normalize_is_true_or_false(invalid):
    with invalid("normalize", value="true"):
        plots.confusion(TRUE, PREDICTED, normalize="true")  # pyright: ignore[reportArgumentType]


def test_an_unknown_argument():
    with pytest.raises(TypeError, match="Did you mean `labels`"):
        plots.confusion(TRUE, PREDICTED, label=NAMES)  # pyright: ignore[reportCallIssue]
