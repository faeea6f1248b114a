import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

from kerasnn import plots

NAMES = ["ant", "bee", "cat"]
TRUE = np.array([0, 0, 1, 1, 1, 2])
PREDICTED = np.array([0, 2, 1, 1, 0, 2])
# By hand: an ant was called a cat, and a bee an ant.
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
@pytest.mark.parametrize("true", [TRUE, TRUE[:, None].astype(np.float32)], ids=["row", "column"])
def test_counts_rows_by_true_and_predicted_class(true, predicted):
    ax = plots.confusion(true, predicted, labels=NAMES)
    assert matrix(ax) == COUNTS
    assert names(ax) == NAMES


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    true, probabilities = rng.integers(0, 5, 300), rng.random((300, 5))
    expected = confusion_matrix(true, probabilities.argmax(axis=1))
    assert matrix(plots.confusion(true, probabilities)) == expected.tolist()


def test_numbers_stand_in_the_cells_and_zeros_are_blank():
    # Positions are (x, y): (predicted, true).
    expected = {(0, 0): "1", (2, 0): "1", (0, 1): "1", (1, 1): "2", (2, 2): "1"}
    assert numbers(plots.confusion(TRUE, PREDICTED)) == expected


def test_a_small_share_is_not_blank():
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


def test_one_probability_is_that_of_class_1():
    ax = plots.confusion([0, 1, 1, 0], [[0.5], [0.51], [0.2], [0.1]], labels=["no", "yes"])
    assert matrix(ax) == [[2, 0], [1, 1]]
    assert matrix(plots.confusion([0, 1], [0.9, 0.8])) == [[0, 1], [0, 1]]


def test_takes_names():
    true = np.array(NAMES)[TRUE]
    expected = [[1, 0, 0], [1, 1, 0], [0, 1, 2]]
    order = ["cat", "ant", "bee"]
    for predicted in (np.array(NAMES)[PREDICTED], np.array(NAMES, dtype=object)[PREDICTED]):
        assert matrix(plots.confusion(true, predicted)) == COUNTS
        assert names(plots.confusion(true, predicted)) == NAMES
        assert matrix(plots.confusion(true, predicted, labels=order)) == expected
    assert matrix(plots.confusion(true, PROBABILITIES, labels=NAMES)) == COUNTS


def test_labels_and_probabilities_show_classes_that_do_not_occur():
    ax = plots.confusion([0, 0], [0, 0], labels=NAMES)
    assert matrix(ax) == [[2, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert names(plots.confusion([0, 0], PROBABILITIES[:2])) == ["0", "1", "2"]
    assert matrix(plots.confusion([0, 0], [0, 0], labels=NAMES, normalize=True))[1] == [0, 0, 0]


def test_without_labels_the_numbers_that_occur():
    ax = plots.confusion([10, 2, 2], [10, 2, 10])
    assert names(ax) == ["2", "10"]
    assert matrix(ax) == [[1, 1], [0, 1]]


def test_many_classes_have_a_colour_bar_instead_of_numbers():
    classes = np.arange(21)
    ax = plots.confusion(classes, classes)
    assert len(ax.texts) == 0
    assert len(ax.figure.axes) == 2
    assert len(plots.confusion(classes[:20], classes[:20]).figure.axes) == 1


def test_axes_say_what_is_shown():
    ax = plots.confusion(TRUE, PREDICTED)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.get_title() == "number of rows"
    ax = plots.confusion(TRUE, PREDICTED, normalize=True)
    assert ax.get_title() == "share of the true class"


def test_draws_where_it_is_told_and_leaves_pyplot_alone():
    before = dict(matplotlib.rcParams)
    ax = Figure().add_subplot()
    ax.text(0, 0, "mine")
    assert plots.confusion(TRUE, PREDICTED, ax=ax) is ax
    assert ax.texts[0].get_text() == "mine"
    plots.confusion(TRUE, PREDICTED)
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def test_can_be_saved(tmp_path):
    plots.confusion(TRUE, PREDICTED).figure.savefig(tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0]), "`y_true` and `y_pred` must have the same number of rows; got 2 and 1."),
        (([], []), r"`y_true` must hold at least one row; got shape \(0,\)."),
        (
            (np.eye(3), [0, 1, 2]),
            r"`y_true` must hold one class a row; got shape \(3, 3\). Of one-hot rows give "
            r"`y_true.argmax\(axis=1\)`.",
        ),
        (([0, 1], np.zeros((2, 2, 2))), r"`y_pred` must hold one class a row; got shape"),
        (
            ([0, 0.5], [0, 1]),
            "`y_true` must hold class numbers, which are whole; got 0.5 in row 1.",
        ),
        (([0, 1], [0.2, np.nan]), "`y_pred` must hold finite numbers; got nan in row 1"),
        (
            ([0, 1], [[0.2, 0.8], [np.inf, 0]]),
            "`y_pred` must hold finite numbers; got inf in row 1",
        ),
        (
            ([0, 1], [0.2, 1.5]),
            "`y_pred` must hold classes, or probabilities between 0 and 1; got numbers from 0.2 to "
            "1.5.",
        ),
        (([0, None], [0, 1]), "`y_true` must hold numbers; got dtype object."),
        (
            (["ant", "bee"], [0, 1]),
            "`y_true` and `y_pred` must both hold class numbers, or both names. To say which "
            "number has which name, give `labels`.",
        ),
        (
            ([0, 3], PROBABILITIES[:2]),
            "`y_true` must hold class numbers from 0 to 2, since `y_pred` holds probabilities of 3 "
            "classes; got 3 in row 1.",
        ),
        (
            (["ant", "bee"], PROBABILITIES[:2]),
            "`y_true` must hold names out of 0, 1, 2, since `y_pred` holds probabilities of 3 "
            "classes; got 'ant' in row 0. Name every class with `labels`.",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.confusion(*arguments)


@pytest.mark.parametrize(
    ("true", "predicted", "labels", "message"),
    [
        (
            [0, 3],
            [0, 1],
            NAMES,
            "`y_true` must hold class numbers from 0 to 2, since `labels` names 3 classes; got 3 "
            "in row 1. Name every class with `labels`.",
        ),
        ([0, 1], [0, -1], NAMES, "`y_pred` must hold class numbers from 0 to 2, .*; got -1 in row"),
        (
            ["ant", "bea"],
            ["ant", "bee"],
            NAMES,
            "`y_true` must hold names out of ant, bee, cat, since `labels` names 3 classes; got "
            r"'bea' in row 1. Did you mean `bee`\?",
        ),
        (
            [0, 1],
            PROBABILITIES[:2],
            NAMES[:2],
            "`labels` must name the 3 classes that `y_pred` holds probabilities of; got 2 labels: "
            "ant, bee.",
        ),
        (
            [0, 1],
            [0, 1],
            "ab",
            "`labels` must be a sequence of different names, .* got labels='ab'",
        ),
        ([0, 1], [0, 1], [0, 1], r"Of numbers, make names with `\[str\(c\) for c in classes\]`."),
        ([0, 1], [0, 1], ["ant", "ant"], "`labels` must be a sequence of different names"),
        ([0, 1], [0, 1], 2, "`labels` must be a sequence of different names"),
    ],
)
def test_errors_with_labels(true, predicted, labels, message):
    with pytest.raises(ValueError, match=message):
        plots.confusion(true, predicted, labels=labels)


def test_normalize_is_true_or_false():
    message = "`normalize` must be True or False; got normalize='true'."
    with pytest.raises(ValueError, match=message):
        plots.confusion(TRUE, PREDICTED, normalize="true")  # pyright: ignore[reportArgumentType]


def test_a_misspelt_argument():
    message = r"`confusion` has no argument `label`. Did you mean `labels`\?"
    with pytest.raises(TypeError, match=message):
        plots.confusion(TRUE, PREDICTED, label=NAMES)  # pyright: ignore[reportCallIssue]


def test_masked_entries_are_not_counted_in_silence():
    masked = np.ma.masked_array(TRUE, mask=TRUE == 1)
    with pytest.raises(ValueError, match=r"`y_true` .*3 masked entries"):
        plots.confusion(masked, PREDICTED)
    with pytest.raises(ValueError, match=r"`y_pred` .*masked"):
        plots.confusion(TRUE, np.ma.masked_array(PREDICTED, mask=PREDICTED == 2))
