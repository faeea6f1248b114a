"""Rows by column name, of every container, as arrays of the model's types."""

import datetime
import decimal

import narwhals
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kerasnn._core.raw_rows import Tensor, columns_of, text_of

NUMBER = Tensor(dtype=np.dtype("float32"), shape=(None,))
TEXT = Tensor(dtype=np.dtype(object), shape=(None,))
INPUTS = {"km/h": NUMBER, "2019": TEXT}
COLUMNS = {"2019": ["a", None, "ö"], "km/h": [1.5, 2, None]}
ROWS = [{"2019": "a", "km/h": 1.5}, {"km/h": 2, "2019": None}, {"2019": "ö", "km/h": np.nan}]


@pytest.mark.parametrize(
    "rows",
    [
        COLUMNS,
        ROWS,
        tuple(ROWS),
        {"2019": np.array(["a", "", "ö"]), "km/h": np.array([1.5, 2, np.nan])},
        {"2019": pd.Series(["a", None, "ö"]), "km/h": pd.Series([1.5, 2, pd.NA], dtype="Float64")},
        {2019: pl.Series(["a", None, "ö"]), "km/h": pa.chunked_array([[1.5, 2.0], [None]])},
        pd.DataFrame(COLUMNS, index=[7, 8, 9]),
        pd.DataFrame(COLUMNS).convert_dtypes(),
        pd.DataFrame(COLUMNS).rename(columns={"2019": 2019}),
        pd.DataFrame(COLUMNS).astype({"2019": "category"}),
        pl.DataFrame(COLUMNS, strict=False),
        pa.table(COLUMNS),
    ],
)
def test_every_container_gives_the_same_columns(rows):
    found = columns_of(rows, INPUTS)
    assert list(found) == ["km/h", "2019"]
    assert found["km/h"].dtype == np.float32
    np.testing.assert_array_equal(found["km/h"], np.array([1.5, 2, np.nan], "float32"))
    assert found["2019"].tolist() == ["a", "", "ö"]


MOMENT = datetime.datetime(1969, 7, 20, 20, 17)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(missing, "") for missing in (None, np.nan, pd.NaT, pd.NA, np.datetime64("NaT", "ns"))],
        *[(True, "True"), (np.bool_(False), "False"), (4, "4"), (np.int64(4), "4")],
        *[(4.0, "4"), (0.1, "0.1"), (np.float32(0.1), "0.1"), (decimal.Decimal("1.50"), "1.50")],
        *[(1e300, "1e+300"), (b"\xc3\xb6", "ö"), (np.str_("a"), "a"), (" NA ", " NA ")],
        *[(MOMENT.date(), "1969-07-20"), (MOMENT, "1969-07-20 20:17:00")],
        *[
            (pd.Timestamp(MOMENT), "1969-07-20 20:17:00"),
            (pd.Timestamp("1600-1-2"), "1600-01-02 00:00:00"),
        ],
        (MOMENT.replace(microsecond=250_000), "1969-07-20 20:17:00.25"),
        (
            MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-4))),
            "1969-07-21 00:17:00",
        ),
        (pd.Timestamp(MOMENT, tz="Asia/Tokyo"), "1969-07-20 11:17:00"),
        *[(np.datetime64("1969-07-20"), "1969-07-20")],
        (np.datetime64("1969-07-20T20:17", "ns"), "1969-07-20 20:17:00"),
    ],
    ids=repr,
)
def test_values_as_text(value, text):
    assert text_of(value) == text
    assert columns_of({"a": [value, "x"]}, {"a": TEXT})["a"].tolist() == [text, "x"]


def test_columns_of_other_types_as_text():
    booleans, dates = [True, None], [datetime.date(1969, 7, 20), None]
    frame = pd.DataFrame({"a": [4, None], "b": booleans, "c": pd.to_datetime(pd.Series(dates))})
    # Pandas has no dates without a time.
    for rows, date in (
        (frame, "1969-07-20 00:00:00"),
        (pa.Table.from_pandas(frame), "1969-07-20 00:00:00"),
        (pl.DataFrame({"a": [4, None], "b": booleans, "c": dates}), "1969-07-20"),
    ):
        found = columns_of(rows, dict.fromkeys("abc", TEXT))
        assert {name: array.tolist() for name, array in found.items()} == {
            "a": ["4", ""],
            "b": ["True", ""],
            "c": [date, ""],
        }


def test_long_integers_as_text():
    values = [2**53 + 1, 7]
    for rows in (pd.DataFrame({"a": values}), pa.table({"a": values}), {"a": np.array(values)}):
        assert columns_of(rows, {"a": TEXT})["a"].tolist() == ["9007199254740993", "7"]


def test_numbers_are_rounded_once_from_float64():
    values = [0.1, decimal.Decimal("16777217"), 2**53 + 1, True, np.float16(0.1)]
    expected = np.array([float(value) for value in values]).astype(np.float32)
    np.testing.assert_array_equal(columns_of({"a": values}, {"a": NUMBER})["a"], expected)


def test_several_values_a_row():
    inputs = {
        "a": Tensor(dtype=np.dtype("float32"), shape=(None, 2)),
        "b": Tensor(dtype=np.dtype(object), shape=(None, 2)),
    }
    rows = [{"a": [1, None], "b": ["x", None]}, {"a": np.array([3, 4]), "b": ("y", 2)}]
    columns = {name: [row[name] for row in rows] for name in inputs}
    for given in (rows, columns, pl.DataFrame({"a": [[1, None], [3, 4]], "b": [["x", None]] * 2})):
        found = columns_of(given, inputs)
        np.testing.assert_array_equal(found["a"], [[1, np.nan], [3, 4]])
        assert found["b"][0].tolist() == ["x", ""]


def test_integers_and_booleans():
    inputs = {
        "a": Tensor(dtype=np.dtype("int64"), shape=(None,)),
        "b": Tensor(dtype=np.dtype(bool), shape=(None,)),
    }
    found = columns_of({"a": [1, 2.0], "b": [True, 0]}, inputs)
    assert (found["a"].tolist(), found["a"].dtype) == ([1, 2], np.int64)
    assert found["b"].tolist() == [True, False]


def test_no_rows():
    for rows in ([], {"km/h": [], "2019": []}, pl.DataFrame(COLUMNS, strict=False)[:0]):
        assert [len(array) for array in columns_of(rows, INPUTS).values()] == [0, 0]


@pytest.mark.parametrize(
    ("rows", "argument", "got", "hint"),
    [
        ({"km/h": [1]}, "x", "'km/h'", ""),
        ({"kmh": [1], "2019": ["a"]}, "x", "'kmh', '2019'", "`kmh`"),
        ({**COLUMNS, "Km/h": [1, 2, 3]}, "x", "'Km/h'", "Leave"),
        pytest.param(
            *(pd.DataFrame({**COLUMNS, "price": [1, 2, 3]}), "x", "'price'", "Leave"),
            id="a frame with a column too many",
        ),
        ([ROWS[0], {"km/h": 1}], "x", "'km/h' in row 1", ""),
        ([ROWS[0], {**ROWS[1], "price": 1}], "x", "'price' in row 1", "Leave"),
        ({"km/h": [1, 2], "2019": ["a"]}, "x", "'km/h': 2, '2019': 1", ""),
        (ROWS[0], "km/h", "1.5", "a list of one dictionary"),
        ({"km/h": [1], "2019": "a"}, "2019", "'a'", "a list of one dictionary"),
        ([[1, "a"]], "x", "a list", "'km/h', '2019'"),
        (np.ones((2, 2)), "x", "a ndarray", "'km/h', '2019'"),
        (pl.LazyFrame(COLUMNS, strict=False), "x", "a LazyFrame", "'km/h', '2019'"),
        (None, "x", "a NoneType", "'km/h', '2019'"),
        ({"km/h": [1, "2"], "2019": ["a", "b"]}, "km/h", "'2' in row 1", ""),
        ({"km/h": [MOMENT], "2019": ["a"]}, "km/h", "datetime.datetime(", ""),
        ({"km/h": [1j], "2019": ["a"]}, "km/h", "1j in row 0", ""),
        ({"km/h": [1, -np.inf], "2019": ["a", "b"]}, "km/h", "-inf in row 1", ""),
        ({"km/h": [1, 1e39], "2019": ["a", "b"]}, "km/h", "1e+39 in row 1", ""),
        ({"km/h": [10**400], "2019": ["a"]}, "km/h", "inf in row 0", ""),
        ({"km/h": np.ones((2, 1)), "2019": ["a", "b"]}, "km/h", "shape (2, 1)", ""),
        ({"km/h": [1], "2019": [b"\xff"]}, "2019", r"b'\xff' in row 0", ""),
        ({"km/h": [1], "2019": [{"a": 1}]}, "2019", "{'a': 1} in row 0", ""),
    ],
    ids=str,
)
def test_rows_that_do_not_fit(rows, argument, got, hint, invalid):
    with invalid(argument) as caught:
        columns_of(rows, INPUTS)
    assert got in str(caught.value)
    assert hint in caught.value.hint


def test_all_columns_that_are_missing_or_unknown_are_named(invalid):
    inputs = dict.fromkeys("abcdefgh", NUMBER)
    with invalid("x") as caught:
        columns_of({"a": [1], "z": [1]}, inputs)
    assert "have the columns 'b', 'c', 'd', 'e', 'f', 'g' and 1 more" in caught.value.rule
    with invalid("x") as caught:
        columns_of({**{key: [1] for key in inputs}, "y": [1], "z": [1]}, inputs)
    assert "got 'y', 'z'. Leave those columns out." in str(caught.value)


def test_masked_values_and_missing_integers(invalid):
    with invalid("km/h"):
        columns_of({"km/h": np.ma.masked_array([1.0, 2], [0, 1]), "2019": ["a", "b"]}, INPUTS)
    with invalid("a"):
        columns_of({"a": [None]}, {"a": Tensor(dtype=np.dtype("int8"), shape=(None,))})
    with invalid("a"):
        columns_of({"a": [[1, 2]]}, {"a": Tensor(dtype=np.dtype("float32"), shape=(None, 3))})


def test_the_name_of_the_argument(invalid):
    with invalid("examples"):
        columns_of(narwhals.from_native(pl.DataFrame({"a": [1]})), INPUTS, argument="examples")
