"""Export of a model behind the encoder of its table: raw rows by column name, whatever the name."""

import json
import os
import shlex
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf

from kerasnn import serving
from kerasnn.data import Encoder
from kerasnn.data.tables.columns.specs import (
    BooleanColumn,
    CategoryColumn,
    DateColumn,
    NumberColumn,
)
from kerasnn.serving.runtime import fresh_process, recorded_examples, tf_session
from tests.helpers.seeds import set_seeds

SEPAL, YEAR, SPEED, SIZE, WORD = "sepal length (cm)", "2019", "km/h", "Größe", "it's"
NUMBERS = {SEPAL, SPEED}
ROWS = {
    SPEED: [90.5, np.nan, 30.0, 20000000.0],
    SIZE: ["groß", "", " klein ", "riesig"],
    SEPAL: [5.1, 4.9, -1.5, 0.0],
    WORD: ["True", "false", "", "1"],
    YEAR: ["1969-07-20", "2024-02-29", "1600-01-01", "2000-01-01 12:30:00"],
}
# By hand: missing km/h are 3, missing sizes a category, an unknown size zeros, missing words false.
SPEEDS = [90.5, 3.0, 30.0, 20000000.0]
SIZES = [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]]
WORDS = [1, 0, 0, 1]
DATES = [
    [1969, 7, 20, 6, 201, 0],
    [2024, 2, 29, 3, 60, 19947],
    [1600, 1, 1, 5, 1, -134975],
    [2000, 1, 1, 5, 1, 11122],
]
X = np.column_stack([ROWS[SEPAL], SIZES, SPEEDS, WORDS, DATES]).astype("float32")


def make_encoder(examples=ROWS):
    number = {"mean": 3.0, "minimum": -1.5, "maximum": 90.5}
    columns = [
        NumberColumn(name=SEPAL, **number),
        CategoryColumn(
            name=SIZE,
            categories=("klein", "groß"),
            commonest="klein",
            missing="category",
            missing_rows=1,
        ),
        NumberColumn(name=SPEED, missing="mean", missing_rows=1, **number),
        BooleanColumn(name=WORD, mean=0.5, missing="mean"),
        DateColumn(name=YEAR, first="1969-07-20"),
    ]
    return Encoder(columns, examples=examples, missing_values=("", "?"))


def make_model():
    set_seeds(1)
    scales = 1 / np.abs(X).max(axis=0)
    return keras.Sequential(
        [
            keras.Input((X.shape[1],)),
            keras.layers.Rescaling(scales),
            keras.layers.Dense(3, "softmax"),
        ]
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Encoder, model, report and predictor of a table."""
    encoder, model = make_encoder(), make_model()
    configs, weights = (encoder.get_config(), model.get_config()), model.get_weights()
    path = tmp_path_factory.mktemp("served") / "table"
    report = serving.export(model, path, encoder=encoder, labels=["a", "b", "c"])
    # Neither of the two is changed.
    assert (encoder.get_config(), model.get_config()) == configs
    np.testing.assert_equal(model.get_weights(), weights)
    return encoder, model, report, serving.Predictor(report.path)


@pytest.fixture(scope="module")
def expected(table):
    """What the model predicts for `ROWS`, encoded by hand."""
    return table[1].predict(X, verbose=0)


def as_rows(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_the_signature_has_the_names_of_the_columns(table):
    encoder, _, report, predictor = table
    order = [SEPAL, SIZE, SPEED, WORD, YEAR]
    inputs = report.signatures["serving_default"]["inputs"]
    assert list(inputs) == order
    assert {name for name, spec in inputs.items() if spec.dtype == tf.float32} == NUMBERS
    assert {tuple(spec.shape) for spec in inputs.values()} == {(None,)}
    assert predictor.inputs.keys() == set(order)
    assert predictor.is_table
    assert report.signatures.keys() == {"serving_default", "classify"}
    assert report.largest_difference <= 1e-6
    assert serving.verify(report.path).largest_difference <= 1e-6
    recorded = recorded_examples.read(report.path / recorded_examples.FILE)["serving_default"]
    assert recorded.inputs[SPEED].tolist()[0] == 90.5
    assert [text.decode() for text in recorded.inputs[SIZE]] == ROWS[SIZE]
    np.testing.assert_allclose(encoder({n: tf.constant(ROWS[n]) for n in ROWS}), X, rtol=1e-6)


@pytest.mark.parametrize(
    "container", [dict, as_rows, pd.DataFrame, pl.DataFrame, pa.table, pd.DataFrame.from_dict]
)
def test_rows_in_every_container(container, table, expected):
    outputs = table[3](container(ROWS))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    assert outputs["labels"].tolist() == [b"abc"[i : i + 1] for i in expected.argmax(1)]


def test_python_s_own_values(table, expected):
    rows = as_rows(ROWS)
    rows[0] |= {WORD: True, YEAR: pd.Timestamp("1969-07-20").date()}
    rows[1] |= {SPEED: None, SIZE: None, WORD: np.bool_(False), YEAR: pd.Timestamp("2024-02-29")}
    rows[2] |= {SPEED: 30, WORD: pd.NA, YEAR: np.datetime64("1600-01-01")}
    rows[3] |= {SEPAL: False, WORD: 1}
    np.testing.assert_allclose(table[3](rows)["probabilities"], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "argument", "got"),
    [
        ({"colour": ["red"] * 4}, "x", "'colour'"),
        ({WORD: None}, "x", "'km/h', 'Größe'"),
        ({SEPAL: [np.inf] * 4}, SEPAL, "inf in row 0"),
        ({SEPAL: ["5.1"] * 4}, SEPAL, "'5.1' in row 0"),
    ],
)
def test_rows_that_are_not_of_the_table(changes, argument, got, table, invalid):
    rows = {name: column for name, column in {**ROWS, **changes}.items() if column is not None}
    with invalid(argument) as caught:
        table[3](rows)
    assert got in str(caught.value)


@pytest.mark.parametrize(
    ("column", "values", "value"),
    [
        (SEPAL, [5.1, 4.9, np.nan, 0], "nan in row 2"),
        (YEAR, [*ROWS[YEAR][:2], "31.12.2024", ROWS[YEAR][3]], "'31.12.2024' in row 2"),
        (WORD, ["True", "", "per'haps", ""], "'per'haps' in row 2"),
    ],
)
def test_values_that_the_encoder_refuses_are_named_with_column_and_row(
    column, values, value, table, invalid
):
    with invalid(column, value):
        table[3]({**ROWS, column: values})


def test_tensorflow_loads_it_with_the_same_names(table, expected):
    function = tf.saved_model.load(table[2].path).signatures["serving_default"]
    tensors = {n: tf.constant(c, "float32" if n in NUMBERS else "string") for n, c in ROWS.items()}
    np.testing.assert_allclose(function(**tensors)["probabilities"], expected, atol=1e-6)
    # What verifies where TensorFlow's C library is missing.
    session = tf_session.Session(table[2].path)
    signature = session.signature("serving_default")
    assert signature == table[3]._signature
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    np.testing.assert_allclose(session.run(signature, arrays)["probabilities"], expected, atol=1e-6)
    assert not session.signature("classify").is_table


def test_examples_by_column_name(table, expected):
    def feature(name, value):
        if name in NUMBERS:
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))

    examples = [
        tf.train.Example(
            features=tf.train.Features(feature={n: feature(n, v) for n, v in row.items()})
        ).SerializeToString()
        for row in as_rows(ROWS)
    ]
    outputs = serving.Predictor(table[2].path, signature="classify")(examples)
    np.testing.assert_allclose(outputs["scores"], expected, atol=1e-6)


def test_what_tensorflow_serving_parses_of_a_row(table, expected):
    """Its row format makes of scalars by name arrays of shape (batch,), in the signature's type."""
    card = json.loads((table[2].path / "assets.extra" / "model_card.json").read_text())
    program, option, data, _ = shlex.split(card["requests"]["curl"]["serving_default"])
    assert (program, option) == ("curl", "-d")
    [instance] = json.loads(data)["instances"]
    assert instance == {name: column[0] for name, column in ROWS.items()}
    # Its parser takes NaN, as Python's does.
    rows = json.loads(json.dumps({"instances": as_rows(ROWS)}))["instances"]
    function = tf.saved_model.load(table[2].path).signatures["serving_default"]
    batch = {
        name: tf.constant([row[name] for row in rows], "float32" if name in NUMBERS else "string")
        for name in ROWS
    }
    np.testing.assert_allclose(function(**batch)["probabilities"], expected, atol=1e-6)
    [example] = json.loads(shlex.split(card["requests"]["curl"]["classify"])[2])["examples"]
    # An integer would be read as int64.
    assert {name for name, value in example.items() if type(value) is float} == NUMBERS


def test_the_card_describes_the_columns(table):
    card = json.loads((table[2].path / "assets.extra" / "model_card.json").read_text())
    assert card["table"]["missing_values"] == ["", "?"]
    assert card["table"]["windows"] is None
    columns = {column.pop("name"): column for column in card["table"]["columns"]}
    assert list(columns) == [SEPAL, SIZE, SPEED, WORD, YEAR]
    assert columns[SEPAL] == {
        "kind": "number",
        "dtype": "float32",
        "shape": [None],
        "missing": "error",
        "missing_allowed": False,
        "missing_rows": 0,
        "mean": 3.0,
        "median": None,
        "minimum": -1.5,
        "maximum": 90.5,
        "example": 5.1,
    }
    assert columns[SIZE]["categories"] == ["klein", "groß"]
    assert columns[SIZE]["missing_allowed"] is True
    assert columns[YEAR]["kind"] == "date"


def test_a_missing_number_in_the_requests_of_the_card(table, tmp_path):
    encoder, model, *_ = table
    report = serving.export(
        model,
        tmp_path / "it's",
        encoder=encoder,
        examples=pd.DataFrame(ROWS)[1:2],
        signatures=["serving_default"],
        verify=False,
    )
    card = json.loads((report.path / "assets.extra" / "model_card.json").read_text())
    curl, grpc = (card["requests"][kind]["serving_default"] for kind in ("curl", "grpc"))
    assert '"km/h": NaN' in curl
    body = json.loads(shlex.split(curl)[2])
    assert body["instances"][0][SIZE] == ""
    assert next(c for c in card["table"]["columns"] if c["name"] == SPEED)["example"] is None
    assert "make_tensor_proto([float('nan')], 'float32')" in grpc
    compile(grpc, "request", "exec")


ASK = """
import sys
sys.modules["keras"] = sys.modules["kerasnn"] = None
import json, tensorflow as tf
path, rows = sys.argv[1], json.loads(sys.argv[2])
function = tf.saved_model.load(path).signatures["serving_default"]
numbers = json.loads(sys.argv[3])
tensors = {n: tf.constant(c, "float32" if n in numbers else "string") for n, c in rows.items()}
print(json.dumps(function(**tensors)["probabilities"].numpy().tolist()))
"""
PREDICT = """
import json, sys
from kerasnn.serving.predictor import Predictor
assert "tensorflow" not in sys.modules
path, rows = sys.argv[1], json.loads(sys.argv[2])
print(json.dumps(Predictor(path)(rows)["probabilities"].tolist()))
"""


def said(command, table, *words, **environment):
    ran = subprocess.run(
        [sys.executable, *command, str(table[2].path), json.dumps(ROWS), *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **environment},
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_predictor_in_a_process_without_keras(table, expected, tmp_path):
    (tmp_path / "ask.py").write_text(PREDICT)
    found = said(["-P", fresh_process.__file__, "ask"], table, PYTHONPATH=str(tmp_path))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.slow
def test_a_process_with_neither_keras_nor_kerasnn(table, expected, tmp_path):
    (tmp_path / "ask.py").write_text(ASK)
    found = said([str(tmp_path / "ask.py")], table, json.dumps(sorted(NUMBERS)))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def by_hand():
    """An encoder of Keras's own layers, of one past step and the one before."""
    numbers = keras.Input((2,), name="a b")
    words = keras.Input((2,), dtype="string", name="a_b")
    lookup = keras.layers.StringLookup(vocabulary=["x", "y"])(words)
    pairs = [keras.ops.expand_dims(t, -1) for t in (numbers, keras.ops.cast(lookup, "float32"))]
    encoded = keras.layers.Concatenate()(pairs)
    return keras.Model({"a b": numbers, "a_b": words}, encoded)


def test_an_encoder_by_hand_with_past_steps(tmp_path, invalid):
    model = keras.Sequential([keras.Input((2, 2)), keras.layers.Flatten(), keras.layers.Dense(1)])
    encoder = by_hand()
    with invalid("examples", value=None):
        serving.export(model, tmp_path, encoder=encoder)
    rows = [{"a b": [1, 2], "a_b": ["x", "z"]}, {"a_b": ["y", "y"], "a b": [0.5, -1]}]
    report = serving.export(model, tmp_path, encoder=encoder, examples=rows)
    assert report.signatures.keys() == {"serving_default", "regress"}
    assert report.largest_difference <= 1e-6
    x = np.array([[[1, 1], [2, 0]], [[0.5, 2], [-1, 2]]], "float32")
    found = serving.Predictor(report.path)(rows)["predictions"]
    np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=1e-6)
    # A table's own columns need no card.
    (report.path / "assets.extra" / "model_card.json").unlink()
    nan = serving.Predictor(report.path)([{**rows[0], "a b": [1, None]}])["predictions"]
    assert np.isnan(nan).all()


@pytest.mark.parametrize(
    "encoder",
    [
        "encoder.keras",
        keras.Sequential([keras.Input((4,))]),
        keras.Model({"a": (a := keras.Input((2, 2), name="a"))}, keras.layers.Flatten()(a)),
        keras.Model({"a": (b := keras.Input((4,), name="a"))}, keras.layers.Dense(5)(b)),
        keras.Model({"a": (c := keras.Input((4,), name="a"))}, [c, keras.layers.Dense(4)(c)]),
    ],
    ids=["text", "no dictionary", "matrix", "width", "outputs"],
)
def test_encoders_that_do_not_fit(encoder, classifier, tmp_path, invalid):
    with invalid("encoder", value=encoder):
        serving.export(classifier, tmp_path, encoder=encoder)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_scalars_without_an_encoder_refuses_nan(prices, invalid):
    predictor = serving.Predictor(prices[1].path)
    assert not predictor.is_table
    with invalid("size"):
        predictor({"word": ["bee"], "size": [[1, np.nan]]})
    with invalid("x"):
        predictor([{"word": "bee", "size": [1, 2]}])
