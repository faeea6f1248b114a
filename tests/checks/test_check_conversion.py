"""Conversion to arrays of numbers, and its errors."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kerasnn import _checks, data

# A test extra of several GB for a few lines would be too much.
try:
    import torch
except ImportError:
    torch = None

X = np.arange(12.0).reshape(4, 3)
BITS = np.array([0, 1, 1, 0])
MASKED = np.ma.masked_greater(X, 8)

READ = {
    "Arrow booleans": (pa.array(BITS == 1), BITS == 1),
    "Arrow integers in chunks": (pa.chunked_array([[0, 1], [1, 0]]), BITS),
    "an Arrow table": (pa.table({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}), X),
    "an Arrow batch": (pa.record_batch({"a": X[:, 0], "b": BITS}), np.stack([X[:, 0], BITS], 1)),
    "Arrow lists of one length": (pa.array(X.tolist()), X),
    "nullable columns": (
        pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": pd.array([True, False], "boolean")}),
        [[1, 1], [2, 0]],
    ),
    "columns of Arrow in pandas": (pd.Series(BITS, dtype="int64[pyarrow]"), BITS),
    "a series of lists": (pd.Series(X.tolist()), X),
    "a masked array without a masked entry": (np.ma.masked_greater(X, 99), X),
}
if torch is not None:
    READ |= {
        "torch, with a gradient": (torch.tensor(X, requires_grad=True), X),
        "torch, bfloat16": (torch.tensor(X).bfloat16(), X),
        "a list of torch's rows": ([torch.tensor(row, requires_grad=True) for row in X], X),
    }


@pytest.mark.parametrize(("data", "wanted"), READ.values(), ids=READ)
def test_read(data, wanted):
    array = _checks.as_array("x", data)
    assert array.dtype.kind in "buif"
    np.testing.assert_array_equal(array, wanted)


def test_a_null_of_arrow_is_no_number():
    array = _checks.as_array("y", pa.array([None, 1, 0]))
    np.testing.assert_array_equal(array, [np.nan, 1, 0])


RAGGED = {
    "lists": [[0.5, 0.25], [0.5]],
    "arrays of several features": [np.ones((2, 3)), np.ones((1, 3))],
    "objects": np.array([[0.5, 0.25], [0.5]], dtype=object),
    "a series": pd.Series([[0.5, 0.25], [0.5]]),
    "Arrow lists": pa.array([[0.5, 0.25], [0.5]]),
}


@pytest.mark.parametrize("rows", RAGGED.values(), ids=RAGGED)
def test_the_padding_for_numbers(invalid, rows):
    with invalid("x") as caught:
        _checks.as_array("x", rows)
    assert "`x, mask = kerasnn.data.pad(x, mask_value=v)`" in caught.value.hint
    # What is advised takes the same rows, and keeps decimals.
    assert data.pad(rows, mask_value=-1)[0].dtype.kind == "f"


def test_the_padding_for_indices(invalid):
    with invalid("x") as caught:
        _checks.as_array("x", [[1, 2], [3]])
    assert "`Embedding(..., mask_zero=True)`" in caught.value.hint


REFUSED = {
    "records": (
        pd.DataFrame({"a": [1.0], "b": [2]}).to_records(index=False),
        "x",
    ),
    "raw bytes": (np.zeros((4, 3), "V4"), "x"),
    "words": ([["a", "b"], ["c"]], "x"),
    "a masked array": (
        MASKED,
        "x",
    ),
    "a list of masked rows": (list(MASKED), "x"),
    "a masked number": ([1.0, np.ma.masked], "x"),
}
if torch is not None:
    REFUSED["torch, sparse"] = (
        torch.tensor(X).to_sparse(),
        "x",
    )


@pytest.mark.parametrize(("data", "argument"), REFUSED.values(), ids=REFUSED)
def test_refused(invalid, data, argument):
    with invalid(argument):
        _checks.as_array("x", data)


def test_a_masked_array_is_named_by_its_key(invalid):
    with invalid("x['b']"):
        _checks.refuse_masked("x", {"a": X, "b": MASKED})


@pytest.mark.parametrize(
    ("dtype", "hint"),
    [
        (
            "datetime64[s]",
            "Give days since a first date: `(x - x.min()) / np.timedelta64(1, 'D')`.",
        ),
        ("timedelta64[s]", "Give days: `x / np.timedelta64(1, 'D')`."),
        ("complex64", "Give its real and its imaginary part: `np.stack([x.real, x.imag], -1)`."),
    ],
)
def test_how_other_types_become_numbers(invalid, dtype, hint):
    with invalid("x") as caught:
        _checks.numbers_only("x", np.arange(3).astype(dtype))
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("value", "got", "hint"),
    [
        (3.5, "the number 3.5", None),
        ("a film", "the text 'a film'", "For one row give `[x]`."),
        (data.load("xor"), "a Split", "Give its parts"),
    ],
)
def test_one_value_is_no_array_of_rows(invalid, value, got, hint):
    with invalid("x") as caught:
        _checks.row_count([("x", np.asarray(value))])
    assert got in str(caught.value)
    assert hint is None or hint in caught.value.hint


@pytest.mark.parametrize(
    ("entries", "way"),
    [(["10", "9"], "astype('float32')"), (["red", "9"], "np.unique"), (["9", "red"], "np.unique")],
)
def test_text_that_is_no_number_yet(invalid, entries, way):
    with invalid("y") as caught:
        _checks.numbers_only("y", np.array(entries))
    assert way in caught.value.hint
