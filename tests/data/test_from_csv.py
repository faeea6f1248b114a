import warnings

import keras
import numpy as np
import pandas as pd
import polars
import pytest

from kerasnn import data
from kerasnn.data.tables import csv_table
from kerasnn.tasks import Task
from tests.helpers.seeds import set_seeds


@pytest.fixture
def write(tmp_path):
    def _write(text, *, encoding="utf-8", newline="\n"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.replace("\n", newline).encode(encoding))
        return path

    return _write


def _fruit(rows=60, seed=0):
    """Numbers, text with delimiters and line ends, and holes in both."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "grams": rng.normal(100, 20, rows).round(3),
            "colour": rng.choice(["red", "light, green", 'so-called "blue"', "two\nlines"], rows),
            "kind": rng.choice(["apple", "banana", "cherry"], rows),
            "price": rng.normal(2, 1, rows).round(2),
        }
    )
    frame.loc[rng.choice(rows, 7, replace=False), "grams"] = np.nan
    frame.loc[rng.choice(rows, 5, replace=False), "colour"] = np.nan
    return frame


def _rows(x, y):
    table = np.column_stack([x, y]).astype(np.float32)
    return table[np.lexsort(table.T)]


def _unbatched(stream):
    xs, ys = zip(*stream.as_numpy_iterator(), strict=True)
    return np.concatenate(xs), np.concatenate(ys)


@pytest.mark.filterwarnings("ignore:The column .* counts the rows")
def test_columns_classes_and_filling_agree_with_pandas(tmp_path):
    frame = _fruit()
    frame["row"] = np.arange(len(frame))
    frame.to_csv(tmp_path / "fruit.csv", index=False)
    split = data.from_csv(tmp_path / "fruit.csv", "kind", missing="mean", seed=4)

    assert split.task is Task.MULTICLASS
    assert split.classes == ("apple", "banana", "cherry")
    colours = sorted(frame.colour.dropna().unique())
    assert split.features == ("grams", *(f"colour={c}" for c in colours), "price", "row")

    numbers = split.x_train[:, -1].astype(int)
    train = frame.loc[numbers]
    filled = frame.fillna({"grams": train.grams.mean(), "colour": train.colour.mode()[0]})
    one_hot = pd.get_dummies(filled.colour)[colours]
    expected = pd.concat([filled.grams, one_hot, filled.price, filled.row], axis=1)
    codes = pd.Categorical(frame.kind).codes
    for x, y in ((split.x_train, split.y_train), (split.x_test, split.y_test)):
        at = x[:, -1].astype(int)
        np.testing.assert_allclose(x, expected.loc[at].astype(np.float32), rtol=1e-6)
        np.testing.assert_array_equal(y, codes[at])
    assert len(set(numbers) | set(split.x_test[:, -1].astype(int))) == 60
    assert (split.x_train.dtype, split.y_train.dtype) == (np.float32, np.int64)
    np.testing.assert_allclose(np.bincount(split.y_test) / 12, np.bincount(codes) / 60, atol=1 / 12)


@pytest.mark.filterwarnings("ignore:The column .* counts the rows")
def test_nothing_is_learned_from_test_rows(write):
    rows = [f"{i},cat{i % 2},{i % 2}" for i in range(20)]
    path = write("\n".join(["a,b,y", *rows]))
    first = data.from_csv(path, "y")
    test_rows = sorted(first.x_test[:, 0].astype(int))
    for i in test_rows:
        rows[i] = f"{1000 * i},unseen{i},{i % 2}"
    blank = next(i for i in range(20) if i not in test_rows)
    rows[blank] = f",cat{blank % 2},{blank % 2}"
    second = data.from_csv(write("\n".join(["a,b,y", *rows])), "y", missing="mean")
    assert second.features == first.features == ("a", "b=cat0", "b=cat1")
    np.testing.assert_array_equal(second.x_test[:, 1:], np.zeros((4, 2)))
    rest = [i for i in range(20) if i not in test_rows and i != blank]
    at = first.x_train[:, 0] == blank
    assert second.x_train[at, 0] == pytest.approx(np.mean(rest))


def test_a_stream_holds_the_same_rows_as_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_table, "_BLOCK_BYTES", 300)
    path = tmp_path / "fruit.csv"
    _fruit(100).to_csv(path, index=False)
    memory = data.from_csv(path, "kind", missing="mean", seed=2)
    stream = data.from_csv(path, "kind", missing="mean", seed=2, in_memory=False, batch_size=16)
    assert stream.target == "kind"
    assert (stream.y_train, stream.y_test) == (None, None)
    assert (len(stream.x_train), len(stream.x_test)) == (5, 2)
    assert stream.input_shape == memory.input_shape
    assert stream.outputs == memory.outputs == 3
    assert (stream.features, stream.classes) == (memory.features, memory.classes)
    x, y = _unbatched(stream.x_train)
    np.testing.assert_array_equal(_rows(x, y), _rows(memory.x_train, memory.y_train))
    np.testing.assert_array_equal(
        _rows(*_unbatched(stream.x_test)), _rows(memory.x_test, memory.y_test)
    )
    again, _ = _unbatched(stream.x_train)
    assert x.tolist() != again.tolist()
    np.testing.assert_array_equal(np.sort(x, axis=0), np.sort(again, axis=0))


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([0, 1, 1], {}),
        (["", 2, 5], {"task": "multiclass", "drop_missing_target": True}),
        ([3.5, 0.1, 1e30], {}),
        ([7, 3, 4096.5], {"task": "regression"}),
        ([7, "", 4096], {"task": "count", "drop_missing_target": True}),
        # Integers, of which one is missing, until the last blocks show that they are real.
        ([*range(150), "", 0.5], {"drop_missing_target": True}),
        ([2**60 + 2**12, 1, 0], {"task": "regression"}),
    ],
)
def test_a_stream_has_the_targets_of_memory(tmp_path, monkeypatch, values, options):
    monkeypatch.setattr(csv_table, "_BLOCK_BYTES", 300)
    lines = [f"{i},{values[i % len(values)]}" for i in range(200)]
    (tmp_path / "line.csv").write_text("\n".join(["x,y", *lines]))
    memory = data.from_csv(tmp_path / "line.csv", "y", **options)
    stream = data.from_csv(tmp_path / "line.csv", "y", **options, in_memory=False)
    assert (stream.task, stream.classes) == (memory.task, memory.classes)
    for part, x, y in (
        (stream.x_train, memory.x_train, memory.y_train),
        (stream.x_test, memory.x_test, memory.y_test),
    ):
        found = _unbatched(part)
        assert found[1].dtype == y.dtype
        np.testing.assert_array_equal(_rows(*found), _rows(x, y))


@pytest.mark.parametrize(
    ("values", "task", "argument"),
    [
        ([1e9 + 0.5, 1e9], "regression", "y"),
        ([1, -1], "count", "task"),
        ([1, 0.5], "count", "task"),
        (["", "red"], None, "target"),
        ([1, "red"], "regression", "path"),
    ],
)
def test_targets_that_a_stream_refuses(tmp_path, monkeypatch, invalid, values, task, argument):
    monkeypatch.setattr(csv_table, "_BLOCK_BYTES", 300)
    lines = [f"{i},{values[i % 2]}" for i in range(200)]
    (tmp_path / "line.csv").write_text("\n".join(["x,y", *lines]))
    with invalid(argument):
        data.from_csv(tmp_path / "line.csv", "y", task=task, in_memory=False)


def test_keras_fits_a_stream(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": x @ [2, -1] + 0.5}).to_csv(
        tmp_path / "line.csv", index=False
    )
    split = data.from_csv(tmp_path / "line.csv", "y", in_memory=False)
    assert split.task is Task.REGRESSION
    set_seeds(0)
    model = keras.Sequential([keras.Input(split.input_shape), keras.layers.Dense(split.outputs)])
    model.compile(keras.optimizers.SGD(0.1), **split.task.compile_arguments())
    # Keras warns that it cannot shuffle a dataset, without this argument.
    model.fit(split.x_train, split.y_train, epochs=10, shuffle=False, verbose=0)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose([*kernel[:, 0], *bias], [2, -1, 0.5], atol=1e-2)


@pytest.mark.parametrize(
    ("values", "task", "expected_task", "classes", "codes"),
    [
        (["yes", "no"], None, "binary", ("no", "yes"), [1, 0]),
        (["0", "1"], None, "binary", ("0", "1"), [0, 1]),
        (["True", "true", "FALSE", "false"], None, "binary", ("False", "True"), [1, 1, 0, 0]),
        (["1.0", "2.0", "10"], "multiclass", "multiclass", ("1", "2", "10"), [0, 1, 2]),
        (["-1", "1"], "binary", "binary", ("-1", "1"), [0, 1]),
        (["3", "4", "5more"], None, "multiclass", ("3", "4", "5more"), [0, 1, 2]),
        (["7", "0", "12"], "count", "count", None, [7, 0, 12]),
        (["7", "0.5", "-3"], None, "regression", None, [7, 0.5, -3]),
    ],
)
def test_the_task_follows_from_the_target(write, values, task, expected_task, classes, codes):
    path = write("x,y\n" + "\n".join(f"{i},{v}" for i, v in enumerate(values * 10)))
    categorical = ("y",) if "5more" in values else ()
    split = data.from_csv(path, "y", task=task, categorical=categorical)
    assert split.task == expected_task
    assert split.classes == classes
    for x, y in zip(split.x_train[:, 0], split.y_train, strict=True):
        assert y == codes[int(x) % len(codes)]
    assert split.y_train.dtype == (np.float32 if classes is None else np.int64)


def test_categorical_takes_numbers_as_text_and_drop_leaves_out(write):
    path = write("zip,name,y\n" + "\n".join(f"{i % 3},n{i},{i % 2}" for i in range(60)))
    split = data.from_csv(path, "y", categorical=("zip",), drop=("name",))
    assert split.features == ("zip=0", "zip=1", "zip=2")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_byte_order_mark_line_ends_blanks_and_empty_lines(write, newline, encoding):
    text = 'größe, "the ""y"""\n\n' + "\n".join(f' {i} , "n, {i % 2}"' for i in range(10)) + "\n\n"
    split = data.from_csv(write(text, encoding=encoding, newline=newline), 'the "y"')
    assert split.features == ("größe",)
    assert split.classes == ("n, 0", "n, 1")
    assert sorted([*split.x_train[:, 0], *split.x_test[:, 0]]) == list(range(10))


def test_other_delimiters_and_encodings(write, invalid):
    text = "größe;y\n" + "\n".join(f"{i};{i % 2}" for i in range(10))
    path = write(text, encoding="cp1252")
    assert data.from_csv(path, "y", delimiter=";", encoding="cp1252").features == ("größe",)
    with invalid("encoding", "utf-8-sig"):
        data.from_csv(path, "y", delimiter=";")
    with invalid("target", "y") as caught:
        data.from_csv(path, "y", encoding="cp1252")
    assert "give delimiter=';'" in caught.value.hint


def test_a_decimal_comma_is_refused_with_the_way_to_read_it(write, invalid):
    path = write("size;y\n" + "\n".join(f"{i},5;{i % 2}" for i in range(10)))
    with invalid("path", "0,5") as caught:
        data.from_csv(path, "y", delimiter=";")
    assert "decimal_comma=True" in caught.value.hint
    frame = polars.read_csv(path, separator=";", decimal_comma=True)
    split = data.from_frame(frame, "y")
    assert sorted([*split.x_train[:, 0], *split.x_test[:, 0]]) == [i + 0.5 for i in range(10)]


GOOD = [f"{i},{'red' if i % 3 else 'blue'},{i % 2}" for i in range(12)]


def _with(line, text):
    rows = list(GOOD)
    rows[line - 2] = text
    return "\n".join(["a,b,y", *rows])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "is empty"),
        ("a,b,y\n", "a header alone"),
        ("a,a,y\n1,2,0", "line 1: two columns are called 'a'"),
        (",a,y\n0,2,0", "line 1: column 1 has no name"),
        (_with(4, "1,red"), "line 4: 2 cells, where the header names 3 columns"),
        (_with(4, "1,light, green,0"), "line 4: 4 cells"),
        (_with(4, '1,"red"x,0'), "line 4: ',' expected after '\"'"),
        (_with(13, '1,"red,0'), "line 13: unexpected end of data"),
        (_with(4, "inf,red,0"), "'inf' in line 4"),
        (_with(4, "1e39,red,0"), "'1e39' in line 4"),
        (_with(4, "12a,red,0"), "numbers (line 2: '0') and text (line 4: '12a')"),
        (_with(4, "1_000,red,0"), "and text (line 4: '1_000')"),
        ('a,y\n"1,200",0' + 4 * '\n"1,200",0\n"2,300",1', "'1,200' in line 2"),
        ("a,y\n5%,0" + 4 * "\n5%,0\n6%,1", "'5%' in line 2"),
        ("a,y\n1,$5\n2,$6", "'$5' in line 2"),
        (_with(4, "1,red,x"), "and text (line 4: 'x')"),
        ("y\n0\n1", "besides the target 'y'"),
        (
            "name,y\n" + "\n".join(f"n{i},{i % 2}" for i in range(100)),
            "80 different texts in 80 training rows",
        ),
        ("a,y\n1 000,0" + 4 * "\n1 000,0\n21 300,1", "'1 000' in line 2"),
        ("a,y\n1\xa0000 €,0" + 4 * "\n2\xa0000 €,0\n3 000 €,1", "000 €' in line 2"),
    ],
)
def test_a_bad_file_is_named_with_its_line(write, invalid, text, place):
    with invalid("path") as caught:
        data.from_csv(write(text), "y")
    assert place in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (_with(4, "1,red,"), "y"),
        (_with(4, "1,red,7"), [0, 1, 7]),
        ("a,y\n1,0\n2,0\n3,0", 0),
        ("a,y\n1,u\n2,u\n3,u", "u"),
        ("a,y\n1,u\n2,u\n3,v", "v"),
    ],
)
def test_a_bad_target_is_named(write, invalid, text, value):
    with invalid("target", value):
        data.from_csv(write(text), "y")


def test_all_wrong_columns_are_in_one_error(write, invalid):
    rows = [f"{i},{'x' if i == 7 else i},2024-02-{20 + i},,{i % 2}" for i in range(12)]
    with invalid("path", ["x", "2024-02-30", None]) as caught:
        data.from_csv(write("\n".join(["a,mixed,day,none,y", *rows])), "y")
    lines = str(caught.value).splitlines()[1:]
    for line, name in zip(lines, ["mixed", "day", "none"], strict=True):
        assert f"in column {name!r}" in line


def test_booleans_and_dates(write):
    rows = [
        f"{['TRUE', 'false'][i % 2]},1969-12-{i + 10}T06:00,{i}/2/24,{i % 2}" for i in range(1, 21)
    ]
    path = write("\n".join(["ok,when,day,y", *rows]))
    split = data.from_csv(path, "y", dates={"day": "%d/%m/%y"}, split_by="when")
    assert [column.kind for column in split.encoder.columns] == ["boolean", "date", "date"]
    x = dict(zip(split.features, split.x_test.T, strict=True))
    np.testing.assert_array_equal(x["ok"], [0, 1, 0, 1])
    np.testing.assert_array_equal(x["when.day"], [27, 28, 29, 30])
    np.testing.assert_array_equal(x["when.days"], [16, 17, 18, 19])
    np.testing.assert_array_equal(x["when.hour"], 6)
    np.testing.assert_array_equal(x["day.day"], [17, 18, 19, 20])
    np.testing.assert_array_equal(x["day.weekday"], [5, 6, 0, 1])
    assert "day.hour" not in split.features
    as_text = data.from_csv(path, "y", categorical=("ok",), drop=("when", "day"))
    assert as_text.features == ("ok=TRUE", "ok=false")


def _warned(path, target="y", **options):
    """Returns the warnings of a reading, apart from those of columns that count the rows."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        data.from_csv(path, target, **options)
    assert all(each.filename == __file__ for each in caught)
    texts = [str(each.message) for each in caught]
    return [text for text in texts if "counts the rows" not in text]


@pytest.mark.parametrize("in_memory", [True, False])
def test_names_that_differ_in_case_are_warned_of(write, in_memory):
    colours, answers = ["Red", "blue", "red", "RED", " blue"], ["yes", "no", " no", "Yes", "no "]
    rows = [f"{colours[i % 5]},{answers[i % 5]},1.5" for i in range(50)]
    path = write("\n".join(["colour,y,x", *rows]))
    colour, answer = _warned(path, in_memory=in_memory)
    assert "'colour' holds 'RED' and 'Red', which differ in case alone and are two cat" in colour
    assert "'y' holds 'Yes' and 'yes', which differ in case alone and are two classes" in answer


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("cell", ["01234", '"01234"', " 01234 "])
def test_numbers_with_leading_zeros_are_warned_of(write, monkeypatch, cell, in_memory):
    # The first rows and blocks have none.
    monkeypatch.setattr(csv_table, "_SAMPLE_ROWS", 5)
    monkeypatch.setattr(csv_table, "_BLOCK_BYTES", 256)
    rows = [f"{1000 + i % 7},0.{i},0,00:3{i % 9},0{1 + i % 9}.05.2022,{i % 2}" for i in range(60)]
    path = write("\n".join(["zip,part,zero,time,day,y", *rows, f"{cell},1,0,00:30,01.05.2022,1"]))
    options = {"in_memory": in_memory, "dates": {"day": "%d.%m.%Y"}}
    [text] = _warned(path, **options)
    assert "The column 'zip' holds '01234', which is read as the number 1234." in text
    assert "give categorical=('zip',)" in text
    assert not _warned(path, **options, categorical=("zip",))
    assert not _warned(path, **options, drop=("zip",))


def test_classes_with_leading_zeros_are_warned_of(write):
    path = write("x,y\n" + 10 * "1.5,07\n2.5,7\n3.5,8\n")
    [text] = _warned(path, task="multiclass")
    assert "'y' holds '07', which is read as the number 7" in text
    assert not _warned(path, categorical=("y",))


def test_dates_in_another_format_than_isos_are_told_with_it(write, invalid):
    days = [f"{1 + i % 28:02}.{1 + i // 28:02}.2022" for i in range(84)]
    rows = [f"{day},{i % 2}" for i, day in enumerate(days)]
    path = write("\n".join(["signup,y", *rows]))
    with invalid("path") as caught:
        data.from_csv(path, "y")
    assert "If they are dates, give dates={'signup': '%d.%m.%Y'}." in caught.value.hint
    path = write("\n".join(["signup,y", *rows * 5]).replace(".", "/"))
    [text] = _warned(path)
    assert "The column 'signup' is taken as 84 names, such as '01/01/2022'." in text
    # Month 13 would be no date.
    assert "give dates={'signup': '%d/%m/%Y'}. If they are names, give" in text
    assert not _warned(path, dates={"signup": "%d/%m/%Y"})
    assert not _warned(path, categorical=("signup",))


def test_missing_values_are_counted_by_column(write, invalid):
    rows = [f"{'' if i in (1, 4) else i},{'NA' if i == 7 else 'red'},{i % 2}" for i in range(12)]
    path = write("\n".join(["a,b,y", *rows]))
    with invalid("missing", "error"):
        data.from_csv(path, "y")
    assert np.isfinite(data.from_csv(path, "y", missing="mean").x_train).all()
    path = write("\n".join(["a,y", *(f"?,{i % 2}" for i in range(12)), "1,0"]))
    with invalid("missing", "error"):
        data.from_csv(path, "y")


def test_a_column_without_a_value(write, invalid):
    path = write("\n".join(["a,b,y", *(f"{i},NaN,{i % 2}" for i in range(12))]))
    with invalid("path", None) as caught:
        data.from_csv(path, "y", missing="mean")
    assert "drop=('b',)" in caught.value.hint
    test_row = int(data.from_csv(path, "y", drop=("b",), test_size=2 / 12).x_test[0, 0])
    rows = [f"{i},{5 if i == test_row else '?'},{i % 2}" for i in range(12)]
    path = write("\n".join(["a,b,y", *rows]))
    with invalid("path", None):
        data.from_csv(path, "y", missing="mean", test_size=2 / 12)


@pytest.mark.parametrize(
    ("arguments", "argument", "value", "hint"),
    [
        ({"target": "Y2"}, "target", "Y2", ""),
        ({"target": None}, "target", None, ""),
        ({"target": 1}, "target", 1, ""),
        ({"dates": {"c": "noon"}}, "dates", "c", ""),
        ({"dates": {"a": "noon"}}, "dates", "noon", ""),
        ({"missing": {"a": "means"}}, "missing", "means", "`mean`"),
        ({"target": "yy"}, "target", "yy", "Did you mean `y`?"),
        ({"drop": ("c",)}, "drop", "c", ""),
        ({"drop": "a"}, "drop", "a", "Write ('a',)."),
        ({"drop": ("y",)}, "drop", ("y",), ""),
        ({"categorical": ("A1",)}, "categorical", "A1", ""),
        ({"missing": "mode"}, "missing", "mode", ""),
        ({"missing_values": "NA"}, "missing_values", "NA", '("",)'),
        ({"missing_values": (-999,)}, "missing_values", (-999,), ""),
        ({"task": "multi"}, "task", "multi", ""),
        ({"task": "multilabel"}, "task", Task.MULTILABEL, ""),
        ({"target": "a", "task": "binary"}, "task", Task.BINARY, ""),
        ({"target": "b", "task": "regression"}, "task", Task.REGRESSION, ""),
        ({"target": "c", "task": "count"}, "task", Task.COUNT, ""),
        ({"test_size": 0}, "test_size", 0, ""),
        ({"batch_size": 0}, "batch_size", 0, ""),
        ({"delimiter": ", "}, "delimiter", ", ", ""),
        ({"encoding": "utf8-bom"}, "encoding", "utf8-bom", ""),
    ],
)
def test_wrong_arguments(write, invalid, arguments, argument, value, hint):
    rows = GOOD
    if arguments.get("target") == "c":
        rows = ["1,2,-1", "3,4,5"]
    path = write("\n".join(["a,b,y" if rows is GOOD else "a,b,c", *rows]))
    with invalid(argument, value) as caught:
        data.from_csv(path, **{"target": "y", **arguments})
    assert hint in caught.value.hint


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        data.from_csv(tmp_path / "none.csv", "y")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        data.from_csv(tmp_path, "y")


IDS = [123456789012345677, 123456789012345678, 900000000000000001]


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (list(map(str, IDS)), list(map(str, IDS))),
        (["1234567890123456", "1234567890123457"], ["1234567890123456", "1234567890123457"]),
        (["-9223372036854775808", "9223372036854775807"],) * 2,
        (["9007199254740992", "9007199254740993.0"], ["9007199254740992", "9007199254740993"]),
        (["0.1", "0.30000000000000004", "0.3"], ["0.1", "0.3", "0.30000000000000004"]),
        (["1e30", "1e22", "5"], ["5", "1e+22", "1e+30"]),
    ],
)
def test_classes_of_many_digits_stay_apart(write, names, classes):
    rows = [f"{i},{names[i % len(names)]}" for i in range(60)]
    path = write("\n".join(["a,who", *rows]))
    split = data.from_csv(path, "who", task="multiclass")
    assert split.classes is not None
    assert sorted(split.classes) == sorted(classes)
    wanted = dict(zip(names, map(float, names), strict=True))
    for x, y in zip(split.x_train[:, 0], split.y_train, strict=True):
        assert float(split.classes[y]) == wanted[names[int(x) % len(names)]]
    counts = np.bincount(np.concatenate([split.y_train, split.y_test]))
    assert counts.tolist() == [60 // len(names)] * len(names)


def test_classes_that_differ_beyond_the_digits_of_numbers(write, invalid):
    names = ["98765432109876543210", "98765432109876543211"]
    path = write("\n".join(["a,who", *(f"{i},{names[i % 2]}" for i in range(20))]))
    with invalid("target", "who") as caught:
        data.from_csv(path, "who", task="binary")
    assert "categorical=('who',)" in caught.value.hint
    split = data.from_csv(path, "who", task="binary", categorical=("who",))
    assert split.classes == tuple(names)


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("first", [0, 300])
def test_features_whose_digits_float64_drops(write, tmp_path, invalid, in_memory, first):
    frame = pd.DataFrame({"id": range(400), "x": range(400), "y": 200 * [0, 1]})
    frame["id"] += np.where(np.arange(400) < first, 0, 10**17)
    path = tmp_path / "ids.csv"
    frame.to_csv(path, index=False)
    for argument, read in (
        ("path", lambda **k: data.from_csv(path, "y", in_memory=in_memory, **k)),
        ("frame", lambda **k: data.from_frame(frame, "y", in_memory=in_memory, **k)),
    ):
        for options in ({}, {"embed_above": 4}):
            with invalid(argument) as caught:
                read(**options)
            one, other = map(int, caught.value.value)
            assert one != other
            assert float(one) == float(other)
        assert read(drop=("id",), groups="id").features
    # Large numbers that stay apart are numbers.
    path = write("x,y\n" + "\n".join(f"{10**17 * i + 1},{i % 2}" for i in range(40)))
    assert data.from_csv(path, "y", in_memory=in_memory).features == ("x",)


def test_categories_of_many_digits_stay_apart(write):
    path = write("\n".join(["id,y", *(f"{IDS[i % 3]},{i % 2}" for i in range(60))]))
    split = data.from_csv(path, "y", categorical=("id",))
    assert split.features == tuple(f"id={i}" for i in IDS)
    np.testing.assert_array_equal(split.x_train.sum(axis=1), 1)


@pytest.mark.filterwarnings("ignore:The column .* counts the rows")
def test_missing_values_can_be_chosen(write, invalid):
    alleys = ["NA", "Grvl", "Pave", "NA"]
    rows = [f"{i},{alleys[i % 4]},{'NA' if i % 2 else 'ZA'}" for i in range(40)]
    path = write("\n".join(["area,alley,country", *rows]))
    with invalid("target", "country"):
        data.from_csv(path, "country")
    split = data.from_csv(path, "country", missing_values=("",), in_memory=True)
    features = ("area", "alley=Grvl", "alley=NA", "alley=Pave")
    assert split.features == features
    assert split.classes == ("NA", "ZA")
    for area, *alley in split.x_train:
        assert features[1 + int(np.argmax(alley))] == f"alley={alleys[int(area) % 4]}"

    path = write("\n".join(["a,y", *(f"{-999 if i == 3 else 4},{i % 2}" for i in range(20))]))
    with invalid("missing", "error"):
        data.from_csv(path, "y", missing_values=("", "-999"))
    filled = data.from_csv(path, "y", missing_values=["-999"], missing="mean")
    np.testing.assert_array_equal(filled.x_train, 4)


@pytest.mark.parametrize("task", [None, "regression", "multiclass"])
@pytest.mark.parametrize("number", ["inf", "-Infinity", "1e39", "2.5e400"])
def test_a_target_beyond_float32_is_refused_with_its_row(write, invalid, number, task):
    values = [*(str(i % 5 + 0.5) for i in range(20)), number, "0.5"]
    path = write("\n".join(["a,y", *(f"{i},{value}" for i, value in enumerate(values))]))
    for in_memory in (True, False):
        with invalid("path", number) as caught:
            data.from_csv(path, "y", task=task, in_memory=in_memory)
        assert "line 22" in str(caught.value)
    frame = pd.DataFrame({"a": range(22), "y": list(map(float, values))})
    with invalid("frame") as caught:
        data.from_frame(frame, "y", task=task)
    assert "row 20" in str(caught.value)


def test_cells_that_are_not_missing_have_to_be_values(write, invalid):
    path = write("\n".join(["a,y", *(f"{'NA' if i == 3 else i},{i % 2}" for i in range(20))]))
    with invalid("path", "NA"):
        data.from_csv(path, "y", missing_values=("",))


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("csv.gz", "a gzip file"),
        ("csv.zip", "a ZIP archive"),
        ("csv.bz2", "a bzip2 file"),
        ("csv.xz", "an xz file"),
        ("parquet", "a Parquet file"),
        ("feather", "a Feather file"),
        ("pkl", "a pickle"),
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path, invalid, suffix, kind):
    path = tmp_path / f"table.{suffix}"
    frame = pd.DataFrame({"a": range(20), "y": [0, 1] * 10})
    save = {"parquet": frame.to_parquet, "feather": frame.to_feather, "pkl": frame.to_pickle}
    save.get(suffix, frame.to_csv)(path)
    with invalid("path", str(path)) as caught:
        data.from_csv(path, "y")
    assert kind in str(caught.value)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a JPEG image"),
        (b"a,y\n1,\x000\n2,1\n", "zero bytes"),
        (bytes(range(256)), "zero bytes"),
    ],
)
def test_files_that_are_no_text_are_refused(tmp_path, invalid, start, kind):
    path = tmp_path / "table.csv"
    path.write_bytes(start)
    with invalid("path", str(path)) as caught:
        data.from_csv(path, "y")
    assert kind in str(caught.value)


def test_hints_for_the_target_and_for_windows_can_be_followed(write, invalid):
    path = write("\n".join(["a,b,y", *(f"{i},{i if i != 3 else ''}," for i in range(12))]))
    with invalid("path", None) as caught:
        data.from_csv(path, "y", drop_missing_target=True)
    assert "drop=" not in str(caught.value)
    with invalid("missing", "error") as caught:
        data.from_csv(path, "a", drop=("y",), windows=2, task="regression")
    assert "drop" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_of_two_and_four_bytes(write, invalid, encoding):
    path = write("\n".join(["a,y", *(f"{i},{i % 2}" for i in range(20))]), encoding=encoding)
    with invalid("encoding", "utf-8-sig") as caught:
        data.from_csv(path, "y")
    assert f"encoding='{encoding}'" in caught.value.hint
    assert data.from_csv(path, "y", encoding=encoding).features == ("a",)


def test_text_that_begins_as_another_kind_of_file_does(write):
    path = write("\n".join(["ORC,y", *(f"{i},{i % 2}" for i in range(20))]))
    assert data.from_csv(path, "y").features == ("ORC",)
