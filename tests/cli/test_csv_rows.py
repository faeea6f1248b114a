"""CSV files as rows for a model."""

import numpy as np
import pytest

from kerasnn.cli import csv_rows
from kerasnn.serving.runtime.coerce_inputs import Tensor


def inputs_of(dtype, *shape):
    return {"features": Tensor(dtype=np.dtype(dtype), shape=shape)}


FOUR = inputs_of("float32", None, 4)
DOUBT = "must show whether its first line is a header"


@pytest.fixture
def table(tmp_path):
    """Writes a table."""

    def write(text, encoding="utf-8"):
        file = tmp_path / "rows.csv"
        file.write_text(text, encoding=encoding)
        return csv_rows.Source(file)

    return write


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("1,2,3,4\n1,2,nan,4\n", "got 'nan' in line 2, column 3"),
        # Float32 has no such number.
        ("1,2,3,1e300\n", "got '1e300' in line 1, column 4"),
        ("1,2,3,1_0\n", "got '1_0' in line 1, column 4"),
        ("1,2,3,4\n\n1,2,3\n", "got 3 cells in line 3 and 4 in line 1"),
        ("1,,3,4\n5,6,7,8\n", "got '' in line 1, column 2"),
        ("a,b,c,d\n5,6,7,8\n", "got 'a' in line 1, column 1"),
    ],
)
def test_rows_that_do_not_fit(text, got, table, invalid):
    with invalid("INPUT") as caught:
        csv_rows.read(table(text), FOUR, header=False)
    assert got in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold at least one row of values; got none"),
        ("a,b,c,d\n", "got a header alone, a, b, c, d,"),
        ("1;2;3;4\n", "with commas between them; got a header alone, 1;2;3;4,"),
        ("a,b,c,d\n1,2,3,x\n", "got 'x' in line 2, column 4"),
        # Pandas writes these for columns without names, a survey for its years, a spectrum for
        # its wavelengths; and they may be rows.
        ("0,1,2,3\n0.5,0.2,-1,3\n", DOUBT),
        ("2019,2020,2021,2022\n0.5,0.2,-1,3\n", "got numbers, 2019, 2020, 2021, 2022, in line 1"),
        ("400.5,401.5,402.5,403.5\n0.5,0.2,-1,3\n", "give --header if it holds names, --no-header"),
        # A row, and not a header to skip.
        ("1,,3,4\n5,6,7,8\n", "or of names for all columns; got '' in line 1, column 2"),
        ("1,2,3,4x\n5,6,7,8\n", "got '4x' in line 1, column 4, among numbers"),
        ("1,2,3,1_0\n5,6,7,8\n", "got '1_0' in line 1, column 4, among numbers"),
        (",,,\n5,6,7,8\n", "got '' in line 1, column 1"),
        ("NA,?,NULL,NA\n5,6,7,8\n", "got 'NA' in line 1, column 1"),
    ],
)
def test_tables_that_do_not_fit(text, message, table, invalid):
    with invalid("INPUT") as caught:
        csv_rows.read(table(text), FOUR)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("a,b,c,d\n", None),
        ("2019_20,2020_21,2021_22,2022_23\n", None),
        ("0,1,2,3\n", True),
        ("d,0,b,2019\n", True),
        ("", False),
    ],
)
def test_a_header_is_no_row(first, header, table):
    # A byte order mark hides no row.
    file = table(first + "0.5,0.2,-1,3\n1,2,3,4\n", "utf-8-sig")
    rows, ignored = csv_rows.read(file, FOUR, header=header)
    np.testing.assert_array_equal(rows["features"], np.float32([[0.5, 0.2, -1, 3], [1, 2, 3, 4]]))
    assert ignored == [name for name in first.strip().split(",") if name]


def test_the_header_of_words(table, invalid):
    words = inputs_of(object, None, 2)
    assert csv_rows.read(table("colour,size\nred,4\nblue,5\n"), words).rows[
        "features"
    ].tolist() == [
        ["red", "4"],
        ["blue", "5"],
    ]
    names = table("colour,name\nred,ann\n")
    with invalid("INPUT", ["colour", "name"]):
        csv_rows.read(names, words)
    assert csv_rows.read(names, words, header=True).rows["features"].tolist() == [["red", "ann"]]
    assert len(csv_rows.read(names, words, header=False).rows["features"]) == 2


def test_columns_are_matched_by_name_in_any_order(table, invalid):
    tensor = Tensor(dtype=np.dtype("float32"), shape=(None, 1))
    inputs = dict.fromkeys(["a", "sepal_width", "input_2019"], tensor)
    for text in (
        "a,sepal width,2019\n1,2,3\n4,5,6\n",
        "2019,id,a,sepal width\n3,x,1,2\n6,y,4,5\n",
        "sepal_width,input_2019,a\n2,3,1\n5,6,4\n",
    ):
        for header in (None, True):
            rows, ignored = csv_rows.read(table(text), inputs, header=header)
            assert {name: array.ravel().tolist() for name, array in rows.items()} == {
                "a": [1, 4],
                "sepal_width": [2, 5],
                "input_2019": [3, 6],
            }
            assert ignored == []
    for text, header, message in (
        ("1,2,3\n4,5,6\n", None, "must have one column 'a', which is an input of the model"),
        ("1,2,3\n4,5,6\n", False, "must begin with a line of names, for the model takes 3"),
        ("a,sepal width,sepal_width,2019\n1,2,2,3\n", None, "must have one column 'sepal_width'"),
    ):
        with invalid("INPUT") as caught:
            csv_rows.read(table(text), inputs, header=header)
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "text", "expected"),
    [
        ("bool", "a,b,c\n0,1,true\nFalse,0,TRUE\n", [[0, 1, 1], [0, 0, 1]]),
        ("bool", "a,b,c\ntrue,false,1\n", [[1, 0, 1]]),
        ("bool", "a,b,c\n1,0,2\n", "must hold 0, 1, true or false for this model"),
        ("uint8", "a,b,c\n1,255,0\n", [[1, 255, 0]]),
        ("uint8", "a,b,c\n1,256,0\n", "must hold integers from 0 to 255 for this model"),
        (
            "int64",
            "a,b,c\n1,2,9223372036854775808\n",
            "got '9223372036854775808' in line 2, column 3",
        ),
        ("int64", "a,b,c\n1,2.5,3\n", "got '2.5' in line 2, column 2"),
        ("float16", "a,b,c\n1,65505,3\n", "must hold finite numbers up to 6.6e+04 for this model"),
    ],
)
def test_cells_of_each_dtype(dtype, text, expected, table, invalid):
    inputs = inputs_of(dtype, None, 3)
    if isinstance(expected, list):
        assert csv_rows.read(table(text), inputs).rows["features"].tolist() == expected
        return
    with invalid("INPUT") as caught:
        csv_rows.read(table(text), inputs)
    assert expected in str(caught.value)


def test_a_column_of_texts(table, invalid):
    texts = inputs_of(object, None)
    file = table('good bad\n""\n' + "x" * 150_000 + "\n")
    found = csv_rows.read(file, texts, header=False).rows["features"]
    assert [len(text) for text in found] == [8, 0, 150_000]
    with invalid("INPUT", 2):
        csv_rows.read(table("good\n\nbad\n"), texts)


def test_other_delimiters_and_encodings(table):
    inputs = {"größe": Tensor(dtype=np.dtype("float32"), shape=(None,))}
    written = csv_rows.Format(";", "cp1252")
    file = table("größe;art\n1.5;a\n2.5;b\n", "cp1252")
    found = csv_rows.read_table(file, inputs, missing_values=(), ignored=["art"], written=written)
    np.testing.assert_array_equal(found["größe"], [1.5, 2.5])
    found = csv_rows.read(table("1;2;3;4\n"), FOUR, header=False, written=written)
    np.testing.assert_array_equal(found.rows["features"], [[1, 2, 3, 4]])


def test_hints_at_delimiter_and_encoding(table, invalid):
    inputs = {"größe": Tensor(dtype=np.dtype("float32"), shape=(None,))}
    with invalid("INPUT") as caught:
        csv_rows.read_table(table("größe;art\n1.5;a\n"), inputs, missing_values=())
    assert "give --delimiter ';'" in caught.value.hint
    with invalid("INPUT") as caught:
        csv_rows.read(table("1;2;3;4\n"), FOUR, header=False)
    assert "give --delimiter ';'" in caught.value.hint
    with invalid("INPUT") as caught:
        csv_rows.read_table(table("größe\n1.5\n", "cp1252"), inputs, missing_values=())
    assert "--encoding cp1252" in caught.value.hint


def test_unusable_formats(table, invalid):
    for argument, written in (("--delimiter", (";;",)), ("--encoding", (",", "latin-x"))):
        with invalid(argument, written[-1]):
            csv_rows.read(table("1,2,3,4\n"), FOUR, header=False, written=csv_rows.Format(*written))
