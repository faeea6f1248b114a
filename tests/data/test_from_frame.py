"""`data.from_frame`: frames of several libraries, divisions, series, embeddings."""

import keras
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf

from kerasnn import data, models, serving
from kerasnn._core.raw_rows import Tensor, columns_of
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.encoder import encode, learned_anew
from kerasnn.tasks import Task


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(1)
    rows = 90
    made = pd.DataFrame(
        {
            "age": rng.normal(40, 9, rows).round(1),
            "visits": rng.integers(0, 9, rows),
            "smokes": rng.choice([True, False], rows),
            "since": pd.date_range("1999-12-30", periods=rows, freq="D"),
            "city": rng.choice(["Rom", "Köln", "Oslo"], rows),
            "patient": rng.integers(0, 12, rows),
            "ill": rng.choice(["yes", "no"], rows),
        }
    )
    made.loc[::11, "age"] = np.nan
    made.loc[3::17, "city"] = None
    return made


OPTIONS = {"missing": {"age": "indicator", None: "median"}, "seed": 3}


def same(one, other):
    assert one.features == other.features
    assert (one.task, one.classes) == (other.task, other.classes)
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize(
    "convert",
    [
        pl.from_pandas,
        lambda frame: pl.from_pandas(frame).lazy(),
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        lambda frame: frame.convert_dtypes(),
        lambda frame: frame.astype({"city": "category", "patient": "int8", "since": str}),
    ],
    ids=["polars", "lazy", "pyarrow", "pandas-nullable", "pandas-other"],
)
def test_every_library_gives_the_same(frame, convert):
    same(
        data.from_frame(convert(frame), "ill", **OPTIONS), data.from_frame(frame, "ill", **OPTIONS)
    )


def test_a_frame_and_its_csv_give_the_same(frame, tmp_path):
    frame.to_csv(tmp_path / "frame.csv", index=False)
    one = data.from_csv(tmp_path / "frame.csv", "ill", **OPTIONS)
    other = data.from_frame(frame, "ill", **OPTIONS)
    same(one, other)
    for name in one.raw_test:
        np.testing.assert_array_equal(one.raw_test[name], other.raw_test[name], err_msg=name)


def test_raw_rows_are_those_of_the_frame(frame):
    split = data.from_frame(frame, "ill", **OPTIONS, drop=("age",))
    by_date = frame.set_index(frame.since.dt.strftime("%Y-%m-%d"))
    for raw, y in ((split.raw_train, split.y_train), (split.raw_test, split.y_test)):
        rows = by_date.loc[raw["since"]]
        assert rows.visits.tolist() == raw["visits"].tolist()
        assert rows.smokes.astype(str).tolist() == raw["smokes"].tolist()
        assert rows.city.fillna("").tolist() == raw["city"].tolist()
        assert (rows.ill == "yes").astype(int).tolist() == y.tolist()
    for raw, places in ((split.raw_train, split.rows_train), (split.raw_test, split.rows_test)):
        assert frame.visits.iloc[places].tolist() == raw["visits"].tolist()


def test_later_rows_are_tested(frame):
    shuffled = frame.sample(frac=1, random_state=0)
    split = data.from_frame(shuffled, "ill", missing="mean", split_by="since", drop=("since",))
    assert not any(name.startswith("since") for name in split.features or ())
    # 18 of 90 rows, the last in time.
    wanted = frame.visits[-18:].tolist()
    assert split.raw_test["visits"].tolist() == wanted
    text = data.from_frame(
        shuffled.assign(since=shuffled.since.dt.strftime("%d.%m.%Y")),
        "ill",
        missing="mean",
        split_by="since",
        dates={"since": "%d.%m.%Y"},
    )
    assert text.raw_test["visits"].tolist() == wanted
    assert text.raw_test["since"][0] == frame.since.iloc[-18].strftime("%d.%m.%Y")


def test_groups_are_in_one_part_and_no_feature(frame):
    split = data.from_frame(frame, "ill", missing="mean", groups="patient", drop=("visits",))
    assert not any("patient" in name for name in split.features or ())
    patients = frame.set_index(frame.since.dt.strftime("%Y-%m-%d")).patient
    train, test = (set(patients[raw["since"]]) for raw in (split.raw_train, split.raw_test))
    assert not train & test
    assert len(train | test) == frame.patient.nunique()


def test_rows_without_a_value_or_target_are_left_out(frame, invalid):
    made = frame.copy()
    made.loc[5:9, "ill"] = None
    split = data.from_frame(
        made, "ill", missing={"age": "drop", "city": "mean"}, drop_missing_target=True
    )
    kept = made.dropna(subset=["age", "ill"])
    rows = sorted([*split.raw_train["since"], *split.raw_test["since"]])
    assert rows == kept.since.dt.strftime("%Y-%m-%d").tolist()
    assert split.rows_left_out == len(made) - len(kept)
    assert f"rows_left_out={split.rows_left_out}" in repr(split)
    assert f"{split.rows_left_out} rows that lack a value" in split._repr_html_()
    with pytest.raises(tf.errors.InvalidArgumentError, match="`age` must hold a value"):
        split.encoder({**split.raw_test, "age": np.full(len(split.x_test), np.nan)})
    with invalid("target", "ill"):
        data.from_frame(made, "ill", missing="mean")


@pytest.mark.parametrize("series", [None, "who"])
def test_windows_of_series(series):
    rows, steps = 40, 3
    values = np.arange(rows) ** 1.5
    made = pd.DataFrame({"t": range(rows), "kind": ["a", "b"] * 20, "who": 0, "v": values})
    if series:
        made = pd.concat([made, made.assign(who=1, v=-values)], ignore_index=True)
    made = made.sample(frac=1, random_state=0)
    split = data.from_frame(
        made,
        "v",
        windows=steps,
        split_by="t",
        groups=series,
        drop=("t",) if series else ("t", "who"),
    )
    assert split.features == ("kind=a", "kind=b", "v")
    assert split.input_shape == (steps, 3)
    count = (rows - steps) * (2 if series else 1)
    assert len(split.x_train) + len(split.x_test) == count
    # One moment divides both series.
    assert len(split.x_test) == (16 if series else 8)
    for x, y, raw in (
        (split.x_train, split.y_train, split.raw_train),
        (split.x_test, split.y_test, split.raw_test),
    ):
        for window, target, past in zip(x, y, raw["v"], strict=True):
            at = np.round(np.abs(past) ** (2 / 3)).astype(int)
            assert at.tolist() == list(range(at[0], at[0] + steps))
            sign = -1 if past[-1] < 0 else 1
            np.testing.assert_allclose(target, sign * values[at[-1] + 1], rtol=1e-6)
            np.testing.assert_allclose(window[:, 2], past, rtol=1e-6)
            np.testing.assert_array_equal(window[:, 0], 1 - at % 2)
        np.testing.assert_allclose(split.encoder(raw), x, rtol=1e-6)
    assert np.abs(split.y_test).min() > np.abs(split.y_train).max()
    for places, y in ((split.rows_train, split.y_train), (split.rows_test, split.y_test)):
        np.testing.assert_allclose(made.v.iloc[places], y, rtol=1e-6)


@pytest.mark.parametrize("windows", [None, 3])
def test_an_encoder_that_learns_anew_from_some_rows(windows):
    rng = np.random.default_rng(0)
    made = pd.DataFrame(
        {"kind": rng.choice(["a", "b", ""], 60), "size": rng.normal(size=60), "v": rng.random(60)}
    )
    made.loc[::7, "size"] = np.nan
    split = data.from_frame(made, "v", missing="median", windows=windows)
    raw = {name: RawColumn.of_array(values) for name, values in split.raw_train.items()}
    again = learned_anew(split.encoder, raw, np.arange(len(split.x_train)))
    np.testing.assert_allclose(encode(again, raw), split.x_train, rtol=1e-6)
    kinds = split.raw_train["kind"].reshape(len(split.x_train), -1)
    rows = np.flatnonzero((kinds != "b").all(axis=1))
    part = learned_anew(split.encoder, raw, rows)
    assert [name for name in again.features if name not in part.features] == ["kind=b"]
    size = next(column for column in part.columns if column.name == "size")
    assert size.fill == pytest.approx(np.nanmedian(split.raw_train["size"][rows]), rel=1e-6)


def test_classes_of_windows_follow_two_windows_and_one_to_train_on(invalid):
    made = pd.DataFrame({"t": range(40), "y": ["a", "b"] * 20})
    assert data.from_frame(made, "y", windows=3, split_by="t").classes == ("a", "b")
    made.loc[36:39, "y"] = "c"
    with invalid("test_size", 0.2) as caught:
        data.from_frame(made, "y", windows=3, split_by="t")
    assert "'c'" in str(caught.value)
    made.loc[36:38, "y"] = "a"
    with invalid("target", "c"):
        data.from_frame(made, "y", windows=3, split_by="t")
    made = pd.DataFrame({"t": range(40), "y": range(40)})
    with invalid("target", "0") as caught:
        data.from_frame(made, "y", windows=3, split_by="t")
    assert "task='regression'" in caught.value.hint


def test_columns_of_x_have_different_names(invalid):
    names = ["p", "q"] * 20
    made = pd.DataFrame({"c": names, "c=q": range(40), "y": names})
    with invalid("frame", ("c", "c=q")):
        data.from_frame(made, "y")
    made = pd.DataFrame({"v": [1.0, None] * 20, "v is missing": range(40), "y": names})
    with invalid("frame", ("v", "v is missing")):
        data.from_frame(made, "y", missing="indicator")


@pytest.mark.parametrize("categorical", [(), ("at",)])
def test_times_with_a_zone_are_utc_when_learned_and_when_asked_about(categorical):
    at = pd.date_range("2020-06-30 22:30:00.5", periods=40, tz="America/New_York", freq="10s")
    at = at.repeat(2)[:40]
    made = pd.DataFrame({"at": at, "y": ["p", "q"] * 20})
    python = made.assign(at=pd.Series([time.to_pydatetime() for time in at], dtype=object))
    inputs = {"at": Tensor(dtype=np.dtype(object), shape=(None,))}
    for given in (made, pl.from_pandas(made), pa.Table.from_pandas(made), python):
        split = data.from_frame(given, "y", categorical=categorical)
        assert "2020-07-01 02:30:00.5" in {*split.raw_train["at"], *split.raw_test["at"]}
        for asked in (made, pl.from_pandas(made), pa.Table.from_pandas(made), python):
            column = asked.select(["at"]) if hasattr(asked, "select") else asked[["at"]]
            found = columns_of(column, inputs)["at"]
            assert found[split.rows_test].tolist() == split.raw_test["at"].tolist()


def test_a_stream_holds_the_same_rows_as_memory(frame):
    memory = data.from_frame(frame, "ill", **OPTIONS, groups="patient")
    stream = data.from_frame(frame, "ill", **OPTIONS, groups="patient", in_memory=False)
    assert (stream.raw_train, stream.features) == (None, memory.features)
    for batches, x, y in (
        (stream.x_train, memory.x_train, memory.y_train),
        (stream.x_test, memory.x_test, memory.y_test),
    ):
        xs, ys = (np.concatenate(part) for part in zip(*batches.as_numpy_iterator(), strict=True))
        rows, wanted = np.column_stack([xs, ys]), np.column_stack([x, y])
        np.testing.assert_array_equal(rows[np.lexsort(rows.T)], wanted[np.lexsort(wanted.T)])
    assert stream.rows_test.tolist() == sorted(memory.rows_test)
    for name, values in stream.encoder.examples.items():
        assert len(values) == 8, name


@pytest.fixture(scope="module")
def learned():
    """A model of a column of 40 names, each with its own mean."""
    rng = np.random.default_rng(0)
    means = rng.normal(0, 10, 40)
    codes = rng.integers(0, 40, 1200)
    y = means[codes] + rng.normal(0, 0.1, 1200)
    made = pd.DataFrame({"n": [f"name {c}" for c in codes], "other": rng.normal(size=1200), "y": y})
    split = data.from_frame(made, "y", embed_above=10, seed=1)
    model = models.mlp(
        split.input_shape,
        split.outputs,
        task=split.task,
        embeddings=split.embeddings,
        hidden=(16,),
        learning_rate=0.02,
        seed=0,
    )
    model.fit(split.x_train, split.y_train, epochs=20, batch_size=32, verbose=0)
    return split, model


def test_an_embedding_learns_names(learned):
    split, model = learned
    assert split.embeddings == {0: 41}
    assert [layer.name for layer in model.layers][:2] == ["embed", "standardize"]
    error = model.predict(split.x_test, verbose=0)[:, 0] - split.y_test
    # All but 4 percent of the variance, of which the noise is a hundredth of a percent.
    assert np.mean(error**2) < 0.04 * np.var(split.y_test)
    standardize = model.get_layer("standardize")
    columns = list(standardize.skip)
    assert len(columns) == standardize.mean.shape[-1] - 1
    np.testing.assert_array_equal(np.asarray(standardize.mean)[0, columns], 0)
    np.testing.assert_array_equal(np.asarray(standardize.variance)[0, columns], 1)


def test_an_embedding_is_saved_and_exported(learned, tmp_path):
    split, model = learned
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    wanted = model.predict(split.x_test, verbose=0)
    np.testing.assert_array_equal(loaded.predict(split.x_test, verbose=0), wanted)
    report = serving.export(model, tmp_path / "export", examples=split.x_test[:4])
    assert report.largest_difference <= 1e-4


def test_embeddings_of_windows():
    model = models.mlp((4, 3), 1, task="regression", embeddings={1: 5}, hidden=(2,), seed=0)
    vector = model.get_layer("embed").sizes[0]
    per_step = 2 + vector
    wanted = [i for i in range(4 * per_step) if i % per_step >= 2]
    assert model.get_layer("standardize").skip == wanted


BAD = pd.DataFrame(
    {
        "mixed": ["1"] * 39 + ["x"],
        "none": [None] * 40,
        "name": [f"n{i}" for i in range(40)],
        "large": [1e39, *range(39)],
        "day": ["2024-01-31"] * 39 + ["2024-02-30"],
        "gap": [1.0, None] * 20,
        "note": [f"the sentence with the number {i} is longer than a name" for i in range(40)],
        "seconds": 1.7e9 + np.arange(40) / 40,
        "fine": np.arange(40),
        "y": [0, 1] * 20,
    }
)


@pytest.mark.parametrize("empty", [pd.DataFrame(), pl.DataFrame()])
def test_a_frame_without_columns_is_refused(empty, invalid):
    with invalid("frame") as caught:
        data.from_frame(empty, "fruit")
    assert "have columns" in caught.value.rule


def test_dates_are_no_target(invalid):
    days = pd.DataFrame(
        {"a": [1.0, 2.0] * 10, "day": pd.to_datetime(["2024-01-01", "2025-01-01"] * 10)}
    )
    with invalid("target", "day"):
        data.from_frame(days, "day")
    split = data.from_frame(days, "day", categorical=("day",))
    assert len(split.classes) == 2


@pytest.mark.filterwarnings("error")
def test_infinity_is_an_error_and_no_warning_of_numpy(invalid):
    with invalid("frame"):
        data.from_frame(pd.DataFrame({"a": [np.inf, *range(19)], "y": ["b", "c"] * 10}), "y")


def test_a_frame_of_one_column_has_no_delimiter(invalid):
    with invalid("target", "b") as caught:
        data.from_frame(pd.DataFrame({"a": [1.0]}), "b")
    assert "delimiter" not in str(caught.value)


def test_all_wrong_columns_are_in_one_error(invalid):
    with invalid("frame") as caught:
        data.from_frame(BAD, "y")
    for line, words in zip(
        str(caught.value).splitlines()[1:],
        [
            "numbers (row 0: '1') and text (row 39: 'x')",
            "in column 'none'; got none at all",
            "'1e+39' in row 0",
            "'2024-02-30' in row 39",
            "missing values by column: 'gap' 20 (row 1, 3, 5, 7, 9, ...)",
            "32 different texts in 32 training rows, which look like names",
            "32 different texts in 32 training rows, which are sentences",
            "`seconds` must hold values that stay different in float32",
        ],
        strict=True,
    ):
        assert words in line


@pytest.mark.parametrize(
    ("arguments", "argument", "value"),
    [
        ({"missing": "mode"}, "missing", "mode"),
        ({"missing": {"age": "mode"}}, "missing", "mode"),
        ({"missing": {"agee": "mean"}}, "missing", "agee"),
        ({"embed_above": 0}, "embed_above", 0),
        ({"windows": 0}, "windows", 0),
        ({"windows": 2, "in_memory": False}, "in_memory", False),
        ({"windows": 2, "missing": "drop"}, "missing", "drop"),
        ({"split_by": "since", "groups": "patient"}, "groups", "patient"),
        ({"split_by": "city"}, "split_by", "city"),
        ({"split_by": "Since"}, "split_by", "Since"),
        ({"groups": "ill"}, "groups", "ill"),
        ({"dates": {"city": "%d"}}, "dates", "%d"),
        ({"dates": "%d"}, "dates", "%d"),
        ({"dates": {"town": "%Y"}}, "dates", "town"),
        ({"drop_missing_target": 1}, "drop_missing_target", 1),
    ],
)
def test_arguments_that_are_refused(frame, invalid, arguments, argument, value):
    with invalid(argument, value):
        data.from_frame(frame, "ill", **{"missing": "mean", **arguments})


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_column_that_counts_the_rows_is_kept_with_a_warning(in_memory):
    x = np.arange(60) // 20 + np.linspace(0, 0.5, 60)
    rows = {"number": np.arange(1, 61), "x": x, "kind": np.repeat(["a", "b", "c"], 20)}
    given = pd.DataFrame(rows).drop(index=[7, 30, 31])
    with pytest.warns(UserWarning, match=r"column 'number' counts .* drop=\['number'\]") as told:
        split = data.from_frame(given, "kind", in_memory=in_memory)
    assert told[0].filename == __file__
    assert split.features == ("number", "x")
    assert split.row_numbers == ("number",)
    assert "row_numbers=number" in repr(split)
    if in_memory:
        assert "counts the rows" in split._repr_html_()
    # As an order of time, or as the only column, it is meant.
    for options in ({"split_by": "number"}, {"drop": ["x"]}, {"drop": ["number"]}):
        assert not data.from_frame(given, "kind", in_memory=in_memory, **options).row_numbers
    shuffled = given.sample(frac=1, random_state=0)
    assert not data.from_frame(shuffled, "kind", in_memory=in_memory).row_numbers


def test_texts_of_a_frame_are_warned_of_as_those_of_a_file():
    rows = {"zip": ["01234", "1234", "777"] * 8, "y": ["TRUE", "false", "true", "False"] * 6}
    with pytest.warns(UserWarning, match=r"'zip' holds '01234', .*categorical=\('zip',\)") as told:
        split = data.from_frame(pl.DataFrame(rows), "y")
    assert told[0].filename == __file__
    assert (split.classes, split.task) == (("False", "True"), Task.BINARY)
    with pytest.warns(UserWarning, match="'y' holds 'False' and 'false'"):
        split = data.from_frame(pl.DataFrame(rows), "y", categorical=("zip", "y"))
    assert split.classes == ("False", "TRUE", "false", "true")


def test_many_numbers_are_no_two_classes(invalid):
    given = pd.DataFrame({"x": [1.5, 2.5] * 50, "y": np.arange(100) % 94})
    with invalid("task", Task.BINARY) as caught:
        data.from_frame(given, "y", task="binary")
    assert "task='regression'" in caught.value.hint
    with pytest.raises(TypeError, match="Did you mean `drop`"):
        data.from_frame(given, "y", ignore=["x"])
