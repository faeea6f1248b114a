"""`export` with an encoder, and `predict` with CSV and JSON rows by column name."""

import json

import keras
import numpy as np
import pytest

from kerasnn import serving
from kerasnn.__main__ import main
from kerasnn.cli import csv_rows
from kerasnn.data import Encoder
from kerasnn.data.tables.columns.specs import CategoryColumn, NumberColumn
from tests.helpers.seeds import set_seeds

CSV = """\
km/h , it's,price
 90.1,red,1
?,  blue ,2
1e-3,"",3
"""
# By hand: a missing km/h is 3; blue, red, missing.
X = np.array([[90.1, 0, 1, 0], [3, 1, 0, 0], [1e-3, 0, 0, 1]])


def say(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder of a model, its encoder, rows in CSV, and what the model predicts for them."""
    folder = tmp_path_factory.mktemp("table")
    speed = NumberColumn(
        name="km/h", missing="mean", missing_rows=1, mean=3.0, minimum=0.0, maximum=9.0
    )
    colour = CategoryColumn(
        name="it's",
        categories=("blue", "red"),
        commonest="red",
        missing="category",
        missing_rows=1,
    )
    set_seeds(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    model.save(folder / "model.keras")
    Encoder([speed, colour], missing_values=("", "?")).save(folder / "encoder.keras")
    (folder / "rows.csv").write_text(CSV, encoding="utf-8-sig")
    words = ("--encoder", folder / "encoder.keras", "--examples", folder / "rows.csv")
    served = folder / "served"
    assert say("export", folder / "model.keras", served, *words, "--labels", "a", "b") == 0
    return folder, model.predict(X, verbose=0)


@pytest.fixture
def predicted(files, capsys):
    """Predicts with the served model, and returns the probabilities."""

    def run(*words):
        capsys.readouterr()
        assert say("predict", files[0] / "served", *words) == 0, capsys.readouterr().err
        rows = json.loads(capsys.readouterr().out)["predictions"]
        return np.array([row["probabilities"] for row in rows])

    return run


def test_columns_by_name_in_any_order(files, predicted, tmp_path):
    folder, expected = files
    # Columns that are not there too: new rows have no target.
    found = predicted(folder / "rows.csv", "--ignore", "price", "not there")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    turned = [",".join(line.split(",")[1::-1]) for line in CSV.splitlines()]
    (tmp_path / "turned.csv").write_text("\n".join(turned))
    found = predicted(tmp_path / "turned.csv", "--header")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_request_that_export_prints(files, tmp_path, capsys):
    folder, _ = files
    words = ("--encoder", folder / "encoder.keras", "--examples", folder / "rows.csv")
    quick = ("--no-verify", "--signatures", "serving_default")
    assert say("export", folder / "model.keras", tmp_path, *words, *quick) == 0
    out = capsys.readouterr().out
    assert """{"km/h": 90.1, "it'"'"'s": "red"}""" in out


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_rows_in_json(name, files, predicted, tmp_path):
    rows = [
        {"it's": "red", "km/h": 90.1, "price": 1},
        {"km/h": None, "it's": "blue", "price": 2},
        {"km/h": 1e-3, "it's": None, "price": 3},
    ]
    lines = "\n\n".join(map(json.dumps, rows))
    (tmp_path / name).write_text(lines if name.endswith("l") else json.dumps(rows))
    found = predicted(tmp_path / name, "--ignore", "price")
    np.testing.assert_allclose(found, files[1], atol=1e-6)


def test_number_cells_are_those_of_training(files, tmp_path):
    """To the nearest float64, and that to the nearest float32, as Polars and NumPy round them."""
    cells = ["0.1", "16777217", "1.00000017881393432617187499", " 3.4028234e38", "-1e-46"]
    (tmp_path / "rows.csv").write_text("km/h,it's\n" + "".join(f"{cell},red\n" for cell in cells))
    predictor = serving.Predictor(files[0] / "served")
    columns = csv_rows.read_table(
        csv_rows.Source(tmp_path / "rows.csv"), predictor.inputs, missing_values=()
    )
    expected = np.array([float(cell) for cell in cells]).astype(np.float32)
    np.testing.assert_array_equal(columns["km/h"].astype(np.float32), expected)


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (CSV, [], "give --ignore price."),
        ("km/h,it's,a b,c\n1,a,2,3\n", [], "got columns a b, c in"),
        ("km/h,it's,a b,c\n1,a,2,3\n", [], "To leave them out, give --ignore 'a b' c."),
        ("km/h,its\n1,a\n", [], '`INPUT` must have a column "it\'s", which the model takes'),
        ("km/h,its\n1,a\n", [], "Did you mean `its`?"),
        ("km/h,it's,km/h\n1,a,2\n", [], "must have one column 'km/h'; got two in "),
        ("km/h,it's\n", [], "must hold rows below its first line"),
        ("km/h,it's\n1,a\n\nfast,a\n", [], "in the column 'km/h'; got 'fast' in line 4 in "),
        ("km/h,it's\n1_0,a\n", [], "got '1_0' in line 2 in "),
        ("km/h,it's\ninf,a\n", [], "got 'inf' in line 2 in "),
        ("km/h,it's\nnan,a\n", [], "got 'nan' in line 2 in "),
        ("1,a\n", ["--no-header"], "`--no-header` must be left out"),
    ],
)
def test_tables_that_do_not_fit(text, words, message, files, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text(text)
    assert say("predict", files[0] / "served", tmp_path / "rows.csv", *words) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "must hold rows, column name -> value"),
        ("{", "must hold JSON in UTF-8; got an error ("),
        ('[{"km/h": 1}]', 'rows.json: `x` must have the column "it\'s"'),
        ('[{"km/h": "1", "it\'s": "a"}]', "`km/h` must hold numbers; got '1' in row 0"),
    ],
)
def test_json_that_does_not_fit(text, message, files, tmp_path, capsys):
    (tmp_path / "rows.json").write_text(text)
    assert say("predict", files[0] / "served", tmp_path / "rows.json") == 1
    assert message in capsys.readouterr().err


def test_what_the_encoder_refuses(tmp_path, capsys):
    column = NumberColumn(name="a", mean=1.0, minimum=0.0, maximum=2.0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(2.0)])
    encoder = Encoder([column], examples={"a": [1.0]})
    serving.export(model, tmp_path / "served", encoder=encoder, verify=False)
    (tmp_path / "rows.csv").write_text('a\n1\n""\n')
    assert say("predict", tmp_path / "served", tmp_path / "rows.csv") == 1
    said = capsys.readouterr().err
    assert "rows.csv: `a` must hold a value; got nan in row 1. " in said
    assert "The first row is row 0" in said


def test_single_steps_are_refused_with_the_windows_to_give(tmp_path, invalid):
    column = NumberColumn(name="a", mean=1.0, minimum=0.0, maximum=2.0)
    model = keras.Sequential([keras.Input((2, 1)), keras.layers.Flatten()])
    encoder = Encoder([column], windows=2, examples={"a": [[1.0, 2.0]]})
    x = {"a": [1.0, 2.0, 3.0]}
    predictor = serving.Predictor(
        serving.export(model, tmp_path / "table", encoder=encoder, verify=False).path
    )
    with invalid("a") as caught:
        predictor(x)
    windows = eval(caught.value.hint.split("`")[1], {"np": np, "x": x})
    assert predictor({"a": windows})["predictions"].tolist() == [[1, 2], [2, 3]]
    # And without an encoder.
    predictor = serving.Predictor(serving.export(model, tmp_path / "array", verify=False).path)
    features = np.array([[1.0], [2.0], [3.0]])
    with invalid("features") as caught:
        predictor(features)
    windows = eval(caught.value.hint.split("`")[1], {"np": np, "features": features})
    assert predictor(windows)["predictions"].tolist() == [[1, 2], [2, 3]]


def test_past_steps_from_rows_in_the_order_of_time(tmp_path, capsys):
    column = NumberColumn(name="a", mean=1.0, minimum=0.0, maximum=2.0)
    model = keras.Sequential([keras.Input((2, 1)), keras.layers.Flatten()])
    encoder = Encoder([column], windows=2, examples={"a": [[1.0, 2.0]]})
    serving.export(model, tmp_path / "served", encoder=encoder, verify=False)
    (tmp_path / "rows.csv").write_text("a\n1\n2\n3\n")
    assert say("predict", tmp_path / "served", tmp_path / "rows.csv") == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert found == [{"predictions": [1.0, 2.0]}, {"predictions": [2.0, 3.0]}]
    (tmp_path / "rows.csv").write_text("a\n1\n")
    assert say("predict", tmp_path / "served", tmp_path / "rows.csv") == 1
    assert "must hold at least 2 rows, since the model takes so many" in capsys.readouterr().err


def test_options_of_tables_for_other_models(tmp_path, capsys):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(2.0)])
    serving.export(model, tmp_path / "served", verify=False)
    assert say("predict", tmp_path / "served", tmp_path / "rows.csv", "--ignore", "a") == 1
    assert "for a model without an encoder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "rows"),
    [("rows.json", "[[1], [2.5]]"), ("rows.jsonl", '{"features": [1]}\n{"features": [2.5]}\n')],
)
def test_json_for_a_model_that_is_no_tables(name, rows, tmp_path, capsys):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(2.0)])
    serving.export(model, tmp_path / "served", verify=False)
    (tmp_path / name).write_text(rows)
    assert say("predict", tmp_path / "served", tmp_path / name) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert found == [{"predictions": [2.0]}, {"predictions": [5.0]}]
    for wrong in ("[]", "3", '[{"other": 1}]', "[[1, 2]]", "[null]", '["text"]', "[[1], 2]"):
        (tmp_path / "rows.json").write_text(wrong)
        assert say("predict", tmp_path / "served", tmp_path / "rows.json") == 1, wrong
        assert capsys.readouterr().err.startswith("kerasnn: `INPUT` must "), wrong
