"""Prediction with TensorFlow's C library."""

import gc
import shutil
import time
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import kerasnn
from kerasnn import serving


@pytest.fixture(scope="module")
def predictor(iris):
    return serving.Predictor(iris[1].path)


def test_outputs_are_those_of_predict(iris, predictor, rows):
    outputs = predictor(rows)
    expected = iris[0].predict(rows, verbose=0)
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    names = [[b"ant", b"bee", b"cat"][row.argmax()] for row in expected]
    assert outputs["labels"].tolist() == names
    assert predictor(np.zeros((0, 4)))["probabilities"].shape == (0, 3)


def test_a_directory_of_versions_means_the_newest(iris, tmp_path):
    for version in ("2", "10"):
        shutil.copytree(iris[1].path, tmp_path / version)
    assert serving.Predictor(tmp_path).path == tmp_path / "10"


def test_strings_of_any_length_and_bytes_of_any_kind_go_in_and_out(tmp_path):
    model = keras.Sequential([keras.Input((2,), dtype="string"), keras.layers.Identity()])
    predictor = serving.Predictor(serving.export(model, tmp_path, verify=False).path)
    words = [["", "é" * 11], [b"\0end\0", b"x" * 1000]]
    expected = [[b"", "é".encode() * 11], [b"\0end\0", b"x" * 1000]]
    assert predictor(words)["predictions"].tolist() == expected


DTYPES = [
    *("float16", "float32", "float64", "bfloat16", "int8", "int32", "int64", "uint8", "uint32"),
    "bool",
]


@pytest.fixture(scope="module")
def every_dtype(tmp_path_factory):
    """A model that returns its inputs, one of each dtype."""
    inputs = [keras.Input((3,), dtype=dtype, name=dtype) for dtype in DTYPES]
    model = keras.Model(inputs, {tensor.name: keras.ops.copy(tensor) for tensor in inputs})
    report = serving.export(model, tmp_path_factory.mktemp("dtypes"))
    assert report.largest_difference == 0
    return serving.Predictor(report.path)


def test_every_dtype_is_kept_and_verified(every_dtype):
    x = {dtype: [[0, 1, 1]] for dtype in DTYPES if dtype != "bool"} | {
        "bool": [[False, True, True]]
    }
    for dtype, output in every_dtype(x).items():
        assert every_dtype.inputs[dtype].dtype == dtype
        assert output.tolist() == [[0.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("dtype", "value", "got"),
    [
        ("uint8", [[256, 0, -1]], "-1 to 256"),
        ("uint8", [[0.5, 1, 1]], "float64"),
        ("float32", [[1, 2, 1e300]], "1e+300"),
        ("float32", [["a"] * 3], "text"),
        ("float32", [[1j] * 3], "complex128"),
        ("float32", [[1, 2, 10**400]], "object"),
    ],
)
def test_values_that_a_dtype_cannot_hold(dtype, value, got, every_dtype, invalid):
    x = {name: [[0, 1, 1]] for name in DTYPES if name != "bool"} | {"bool": [[False, True, True]]}
    with invalid(dtype) as caught:
        every_dtype(x | {dtype: value})
    assert got in str(caught.value)


@pytest.mark.parametrize(("dtype", "sign"), [("int32", 1), ("int64", -1), ("uint32", 1)])
def test_integers_come_out_exact_or_not_at_all(dtype, sign, every_dtype):
    x = {name: [[0, 1, 1]] for name in DTYPES if name != "bool"} | {"bool": [[False, True, True]]}
    most = sign * 2**24
    exact = [[most, most - sign, 0]]
    assert every_dtype(x | {dtype: exact})[dtype].tolist() == exact
    with pytest.raises(ValueError, match=rf"up to 2\*\*24, in its output `{dtype}`"):
        every_dtype(x | {dtype: [[0, 0, most + sign]]})


def test_several_inputs_by_name(prices):
    model, report = prices
    x = {"word": ["bee", "ant"], "size": [[1, 2], [3, 4]]}
    expected = model.predict([tf.constant(x["word"]), np.array(x["size"], "float32")], verbose=0)
    outputs = serving.Predictor(report.path)(x)
    np.testing.assert_allclose(outputs["predictions"], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("x", "argument", "got"),
    [
        (np.ones((1, 5)), "features", "(1, 5)"),
        (np.ones(4), "features", "(4,). For one row give `features[None]`"),
        ({"size": np.ones((1, 4))}, "x", "'size'"),
        ([[1.0] * 4, [1.0]], "features", "list"),
    ],
)
def test_rows_that_do_not_fit(x, argument, got, predictor, invalid):
    with invalid(argument) as caught:
        predictor(x)
    assert got in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_numbers_that_are_not_finite_are_refused_as_predict_refuses_them(value, iris, predictor):
    x = np.array([[0, 1, 2, 3], [0, value, 2, value]], "float32")
    message = rf"must hold finite numbers; got {value} in row 1, column 1 and 1 more"
    with pytest.raises(ValueError, match=message):
        kerasnn.Sequential(iris[0].layers).predict(x)
    with pytest.raises(ValueError, match=f"`features` {message}"):
        predictor(x)


def test_masked_rows_are_refused(predictor):
    x = np.ma.masked_array([[1.0, 2, 3, 4]], [[0, 1, 0, 0]])
    with pytest.raises(ValueError, match="`features` must hold a value everywhere"):
        predictor(x)
    x.mask = np.ma.nomask
    assert predictor(x)["labels"].shape == (1,)


def test_a_directory_that_is_no_saved_model(tmp_path, invalid):
    with pytest.raises(FileNotFoundError, match="must be a SavedModel, or a directory of numbered"):
        serving.Predictor(tmp_path)
    (tmp_path / "model" / "1").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"Give '.*model'\.$"):
        serving.Predictor(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"truncated")
    with invalid("path", value=tmp_path):
        serving.Predictor(tmp_path)


@pytest.mark.parametrize("signature", ["regress", None, 5, ["a"]])
def test_a_signature_that_is_not_there(signature, iris, invalid):
    with invalid("signature", value=signature) as caught:
        serving.Predictor(iris[1].path, signature=signature)
    assert "classify, serving_default" in caught.value.rule


def test_a_session_is_freed_with_its_predictor(iris):
    predictor = serving.Predictor(iris[1].path)
    session = weakref.ref(predictor._session)
    del predictor
    gc.collect()
    assert session() is None


@pytest.mark.parametrize(
    "name", ["nope:0", "serving_default_features:7", "serving_default_features"]
)
def test_a_tensor_that_is_not_in_the_graph(name, iris, tmp_path):
    path = tmp_path / "damaged"
    shutil.copytree(iris[1].path, path)
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    saved.meta_graphs[0].signature_def["serving_default"].inputs["features"].name = name
    (path / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(
        ValueError,
        match=f"signature 'serving_default' cannot be run: its `features` must be .*; '{name}' ",
    ):
        serving.Predictor(path)
    # The others can.
    assert serving.Predictor(path, signature="classify").signature == "classify"


def test_a_signature_of_complex_numbers(tmp_path):
    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"y": tf.complex(x, x)}, input_signature=[tf.TensorSpec((None, 2), name="x")]
    )
    tf.saved_model.save(module, tmp_path, signatures={"serving_default": module.serve})
    with pytest.raises(ValueError, match="its `y` must be of real numbers or strings; it has Tens"):
        serving.Predictor(tmp_path)


@pytest.mark.slow
def test_a_row_costs_little_more_than_the_library_alone(iris, rows):
    predictor = serving.Predictor(iris[1].path)
    session, signature = predictor._session, predictor._signature
    run, alone = session._library.TF_SessionRun, []

    def timed(*arguments):
        began = time.perf_counter()
        run(*arguments)
        alone.append(time.perf_counter() - began)

    row, whole = rows[:1], []
    for _ in range(100):
        predictor(row)
    session._library.TF_SessionRun = timed
    try:
        for _ in range(2000):
            began = time.perf_counter()
            predictor(row)
            whole.append(time.perf_counter() - began)
    finally:
        session._library.TF_SessionRun = run
    assert signature.inputs
    overhead_ms = 1e3 * np.median(np.array(whole) - np.array(alone))
    assert overhead_ms < 0.1, overhead_ms


def test_indices_that_an_embedding_does_not_have(tmp_path, invalid):
    pairs = keras.Input((2,), dtype="int32", name="pairs")
    users = keras.layers.Embedding(5, 2, name="users")(pairs[:, 0])
    items = keras.layers.Embedding(9, 2, name="items")(pairs[:, 1])
    model = keras.Model(pairs, keras.layers.Add()([users, items]))
    predictor = serving.Predictor(serving.export(model, tmp_path, verify=False).path)
    rows = np.array([[4, 8], [0, 0]], "int32")
    expected = keras.Model.predict(model, rows, verbose=0)
    np.testing.assert_allclose(predictor(rows)["predictions"], expected, atol=1e-6)
    assert predictor(rows[:0])["predictions"].shape == (0, 2)
    for wrong, layer, got in (
        ([[4, 8], [5, 8]], "users", "5 in row 1 column 0"),
        ([[-1, 8], [0, 8]], "users", "-1 in row 0 column 0"),
        ([[4, 8], [0, 9]], "items", "9 in row 1 column 1"),
    ):
        with invalid("features", got) as caught:
            predictor(wrong)
        assert f"`{layer}`" in caught.value.rule
