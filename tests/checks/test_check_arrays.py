"""The walk over the numbers, and the pairing of arrays with a model's ends."""

import keras
import numpy as np
import pytest

from kerasnn import _checks
from kerasnn._checks import arrays, targets
from kerasnn._checks.arrays import position

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint8", "int64"])
@pytest.mark.parametrize("shape", [(1,), (7,), (300_000,), (3, 4, 5), (1000, 700)])
def test_the_range_that_comes_back(dtype, shape):
    least = 0 if dtype == "uint8" else -100
    array = RNG.uniform(least, 100, size=shape).astype(dtype)
    assert _checks.finite_range("x", array) == (float(array.min()), float(array.max()))


def test_the_range_of_booleans():
    assert _checks.finite_range("x", np.array([True, False])) == (0.0, 1.0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_bad_number_is_overlooked(invalid, dtype, bad):
    """Also at the ends of the chunks in which the array is read."""
    for row in (0, 131_071, 131_072, 299_999):
        array = np.zeros((300_000, 2), dtype)
        array[row, 1] = bad
        with invalid("x", array.dtype.type(bad)):
            _checks.finite_range("x", array)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layout", ["rows first", "columns first", "strided"])
def test_squares_overlook_no_bad_number(invalid, monkeypatch, dtype, bad, layout):
    """Also at the ends of the parts, and whatever the order of the numbers in memory."""
    monkeypatch.setattr(arrays, "_PART_BYTES", 8 * np.dtype(dtype).itemsize)
    for row in (0, 3, 4, 9):
        wide = np.zeros((10, 4), dtype, order="F" if layout == "columns first" else "C")
        array = wide[:, ::2] if layout == "strided" else wide[:, :2]
        _checks.finite("x", array, array)
        array[row, 1] = bad
        with invalid("x", array.dtype.type(bad)):
            _checks.finite("x", array, array)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2)])
def test_a_square_that_overflows_condemns_no_number(shape):
    array = np.full(shape, 3e38, "float32")
    _checks.finite("x", array, array)
    _checks.finite("x", -array, -array)


@pytest.mark.parametrize("value", [3.4e38, -3.4e38, np.finfo("float32").max])
def test_the_largest_numbers_that_fit(value):
    assert _checks.finite_range("x", np.array([value]))[0] == value


def test_the_first_bad_entry_is_named_and_the_others_counted(invalid):
    array = np.zeros((10, 2, 2))
    array[4, 1, 0] = array[7] = np.nan
    with invalid("x"):
        _checks.finite_range("x", array)


@pytest.mark.parametrize(
    ("index", "words"),
    [((3,), "row 3"), ((3, 0), "row 3, column 0"), ((3, 1, 2), "row 3 at [1, 2]")],
)
def test_positions(index, words):
    assert position(index) == words
    assert position(np.array(index)) == words


def test_named_leaves():
    nest = {"a": 1, "b": [2, (3, None)], "c": None}
    assert _checks.named_leaves("x", nest) == [("x['a']", 1), ("x['b'][0]", 2), ("x['b'][1][0]", 3)]
    assert _checks.named_leaves("y", None) == []


def test_row_count(invalid):
    named = [("x", np.zeros((4, 2))), ("y", np.zeros(4))]
    assert _checks.row_count(named) == 4
    with invalid("w", 3):
        _checks.row_count([*named, ("w", np.zeros(3))])


LOSSES = {
    "sparse_categorical_crossentropy": "classes",
    "categorical_crossentropy": "onehot",
    "binary_crossentropy": "binary",
    "poisson": "counts",
    "mse": "real",
    "MSE": "real",
    "mean_absolute_error": "real",
    "huber": "real",
    keras.losses.SparseCategoricalCrossentropy(from_logits=True): "classes",
    keras.losses.CategoricalFocalCrossentropy(): "onehot",
    keras.losses.BinaryFocalCrossentropy(): "binary",
    keras.losses.MeanSquaredError(): "real",
    keras.losses.mean_squared_error: "real",
    keras.losses.LogCosh(): "real",
    keras.losses.SparseCategoricalCrossentropy(ignore_class=0): "custom",
    keras.losses.CategoricalCrossentropy(axis=1): "custom",
    "hinge": "custom",
    "kl_divergence": "custom",
    keras.losses.Dice(): "custom",
    len: "custom",
    None: "custom",
    "no such loss": "custom",
}


@pytest.mark.parametrize(
    ("loss", "kind"),
    LOSSES.items(),
    ids=lambda value: str(getattr(value, "name", None) or getattr(value, "__name__", value)),
)
def test_the_kind_of_targets_of_a_loss(loss, kind):
    assert targets.kind_of(loss) == kind
