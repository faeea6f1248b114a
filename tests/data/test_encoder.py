"""`data.Encoder` against pandas and Python's datetime, in every way in which it can be called."""

import datetime
import json
import unicodedata

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest
import tensorflow as tf

from kerasnn import data
from kerasnn.data.tables.columns import (
    BooleanColumn,
    CategoryColumn,
    DateColumn,
    NumberColumn,
    column_from_config,
)
from kerasnn.data.tables.columns.dates import DateFormat, parse_dates

NAMES = {"number": "km/h", "category": 'the "colour"', "boolean": "2019", "date": "when ?"}
NFC = "é"
NFD = unicodedata.normalize("NFD", NFC)


def parsed(texts, date_format=None):
    return parse_dates(tf.constant(texts), DateFormat.parse(date_format))


def test_the_calendar_agrees_with_datetime():
    rng = np.random.default_rng(0)
    numbers = rng.integers(1, datetime.date.max.toordinal() + 1, 3000).tolist()
    leap_days = [datetime.date(y, 2, 29).toordinal() for y in (4, 400, 1600, 1968, 2000, 2024)]
    dates = [datetime.date.fromordinal(n) for n in [1, 719163, 719162, *leap_days, *numbers]]
    got = parsed([date.isoformat() for date in dates])
    assert got.valid.numpy().all()
    wanted = {
        "year": [date.year for date in dates],
        "month": [date.month for date in dates],
        "day": [date.day for date in dates],
        "weekday": [date.weekday() for date in dates],
        "day_of_year": [date.timetuple().tm_yday for date in dates],
        "days": [(date - datetime.date(1970, 1, 1)).days for date in dates],
    }
    for part, values in wanted.items():
        np.testing.assert_array_equal(getattr(got, part), values, err_msg=part)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1969-07-20 20:17:40.5", (1969, 20, 17, -165 + (20 * 3600 + 17 * 60 + 40.5) / 86400)),
        ("2024/2/9T5:07Z", (2024, 5, 7, 19762 + (5 * 3600 + 7 * 60) / 86400)),
        ("1970-01-01", (1970, 0, 0, 0.0)),
    ],
)
def test_times(text, wanted):
    got = parsed([text])
    assert [part.numpy()[0] for part in (got.year, got.hour, got.minute)] == list(wanted[:3])
    assert got.days.numpy()[0] == pytest.approx(wanted[3], abs=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        *("2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-04-31", "0000-01-01"),
        *("24-01-01", "2024-01", "2024-01-01T24:00", "2024-01-01 10:60", "2024-01-01 10:00:60"),
        *("2024-01-01x", "2024-01-01\n", "٢٠٢٤-01-01", "2024-01-01T10:00+01:00"),
    ],
)
def test_texts_that_are_no_dates(text):
    assert not parsed([text]).valid.numpy()[0]


@pytest.mark.parametrize(
    ("date_format", "texts"),
    [
        ("%d/%m/%Y", ["31/12/1969", "1/2/2024"]),
        ("%m.%d.%y %H:%M:%S", ["12.31.68 23:59:58", "1.2.69 1:02:03"]),
        ("%d %b %Y", ["1 Jan 2000", "31 dec 1999", "5 MAY 1960"]),
        ("%B %d, %Y", ["September 3, 1752", "may 31, 2024"]),
        ("%Y-%m-%dT%H:%M:%S.%f", ["2024-12-31T10:20:30.25"]),
        ("%Y", ["1700", "2024"]),
        ("%Y%m", ["174901", "202412"]),
    ],
)
def test_formats_agree_with_strptime(date_format, texts):
    got = parsed(texts, date_format)
    assert got.valid.numpy().all()
    for i, text in enumerate(texts):
        date = datetime.datetime.strptime(text, date_format)
        parts = [got.year, got.month, got.day, got.hour, got.minute]
        assert [part.numpy()[i] for part in parts] == list(date.timetuple()[:5])
        days = (date - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)
        assert got.days.numpy()[i] == pytest.approx(days, abs=1e-9)
    assert not parsed(["31-12-1969 x"], date_format).valid.numpy()[0]


@pytest.mark.parametrize("date_format", ["%d.%m.", "%j %Y", "%Y %Y", "%d/%m/%Y %p", "%y-%Y"])
def test_formats_that_are_refused(invalid, date_format):
    with invalid("dates", date_format):
        DateFormat.parse(date_format)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    rows = 60
    return pd.DataFrame(
        {
            NAMES["number"]: rng.normal(50, 10, rows).round(2),
            NAMES["category"]: rng.choice(["a b", NFC, "two\nlines", "c,d"], rows),
            NAMES["boolean"]: rng.choice([True, False], rows),
            NAMES["date"]: pd.date_range("1965-12-30 06:30", periods=rows, freq="100h"),
            "y": rng.choice(["yes", "no"], rows),
        }
    )


@pytest.fixture(scope="module")
def split(frame):
    return data.from_frame(frame, "y", missing={NAMES["number"]: "mean"}, test_size=0.3)


@pytest.fixture(scope="module")
def loaded(split, tmp_path_factory):
    path = tmp_path_factory.mktemp("encoder") / "encoder.keras"
    split.encoder.save(path)
    return keras.saving.load_model(path)


def test_x_agrees_with_pandas(frame, split):
    number, category, boolean, date = NAMES.values()
    categories = sorted(frame[category].unique())
    when = frame[date]
    first = when[when.isin(pd.to_datetime(split.raw_train[date]))].min()
    wanted = pd.concat(
        [
            frame[number],
            *(frame[category] == c for c in categories),
            frame[boolean],
            *(getattr(when.dt, p) for p in ("year", "month", "day", "day_of_week", "day_of_year")),
            (when - first) / pd.Timedelta(days=1),
            when.dt.hour,
            when.dt.minute,
        ],
        axis=1,
    ).astype(float)
    parts = ("year", "month", "day", "weekday", "day_of_year", "days", "hour", "minute")
    assert split.features == (
        number,
        *(f"{category}={c}" for c in categories),
        boolean,
        *(f"{date}.{part}" for part in parts),
    )
    for x, raw in ((split.x_train, split.raw_train), (split.x_test, split.raw_test)):
        rows = wanted.set_index(when).loc[pd.to_datetime(raw[date])]
        np.testing.assert_allclose(x, rows, rtol=1e-6)


def in_a_graph(encoder):
    types = {column.name: "string" for column in encoder.columns} | {NAMES["number"]: "float32"}
    rows = {name: tf.TensorSpec([None], dtype) for name, dtype in types.items()}
    return tf.function(lambda given: encoder(given), input_signature=[rows])


@pytest.fixture(scope="module")
def ways(split, loaded):
    """The encoder, called in every way."""
    return {
        "eager": split.encoder,
        "loaded": loaded,
        "graph": in_a_graph(split.encoder),
        "loaded-graph": in_a_graph(loaded),
        "predict": lambda rows: loaded.predict(rows, batch_size=128, verbose=0),
        "model": keras.Model(loaded.input, 2 * loaded(loaded.input) / 2),
    }


def strange_rows(split):
    """Raw rows as servers see them, and their x."""
    number, category, boolean, date = NAMES.values()
    rows = {
        number: np.array([np.nan, -1e30, 0, 1.5, 2, 3]),
        category: np.array([NFD, "unseen", "", f"\u00a0{NFC}\t", "two\nlines", "[UNK]"], object),
        boolean: np.array(["TRUE", " false ", "0", "1", "False", "True"], object),
        date: np.array([*(" 1901-02-03", "1600-2-29") * 2, *("2024/1/1 10:00",) * 2], object),
    }
    categories = list(split.encoder.columns[1].categories)
    known = [None, None, None, categories.index(NFC), categories.index("two\nlines"), None]
    one_hot = np.array([[i == j for j in range(len(categories))] for i in known])
    dates = [datetime.datetime(*d) for d in [(1901, 2, 3), (1600, 2, 29)] * 2]
    dates += [datetime.datetime(2024, 1, 1, 10)] * 2
    first = datetime.datetime.fromisoformat(split.encoder.columns[3].first)
    parts = [
        [d.year, d.month, d.day, d.weekday(), d.timetuple().tm_yday, days, d.hour, d.minute]
        for d, days in zip(
            dates, [(d - first) / datetime.timedelta(days=1) for d in dates], strict=True
        )
    ]
    numbers = [np.mean(split.raw_train[number].astype(float)), -1e30, 0, 1.5, 2, 3]
    return rows, np.column_stack([numbers, one_hot, [1, 0, 0, 1, 0, 1], np.array(parts, float)])


@pytest.mark.parametrize("way", ["eager", "loaded", "graph", "loaded-graph", "predict", "model"])
def test_every_way_gives_the_same(split, ways, way):
    strange, wanted = strange_rows(split)
    # An empty category is missing, which is refused here.
    strange[NAMES["category"]][2] = "also unseen"
    parts = [strange, split.raw_test, split.raw_train]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in strange}
    x = np.concatenate([wanted, split.x_test, split.x_train])
    np.testing.assert_allclose(ways[way](rows), x, rtol=1e-6)


def test_a_loaded_encoder_knows_everything(split, loaded):
    assert loaded.columns == split.encoder.columns
    assert (loaded.features, loaded.embeddings) == (split.features, {})
    json.dumps(split.encoder.get_config(), allow_nan=False)
    for name, values in split.encoder.examples.items():
        np.testing.assert_array_equal(values, split.raw_train[name][:8])
        np.testing.assert_array_equal(loaded.examples[name], values)
    assert loaded.weights == []


@pytest.mark.parametrize("way", ["eager", "graph"])
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", np.inf),
        ("number", -np.inf),
        ("category", "NA"),
        ("category", " "),
        ("boolean", "yes"),
        ("boolean", ""),
        ("date", "2023-02-29"),
        ("date", "1.2.2020"),
        ("date", "null"),
    ],
)
def test_values_that_the_graph_refuses(split, ways, kind, value, way):
    name = NAMES[kind]
    rows = {key: values[:3].copy() for key, values in split.raw_test.items()}
    rows[name][1] = value
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        ways[way](rows)
    text = str(caught.value).replace("\\", "")
    assert f"`{name}` must hold " in text
    assert " in row 1" in text


@pytest.mark.parametrize("form", [dict, pd.DataFrame, pl.DataFrame, "records"])
def test_rows_in_any_form_are_encoded(frame, split, form):
    rows = frame.iloc[split.rows_test].drop(columns="y").reset_index(drop=True)
    given = rows.to_dict("records") if form == "records" else form(rows.to_dict("list"))
    x = split.encoder.encode(given)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, split.x_test)
    np.testing.assert_array_equal(split.encoder.encode(split.raw_test), split.x_test)


def test_errors_of_rows_name_the_column(split, invalid):
    rows = {key: values[:3].tolist() for key, values in split.raw_test.items()}
    number, category, boolean, date = NAMES.values()
    with invalid("rows") as caught:
        split.encoder.encode({name: rows[name] for name in (number, category, boolean)})
    assert repr(date) in str(caught.value)
    with invalid("rows") as caught:
        split.encoder.encode({**rows, "more": [1, 2, 3]})
    assert "'more'" in str(caught.value)
    with invalid(number):
        split.encoder.encode({**rows, number: ["1", "2", "3"]})
    for name, value, shown in (
        (category, None, "'' in row 1"),
        (boolean, "ü", "'ü' in row 1"),
        (date, "b'c\n", "'b'c' in row 1"),
    ):
        wrong = {**rows, name: [rows[name][0], value, rows[name][2]]}
        with invalid(name, shown):
            split.encoder.encode(wrong)
    windows = data.Encoder([NumberColumn(name="v", mean=1, minimum=0, maximum=2)], windows=2)
    np.testing.assert_array_equal(windows.encode({"v": [[1, 2], [3, 4]]})[..., 0], [[1, 2], [3, 4]])
    with invalid("v", "nan in row 1, step 0"):
        windows.encode([{"v": [1, 2]}, {"v": [None, 4]}])


def test_columns_of_x_of_one_name(invalid):
    number = NumberColumn(name="c=a", mean=1, minimum=0, maximum=2)
    with invalid("columns"):
        data.Encoder([CategoryColumn(name="c", categories=("a",), commonest="a"), number])


MISSING_X = {
    ("number", "mean"): [2.0],
    ("number", "median"): [1.0],
    ("number", "indicator"): [2.0, 1],
    ("number", "category"): [2.0, 1],
    ("category", "mean"): [0, 1],
    ("category", "median"): [0, 1],
    ("category", "indicator"): [0, 0, 1],
    ("category", "category"): [0, 0, 1],
    ("boolean", "mean"): [1],
    ("boolean", "median"): [1],
    ("boolean", "indicator"): [1, 1],
    ("boolean", "category"): [1, 1],
    ("date", "mean"): [2000, 1, 2, 6, 2, 1],
    ("date", "median"): [2000, 1, 2, 6, 2, 1],
    ("date", "indicator"): [2000, 1, 2, 6, 2, 1, 1],
    ("date", "category"): [2000, 1, 2, 6, 2, 1, 1],
}
SPARSE = {
    "number": [1.0, 0.5, 1.0, 5.5, None],
    "category": ["p", "q", "q", "q", None],
    "boolean": [True, True, False, True, None],
    "date": ["2000-01-01", "2000-01-02", "2000-01-03", "2000-01-02", None],
}


@pytest.mark.parametrize(("kind", "policy"), MISSING_X)
def test_what_replaces_a_missing_value(kind, policy):
    values = SPARSE[kind] * 20
    frame = pd.DataFrame({"c": values, "row": range(100), "y": range(100)})
    # The training rows are 80 of whole periods, in which the fifth lacks its value.
    split = data.from_frame(
        frame, "y", missing={"c": policy}, task="regression", split_by="row", drop=("row",)
    )
    wanted = MISSING_X[kind, policy]
    np.testing.assert_allclose(split.x_train[4::5], [wanted] * 16)
    np.testing.assert_allclose(split.x_test[4::5], [wanted] * 4)
    flagged = policy in ("indicator", "category")
    assert (split.features[-1] == "c is missing") == flagged
    if flagged:
        np.testing.assert_array_equal(split.x_train[:, -1], [0, 0, 0, 0, 1] * 16)
    [column] = split.encoder.columns
    assert (column.kind, column.missing, column.missing_rows) == (kind, policy, 16)


@pytest.mark.parametrize(("kind", "policy"), MISSING_X)
def test_a_value_that_is_missing_for_the_first_time(kind, policy):
    frame = pd.DataFrame({"c": SPARSE[kind][:4] * 20, "y": range(80)})
    split = data.from_frame(frame, "y", missing=policy, task="regression")
    absent = np.nan if kind == "number" else "?"
    x = split.encoder({"c": np.array([absent], float if kind == "number" else object)})
    width = len(MISSING_X[kind, "mean"])
    if kind == "category" and policy in ("indicator", "category"):
        np.testing.assert_array_equal(x, [[0, 0]])
    else:
        assert x.shape == (1, width)
        assert np.isfinite(x).all()


@pytest.mark.filterwarnings("ignore:The column .* counts the rows")
def test_embedded_columns_are_indices():
    names = [f"n{i}" for i in range(12)]
    frame = pd.DataFrame({"a": range(240), "n": names * 20, "y": [0, 1] * 120})
    frame.loc[frame.index[::24], "n"] = None
    split = data.from_frame(frame, "y", missing={"n": "category"}, embed_above=11)
    assert (split.features, split.embeddings) == (("a", "n"), {1: 13})
    wanted = {name: 1 + i for i, name in enumerate(sorted(names))} | {"": 0}
    np.testing.assert_array_equal(split.x_test[:, 1], [wanted[n] for n in split.raw_test["n"]])
    rows = {"a": np.zeros(3), "n": np.array(["n3", "n99", ""], object)}
    np.testing.assert_array_equal(split.encoder(rows)[:, 1], [wanted["n3"], 0, 0])
    filled = data.from_frame(frame, "y", missing="mean", embed_above=11)
    [_, column] = filled.encoder.columns
    np.testing.assert_array_equal(filled.encoder(rows)[2, 1], wanted[column.commonest])
    assert data.from_frame(frame, "y", missing="mean", embed_above=12).embeddings == {}


def test_float64(split):
    grams = NumberColumn(name="g", mean=0.0, minimum=0.0, maximum=1.0)
    encoder = data.Encoder([grams], float_type="float64")
    value = np.array([1 + 2.0**-40])
    np.testing.assert_array_equal(encoder({"g": value}), value[:, None])
    keras.config.set_dtype_policy("mixed_bfloat16")
    x = data.Encoder([grams])({"g": np.array([1 + 2.0**-20])})
    np.testing.assert_array_equal(x, [[1 + 2.0**-20]])


@pytest.mark.parametrize(
    "column",
    [
        NumberColumn(name="a", missing="median", mean=1.0, median=2.0, minimum=0.0, maximum=3.0),
        CategoryColumn(name="a", categories=("x", "y"), commonest="y", embedded=True),
        BooleanColumn(name="a", missing="indicator", missing_rows=3, mean=0.25),
        DateColumn(name="a", first="1/2/99", date_format="%d/%m/%y", has_times=True),
    ],
)
def test_columns_are_kept_as_json(column):
    config = json.loads(json.dumps(column.get_config()))
    assert column_from_config(config) == column


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (NumberColumn(name="a", mean=2.5, minimum=1, maximum=4, missing="error"), "an error"),
        (NumberColumn(name="a", mean=2.5, minimum=1, maximum=4, missing="mean"), "the mean, 2.5"),
        (
            NumberColumn(
                name="a", mean=2.5, minimum=1, maximum=4, missing="indicator", missing_rows=1
            ),
            "the mean, 2.5, and an indicator",
        ),
        (
            CategoryColumn(name="a", categories=("x",), commonest="x", missing="indicator"),
            "a category of its own",
        ),
        (BooleanColumn(name="a", mean=0.8, missing="median"), "the commonest, true"),
        (DateColumn(name="a", first="2000-01-01", missing="drop"), "left out"),
    ],
)
def test_what_replaces_a_missing_value_in_words(column, words):
    assert column.replacement == words


def test_names_of_any_text():
    names = ["größe (cm)", "2019", "a/b", 'the "x"', "it's", "two\nlines", "{0}", " ", "列"]
    encoder = data.Encoder([BooleanColumn(name=name, mean=0.5) for name in names])
    assert encoder.features == tuple(names)
    rows = {name: np.array([str(i % 2)], object) for i, name in enumerate(names)}
    backwards = dict(reversed([*rows.items(), ("other", np.array(["x"], object))]))
    for given in (rows, backwards):
        np.testing.assert_array_equal(encoder(given), [[i % 2 for i in range(len(names))]])


def test_encoders_that_are_refused(invalid):
    column = BooleanColumn(name="a", mean=0.5)
    with invalid("columns", []):
        data.Encoder([])
    with invalid("columns", ["a", "a"]):
        data.Encoder([column, column])
    with invalid("windows", 0):
        data.Encoder([column], windows=0)
    with pytest.raises(ValueError, match='input "a"'):
        data.Encoder([column])({"b": np.array(["true"], object)})
