"""Tables of results in a notebook: their numbers, and that they fit into any notebook's page."""

import datetime
import pathlib
import re

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from kerasnn import data
from kerasnn.data import _split_view
from kerasnn.doctor.diagnosis import Diagnosis
from kerasnn.doctor.measure.measurements import LayerMeasurements, Measurements
from kerasnn.doctor.rules.finding import Finding
from kerasnn.selection.folds.fold import FoldResult
from kerasnn.selection.result import CrossValidation, Trial, Tuning
from kerasnn.serving.report import ExportReport
from kerasnn.serving.runtime.verification import Verification
from kerasnn.training.learning_rate_sweep import RateSweep
from kerasnn.transfer.fine_tuning.stages import StageReport, StageReports
from tests.helpers.html_page import Page

HOSTILE = "<script>alert(1)</script> & $x$"
Y = np.array([0, 1, 1, 2])


def fold(**scores):
    return FoldResult(scores=scores, predictions=np.zeros((2, 1)), best_epoch=3, seconds=0.5)


def trial(rate, *scores, error=""):
    folds = [fold(accuracy=score) for score in scores]
    params = {"learning_rate": rate, HOSTILE: "x"} if rate > 0.1 else {"learning_rate": rate}
    score = np.nan if error else float(np.mean(scores))
    return Trial(params=params, epochs=5, folds=folds, error=error, score=score)


TABLE = data.Split(
    np.arange(12, dtype="float32").reshape(4, 3),
    Y,
    np.ones((3, 3), "float32"),
    np.array([0, 2, 2]),
    "multiclass",
    classes=("ant", "bee", HOSTILE),
    features=("a", HOSTILE, "c"),
)
CASES = {
    "Split": TABLE,
    "CrossValidation": CrossValidation(
        [fold(accuracy=0.5, loss=2.0), fold(accuracy=0.75, loss=1.0)],
        [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))],
        4,
    ),
    "Tuning": Tuning(
        [trial(0.01, 0.5, 0.7), trial(0.5, 0.8, 0.9), trial(0.9, error=HOSTILE)],
        metric="accuracy",
        sign=1,
        n_folds=2,
        refit=lambda params, epochs: None,
        nested_scores=np.array([0.7, 0.8]),
    ),
    "RateSweep": RateSweep(
        np.geomspace(1e-3, 1, 4), np.array([3.0, 2, 1, 4]), np.array([3.0, 2, 1, 4])
    ),
    "ExportReport": ExportReport(
        path=pathlib.Path("models", HOSTILE),
        version=3,
        signatures={
            "serving_default": {"inputs": {"features": tf.TensorSpec((None, 4), tf.float32)}}
        },
        size_bytes=20480,
        verification=Verification(
            differences={"serving_default": {"predictions": 6e-8}},
            latency_ms={"serving_default": 0.05},
            batch_sizes=(1, 8),
        ),
        notes=(HOSTILE,),
    ),
    "Diagnosis": Diagnosis(
        Measurements(1, (LayerMeasurements(HOSTILE, dead=0.75),), 1e-3, None, None),
        (Finding("dying ReLU", HOSTILE, 0.75, "Most units are dead.", "Lower the rate."),),
    ),
    "StageReports": StageReports(
        [StageReport("head", 5, 1234, "graph", None), StageReport("all layers", 2, 56, "xla", "f")]
    ),
}


def page_of(result):
    return Page(result._repr_html_())


@pytest.fixture(scope="module")
def pages():
    return {name: page_of(result) for name, result in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_the_html_fits_into_a_notebook(name, pages):
    page = pages[name]
    assert page.open == []
    assert not {"script", "link", "iframe", "html", "body"} & set(page.tags)
    assert "<script" not in page.source
    # Other elements of the page keep their style, and text the colour of the notebook's theme.
    style = page.source.partition("<style>")[2].partition("</style>")[0]
    rules = [line for line in style.splitlines() if line and line[0] not in " }"]
    assert all(rule.startswith((".kerasnn {", "div.kerasnn.kerasnn ")) for rule in rules)
    assert not re.search(r"(?<!-)\bcolor: *#|background: *#", style)
    assert not re.search(r"(fill|stroke): *#(000000|ffffff)", page.source)


@pytest.mark.parametrize("name", CASES)
def test_a_terminal_has_a_short_text(name):
    assert "<div" not in str(CASES[name]) + repr(CASES[name])


def test_a_split_of_a_table(pages):
    page = pages["Split"]
    third = {"training rows": "1", "% of training": "25%", "test rows": "2", "% of test": "67%"}
    assert page.table("Classes") == {
        "ant": {"training rows": "1", "% of training": "25%", "test rows": "1", "% of test": "33%"},
        "bee": {"training rows": "2", "% of training": "50%", "test rows": "0", "% of test": "0%"},
        HOSTILE: third,
    }
    columns = page.table("Columns")
    assert list(columns) == ["a", HOSTILE, "c"]
    assert columns["a"] | {"distribution": ""} == {
        "kind": "number",
        "missing": "0",
        "values": "mean 4.5, from 0 to 9",
        "distribution": "",
    }
    rows = page.table("The first training rows")
    assert rows["3"] == {"a": "9", HOSTILE: "10", "c": "11", "target": HOSTILE}
    assert "4 rows of float32" in page.text


def test_a_split_of_raw_columns():
    colours = ["red", "blue", "red", "red", "blue"]
    frame = {"size": [1.5, None, 2.5, 3.5, 1.5], "colour": colours, "y": [1.5, 2.0, 3.0, 4.0, 5.0]}
    split = data.from_frame(pl.DataFrame(frame), "y", missing="mean", seed=0)
    page = page_of(split)
    assert {name: row["kind"] for name, row in page.table("Columns").items()} == {
        "size": "number",
        "colour": "category",
    }
    assert page.table("Targets").keys() == {"y"}
    for row, cells in page.table("The first training rows").items():
        assert cells["colour"] == frame["colour"][int(row)]
        assert float(cells["y"]) == frame["y"][int(row)]


def test_a_series_shows_its_target_first_and_no_parts_of_dates():
    start = datetime.date(1999, 1, 1)
    frame = {
        "day": [start + datetime.timedelta(i) for i in range(40)],
        "wind": [1000.0 + i % 7 for i in range(40)],
        "sales": [i % 5 / 10 for i in range(40)],
    }
    split = data.from_frame(pl.DataFrame(frame), "sales", windows=6, split_by="day")
    assert "2 of 8 columns by step, as standard deviations" in page_of(split).source
    drawn = _split_view._drawn(split)
    assert list(drawn) == ["sales", "wind"]
    assert [split.features[i] for i in drawn.values()] == ["sales", "wind"]
    years = data.from_frame(pl.DataFrame({"year": [1999.0, 2001.0] * 9, "y": [0.5, 1.0] * 9}), "y")
    cells = page_of(years).table("The first training rows").values()
    assert {row["year"] for row in cells} <= {"1999", "2001"}


def test_a_split_of_images_has_thumbnails():
    images = np.zeros((20, 6, 200, 3), np.uint8)
    split = data.Split(
        images, np.arange(20) % 2, images, np.arange(20) % 2, "binary", ("no", "yes")
    )
    page = page_of(split)
    shown = [v for tag, k, v in page.attributes if (tag, k) == ("img", "alt")]
    assert shown == [f"training image {i}" for i in range(12)]
    assert "6 x 200 x 3" in page.text
    # 12 pictures of 64 pixels, and not 720,000 numbers.
    assert len(page.source) < 20_000


def test_a_split_of_sequences_has_a_figure():
    x = np.random.default_rng(0).normal(size=(5, 9, 2))
    split = data.Split(x, x[:, 0], x, x[:, 0], "regression", features=("wind", "rain"))
    page = page_of(split)
    assert "wind" in page.text
    assert "9 x 2" in page.text
    assert list(page.table("Targets")) == ["target 0", "target 1"]


def test_a_stream_is_not_read():
    def refuse():
        raise AssertionError
        yield

    spec = (tf.TensorSpec((None, 3)), tf.TensorSpec((None,), tf.int64))
    stream = tf.data.Dataset.from_generator(refuse, output_signature=spec)
    stream = stream.apply(tf.data.experimental.assert_cardinality(7))
    text = page_of(data.Split(stream, None, stream, None, "binary", ("cat", "dog"))).text
    assert "7 batches of (None, 3) float32" in text
    assert "classes cat, dog" in text


def test_many_rows_and_columns_are_told_by_some_of_them():
    x = np.random.default_rng(0).normal(size=(20_001, 60)).astype("float32")
    split = data.Split(x, x[:, 0], x[:2], x[:2, 0], "regression")
    page = page_of(split)
    assert (
        len(page.table("Columns in the training part, of 10,000 of its rows: the first 50 of 60"))
        == 50
    )
    assert len(page.table("The first training rows, in 10 of their columns")) == 5


def test_scores_by_fold(pages):
    rows = pages["CrossValidation"].table("Scores by fold")
    assert rows["accuracy"] == {
        "mean": "0.625",
        "standard error": "0.125",
        "fold 0": "0.5",
        "fold 1": "0.75",
    }
    assert rows["best epoch"]["fold 1"] == "3"


def test_trials_come_best_first(pages):
    page = pages["Tuning"]
    rows = page.table("3 trials")
    assert list(rows) == ["1", "2", "3"]
    assert [row["learning_rate"] for row in rows.values()] == ["0.5", "0.01", "0.9"]
    assert rows["1"]["accuracy"] == "0.85"
    assert rows["3"]["error"] == HOSTILE
    assert "nested accuracy 0.7500" in page.text


def test_the_curve_of_a_sweep(pages):
    page = pages["RateSweep"]
    assert "suggestion 0.01" in page.text
    assert page.source.count("<svg") == 1
    # No mathematical text, such as $10^{-3}$.
    assert {"0.001", "0.01", "0.1"} <= set(page.text.split())
    assert "$" not in page.source
    flat = RateSweep(np.geomspace(1e-3, 1, 3), np.ones(3), np.ones(3))
    assert "none: the loss never fell" in page_of(flat).text


def test_the_text_of_a_sweep_has_no_losses():
    expected = "RateSweep(suggestion=0.01, method='minimum', 4 learning rates from 0.001 to 1)"
    assert repr(CASES["RateSweep"]) == expected


def test_other_results(pages):
    tensors = pages["ExportReport"].table("Inputs and outputs")
    assert tensors["serving_default"]["shape"] == "(batch, 4)"
    assert "largest difference 6.0e-08, 0.05 ms a row" in pages["ExportReport"].text
    assert pages["Diagnosis"].table("Findings")["dying ReLU"]["layer"] == HOSTILE
    assert pages["Diagnosis"].table("Measurements")[HOSTILE]["dead units"] == "0.75"
    stages = pages["StageReports"].table("Stages")
    assert stages["head"]["trained parameters"] == "1,234"
    assert stages["all layers"]["features"] == "f"
