"""Tables from files, against Python's csv module, and from frames of three libraries."""

import csv
import datetime
import decimal
import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kerasnn.data.tables import csv_table
from kerasnn.data.tables.columns.blocks import Blocks
from kerasnn.data.tables.csv_table import CsvTable
from kerasnn.data.tables.frame_table import FrameTable


@pytest.fixture
def write(tmp_path):
    def _write(text, *, encoding="utf-8", newline="\n"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.replace("\n", newline).encode(encoding))
        return path

    return _write


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(csv_table, "_BLOCK_BYTES", 64)


def _random_text(rng, delimiter):
    """Returns a header and rows, some of them with wrong quotes or of a wrong length."""
    plain = ["", "", "1", "-2.5", "red", "  w ", "é"]
    quoted = [f'"x{delimiter}y"', '"x\ny"', '""', '"""q"""', '"x\n\ny"']
    odd = ["p\rq", '5" pipe', ' "z"', '"z" ', '"a"b', 'a"b"c', '"x""']

    def cell():
        kind = rng.choice(3, p=[0.79, 0.18, 0.03])
        return str(rng.choice([plain, quoted, odd][kind]))

    lengths = rng.choice([3, 2, 4], int(rng.integers(0, 14)), p=[0.98, 0.01, 0.01])
    rows = [delimiter.join(cell() for _ in range(n)) for n in lengths]
    blank = "\n" if rng.random() < 0.2 else ""
    ends = rng.choice(["", "\n", "\n\n"])
    return delimiter.join(["a", '"b\nc"', "y"]) + "\n" + blank + "\n".join(rows) + ends


def _by_csv_module(text, delimiter):
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        header, *rows = [[cell.strip() for cell in row] for row in reader if row]
    except csv.Error:
        return None
    # A line of blanks is no row, unless there is one column only.
    rows = [row for row in rows if len(header) == 1 or row != [""]]
    return rows if all(len(row) == len(header) for row in rows) else None


@pytest.mark.parametrize("seed", range(4))
def test_rows_are_those_of_the_csv_module(write, small_blocks, seed):
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(100):
        delimiter = str(rng.choice([",", ";", "\t", " ", "§"]))
        newline = str(rng.choice(["\n", "\r\n", "\r"], p=[0.5, 0.4, 0.1]))
        encoding = str(rng.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
        text = _random_text(rng, delimiter)
        expected = _by_csv_module(text.replace("\n", newline), delimiter)
        path = write(text, newline=newline, encoding=encoding)
        table = CsvTable(
            path, delimiter=delimiter, encoding=encoding, as_text=["a", f"b{newline}c", "y"]
        )
        try:
            frames = list(table.frames())
        except ValueError:
            assert expected is None, text
            refused += 1
            continue
        rows = [[cell or "" for cell in row] for frame in frames for row in frame.rows()]
        assert rows == expected, text
        assert table.frame().rows() == [row for frame in frames for row in frame.rows()]
    assert 0 < refused < 90


@pytest.mark.parametrize("quoted", ["c", '"c"'])
def test_lines_of_blanks_are_no_rows(write, quoted):
    table = CsvTable(write(f"a,b\n1,{quoted}\n  \n\n2,d\n \n"))
    assert table.frame().rows() == [(1.0, "c"), (2.0, "d")]
    assert table.place(1) == "line 5"
    assert CsvTable(write("a\nx\n  \ny\n")).frame().rows() == [("x",), (None,), ("y",)]


def _float(text):
    """Returns the number that a text is, or None; Python alone reads 1_000."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


NUMBERS = ["5", "+5", "-5.", ".5", "1e5", "1E-5", "1e400", "007", "5e-324", "-0"]
NUMBERS += ["0.30000000000000004", "inf", "-Infinity", "nan"]
TEXTS = ["1_000", "0x1A", "1,5", "1d5", "--", "+", "e5", "1e", "1f", "true", "١٢", "5%", "$5"]


@pytest.mark.parametrize("text", [*NUMBERS, *TEXTS])
def test_numbers_are_those_of_float(write, text):
    for padded in (text, f" {text}  "):
        frame = CsvTable(write(f"a;y\n{padded};x\n;z\n3;x"), delimiter=";").frame()
        if text in NUMBERS:
            assert frame.schema["a"] == pl.Float64
            first, second, third = frame["a"]
            assert (repr(first), second, third) == (repr(_float(text)), None, 3.0)
        else:
            assert frame["a"].to_list() == [text, None, "3"]


def test_missing_cells_are_null(write):
    text = 'n,t,all,y\n1, NA ,NA,"NA"\n-999,-999,,no\n"NA",x,NA,yes\nnan,,, yes\n'
    path = write(text)
    frame = CsvTable(path, missing_values=["NA", "-999", "nan"]).frame()
    assert frame.to_dict(as_series=False) == {
        "n": [1.0, None, None, None],
        "t": [None, None, "x", None],
        "all": [None] * 4,
        "y": [None, "no", "yes", "yes"],
    }
    assert frame.schema["all"] == pl.Float64
    # A number that is not finite is not missing, and the empty cell always is.
    frame = CsvTable(path, missing_values=["NA"], as_text=["all"], drop=["t"]).frame()
    np.testing.assert_array_equal(frame["n"].to_numpy(), [1, -999, np.nan, np.nan])
    assert frame["n"].is_null().to_list() == [False, False, True, False]
    assert frame.columns == ["n", "all", "y"]
    assert frame["all"].to_list() == [None] * 4


def test_columns_have_the_same_type_in_each_frame(write, small_blocks):
    rows = [f"{i},{i},{'' if i % 2 else i},{10**17 + i}" for i in range(40)]
    rows[35] = "35,text,35,7"
    table = CsvTable(write("\n".join(["a,late,b,y", *rows])), as_text=["y"])
    frames = list(table.frames())
    assert len(frames) > 5
    types = [pl.Float64, pl.Enum, pl.Float64, pl.Enum]
    assert all(list(frame.schema.values()) == types for frame in frames)
    assert pl.concat(map(_written, frames)).equals(_written(table.frame()))
    assert table.frame()["late"][34:37].to_list() == ["34", "text", "36"]
    assert table.frame()["y"][1] == "100000000000000001"


def _written(frame):
    return frame.with_columns(pl.col(pl.Enum).cast(pl.String))


@pytest.mark.parametrize(
    ("late", "column"),
    [
        ("7", [*range(35), 7.0]),
        (" 7 ", [*range(35), 7.0]),
        ("", [*range(35), None]),
        ("NA", [*range(35), None]),
        ("nan", [*range(35), None]),
        ("3", [0, 1, 2, None, *range(4, 35), None]),
        ("-inf", [*range(35), -np.inf]),
        ("red", [*map(str, range(35)), "red"]),
    ],
)
def test_first_rows_that_mislead(write, small_blocks, monkeypatch, late, column):
    rows = [f"{i},x,{i}" for i in range(35)]
    missing = ["NA", "nan", *(["3"] if late == "3" else [])]
    tables = []
    for sample in (2, 1000):
        monkeypatch.setattr(csv_table, "_SAMPLE_ROWS", sample)
        table = CsvTable(write("\n".join(["a,b,y", *rows, f"{late},x,5"])), missing_values=missing)
        assert table.frame()["a"].to_list() == column
        frames = list(map(_written, table.frames()))
        assert pl.concat(frames).equals(_written(table.frame()))
        tables.append(frames[-1])
    assert tables[0].equals(tables[1])


def test_selected_rows_are_those_of_a_mask(write, small_blocks):
    table = CsvTable(write("a,y\n" + "\n".join(f"{i},t{i}" for i in range(50))))
    mask = np.random.default_rng(0).random(50) < 0.4
    mask[:20] = False
    blocks = Blocks(table, frame=None, numeric=None)
    chosen = [
        (block.start + here, _written(block.select(here).frame))
        for here, block in blocks.selected(mask)
    ]
    indices, frames = zip(*chosen, strict=True)
    assert len(frames) > 1
    assert np.concatenate(indices).tolist() == np.flatnonzero(mask).tolist()
    assert pl.concat(frames)["a"].to_list() == np.flatnonzero(mask).tolist()


def test_places_and_cells_of_rows(write):
    table = CsvTable(write('a,y\n\n1,"two\nlines"\n2, x \n\n3,z\n'))
    assert table.source.endswith("table.csv")
    assert (table.place(0), table.place(1)) == ("line 4", "line 5")
    assert table.places([2, 0]) == "line 7, 4"
    assert table.cell("y", 1) == "x"
    assert table.frame()["y"].to_list() == ["two\nlines", "x", "z"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,a ,y\n1,2,0", "line 1: two columns are called 'a'"),
        (",a,y\n0,2,0", "line 1: column 1 has no name"),
        ("a,b,y\n1,2,3\n1,red\n", "line 3: 2 cells, where the header names 3 columns"),
        ("a,b,y\n1,2,3\n1,light, green,0\n", "line 3: 4 cells"),
        ('a,b,y\n1,2,3\n1,"red"x,0\n', "line 3: ',' expected after '\"'"),
        ('a,b,y\n1,2,3\n1,"red,0\n2,blue,3\n', "line 4: unexpected end of data"),
        ('a,b,y\n1,"2\n2",3\n\n1,red\n', "line 5: 2 cells"),
        ("a,b,y\n1,2,3\n1,2,\n1\n1,2,3,4", "line 4: 1 cells"),
    ],
)
def test_a_wrong_row_is_named_with_its_line(write, monkeypatch, invalid, text, place):
    for size in (32, 1 << 20):
        monkeypatch.setattr(csv_table, "_BLOCK_BYTES", size)
        with invalid("path") as caught:
            list(CsvTable(write(text)).frames())
        assert place in str(caught.value)


def test_a_header_alone_and_a_last_row_without_a_line_end(write, invalid):
    assert CsvTable(write("a,b")).frame().shape == (0, 2)
    assert list(CsvTable(write("a,b\n")).frames()) == []
    assert CsvTable(write("a\n\n1\n\n2")).frame()["a"].to_list() == [1, 2]
    with invalid("path") as caught:
        CsvTable(write("a,b\n1,2\n3,4,\n\n")).frame()
    assert "line 3: 3 cells" in str(caught.value)


def test_text_in_another_encoding(write, small_blocks, invalid):
    rows = "\n".join(["größe;y", *(f"{i};é" for i in range(50)), "50;ß"])
    path = write(rows, encoding="cp1252")
    table = CsvTable(path, delimiter=";", encoding="cp1252")
    assert table.names == ("größe", "y")
    assert table.frame()["y"].unique(maintain_order=True).to_list() == ["é", "ß"]
    with invalid("encoding", "utf-8-sig") as caught:
        CsvTable(path, delimiter=";")
    assert "byte 0xf6" in str(caught.value)
    assert "line 1:" in str(caught.value)
    path = write("a;y\n" + "1;b\n" * 40)
    path.write_bytes(path.read_bytes() + b"1;\xe9\n")
    with invalid("encoding", "utf-8") as caught:
        CsvTable(path, delimiter=";", encoding="utf-8").frame()
    assert "line 42:" in str(caught.value)


@pytest.mark.parametrize("delimiter", [", ", "", '"', "\n", None])
def test_a_delimiter_is_one_character(write, invalid, delimiter):
    with invalid("delimiter", delimiter):
        CsvTable(write("a,b\n1,2"), delimiter=delimiter)


DAY, MOMENT = datetime.date(1960, 2, 29), datetime.datetime(1960, 2, 29, 12, 30)
BIG = 2**60 + 1


@pytest.mark.parametrize(
    ("values", "column", "texts"),
    [
        ([1, BIG], [1.0, float(BIG)], ["1", str(BIG)]),
        ([1.0, 0.1, np.nan, np.inf], [1, 0.1, None, np.inf], ["1", "0.1", None, "inf"]),
        (pd.array([BIG, None], "Int64"), [float(BIG), None], [str(BIG), None]),
        (pd.array([0.5, None], "Float64"), [0.5, None], ["0.5", None]),
        ([True, False], [True, False], ["True", "False"]),
        (pd.array([True, None], "boolean"), [True, None], ["True", None]),
        (np.array([True, None], object), [True, None], ["True", None]),
        ([" a", "", None, "NA"], ["a", None, None, None], ["a", None, None, None]),
        (pd.array(["a", None], "string"), ["a", None], ["a", None]),
        (np.array(["a", 1, 2.0, pd.NA], object), ["a", "1", "2", None], ["a", "1", "2", None]),
        (pd.Categorical([3, None, 4]), ["3", None, "4"], ["3", None, "4"]),
        (pd.Categorical(["x", None]), ["x", None], ["x", None]),
        (pd.DatetimeIndex([MOMENT, None]), [MOMENT, None], [MOMENT.isoformat(" "), None]),
        (np.array([DAY, None], object), [DAY, None], [DAY.isoformat(), None]),
        (pd.array([DAY, None], pd.ArrowDtype(pa.date32())), [DAY, None], ["1960-02-29", None]),
        (pd.array([BIG, None], "int64[pyarrow]"), [float(BIG), None], [str(BIG), None]),
        (np.array([None, None], object), [None, None], [None, None]),
        ([5, -999], [5, None], ["5", None]),
    ],
)
def test_columns_of_pandas(values, column, texts):
    frame = pd.DataFrame({"a": values}, index=range(7, 7 + len(values)))
    missing = ["NA", "-999"]
    assert FrameTable(frame, missing_values=missing).frame()["a"].to_list() == column
    as_text = FrameTable(frame, missing_values=missing, as_text=["a"]).frame()
    assert as_text.schema["a"] == pl.String
    assert as_text["a"].to_list() == texts


def test_columns_of_polars_and_pyarrow():
    moment = datetime.datetime(1960, 1, 1, 2, tzinfo=datetime.UTC)
    frame = pl.DataFrame(
        {
            "int": pl.Series([BIG, None]),
            "single": pl.Series([0.5, float("nan")], dtype=pl.Float32),
            "text": ["x ", "NA"],
            "category": pl.Series(["u", None], dtype=pl.Categorical),
            "enum": pl.Series(["u", None], dtype=pl.Enum(["u"])),
            "bool": [True, None],
            "day": [DAY, None],
            "moment": pl.Series([moment, None], dtype=pl.Datetime("ns", "Asia/Tokyo")),
            "none": pl.Series([None, None]),
        }
    )
    expected = [
        (float(BIG), 0.5, "x", "u", "u", True, DAY, moment.replace(tzinfo=None), None),
        (None,) * 9,
    ]
    for given in (frame, frame.lazy(), frame.to_arrow()):
        assert FrameTable(given, missing_values=["NA"]).frame().rows() == expected
        text = FrameTable(given, as_text=["int", "bool"]).frame()
        assert text.row(0)[0] == str(BIG)
        assert text["bool"].to_list() == ["True", None]


def test_rows_of_a_frame():
    table = FrameTable(pl.DataFrame({"a": range(100_000), "b": [1.5] * 100_000}))
    assert table.names == ("a", "b")
    frames = list(table.frames())
    assert [frame.height for frame in frames] == [65_536, 34_464]
    assert pl.concat(frames).equals(table.frame())
    assert (table.place(3), table.places([1, 4]), table.cell("b", 2)) == (
        "row 3",
        "row 1, 4",
        "1.5",
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (decimal.Decimal("1.5"), "Decimal"),
        (datetime.timedelta(1), "Timedelta"),
        (datetime.time(1), "time"),
        (b"a", "bytes"),
        ([1], "list"),
        ({"x": 1}, "dict"),
        (1j, "complex"),
    ],
)
def test_columns_of_other_types_are_refused_by_name(invalid, value, kind):
    frame = pd.DataFrame({"odd": [value], "b": [1]})
    with invalid("frame") as caught:
        FrameTable(frame)
    assert caught.value.value.startswith(kind)
    assert "drop=('odd',)" in caught.value.hint
    assert ("astype" in caught.value.hint) == (kind == "Decimal")
    assert FrameTable(frame, drop=["odd"]).frame().columns == ["b"]
    if kind != "complex":
        with invalid("frame"):
            FrameTable(pl.DataFrame({"odd": [value]}))


@pytest.mark.parametrize(
    ("frame", "value"),
    [
        (pd.DataFrame([[1, 2]]), 0),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a"),
        (pa.table([[1], [2]], names=["a", "a"]), "a"),
    ],
)
def test_columns_have_different_names_of_text(invalid, frame, value):
    with invalid("frame", value):
        FrameTable(frame)


@pytest.mark.parametrize("given", [{"a": [1]}, np.zeros((2, 2)), pd.Series([1]), "table.csv"])
def test_a_frame_is_a_frame(invalid, given):
    with invalid("frame"):
        FrameTable(given)
