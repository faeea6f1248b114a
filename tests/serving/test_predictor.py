"""A SavedModel that answers through TensorFlow's C library."""

import shutil
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import kerasnn
from kerasnn import serving
from kerasnn.serving.runtime import c_session


def test_answers_as_predict_does(iris, rows):
    model, report = iris
    answers = serving.Predictor(report.path)(rows)
    expected = model.predict(rows, verbose=0)
    np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-6)
    names = [[b"ant", b"bee", b"cat"][row.argmax()] for row in expected]
    assert answers["labels"].tolist() == names


def test_a_directory_of_versions_means_the_newest(classifier, tmp_path):
    for version, shift in ((2, 0.0), (10, 1.0)):
        classifier.layers[-1].bias.assign([shift, 0, 0])
        serving.export(classifier, tmp_path, version=version, verify=False)
    predictor = serving.Predictor(tmp_path)
    assert predictor.path == tmp_path / "10"
    ones = np.ones((1, 4), "float32")
    expected = classifier.predict(ones, verbose=0)
    np.testing.assert_allclose(predictor(ones)["probabilities"], expected, atol=1e-6)


def test_strings_of_any_length_and_bytes_of_any_kind_go_in_and_out(tmp_path):
    model = keras.Sequential([keras.Input((2,), dtype="string"), keras.layers.Identity()])
    predictor = serving.Predictor(serving.export(model, tmp_path).path)
    words = [["", "é" * 11], [b"\0end\0", b"x" * 1000]]
    expected = [[b"", "é".encode() * 11], [b"\0end\0", b"x" * 1000]]
    assert predictor(words)["predictions"].tolist() == expected


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool"]
)
def test_dtypes_survive(dtype, tmp_path):
    model = keras.Sequential([keras.Input((3,), dtype=dtype), keras.layers.Identity()])
    report = serving.export(model, tmp_path, verify=False)
    predictor = serving.Predictor(report.path)
    assert predictor.inputs["features"].dtype == dtype
    x = np.array([[0, 1, 1]], dtype)
    assert predictor(x)["predictions"].tolist() == [[0.0, 1.0, 1.0]]


def test_bfloat16_is_verified(tmp_path):
    model = keras.Sequential([keras.Input((2,), dtype="bfloat16"), keras.layers.Identity()])
    report = serving.export(model, tmp_path)
    assert report.largest_difference == 0
    assert serving.Predictor(report.path)([[0.5, 2]])["predictions"].tolist() == [[0.5, 2.0]]


def test_several_inputs_by_name(prices):
    model, report = prices
    x = {"word": ["bee", "ant"], "size": [[1, 2], [3, 4]]}
    expected = model.predict([tf.constant(x["word"]), np.array(x["size"], "float32")], verbose=0)
    answers = serving.Predictor(report.path)(x)
    np.testing.assert_allclose(answers["predictions"], expected, atol=1e-6)


def test_no_rows_get_no_answers(iris):
    answers = serving.Predictor(iris[1].path)(np.zeros((0, 4)))
    assert answers["probabilities"].shape == (0, 3)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((1, 5)), r"`features` must have shape \(batch, 4\); got \(1, 5\)"),
        (np.ones(4), r"got \(4,\). For one row give `features\[None\]`"),
        ({"size": np.ones((1, 4))}, "`x` must hold rows for each of 'features', .*; got 'size'"),
        ([["a"] * 4], "`features` must hold float32; got str"),
        ([[1j] * 4], "`features` must hold float32; got complex128"),
        ([[1.0] * 4, [1.0]], "`features` must hold rows that are all of one shape"),
        ([[1, 2, 3, 10**400]], "`features` must hold float32; got object"),
        ([[1, 2, 3, 1e300]], r"`features` must hold numbers that float32 can hold; got 1e\+300"),
    ],
)
def test_rows_that_do_not_fit(x, message, iris):
    with pytest.raises(ValueError, match=message):
        serving.Predictor(iris[1].path)(x)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_as_predict_refuses_them(value, iris):
    x = np.array([[0, 1, 2, 3], [0, value, 2, value]], "float32")
    message = rf"must hold finite numbers; got {value} in row 1, column 1 and 1 more. Drop those r"
    with pytest.raises(ValueError, match=message):
        kerasnn.Sequential(iris[0].layers).predict(x)
    with pytest.raises(ValueError, match=f"`features` {message}"):
        serving.Predictor(iris[1].path)(x)


def test_masked_rows_are_refused(iris):
    predictor = serving.Predictor(iris[1].path)
    x = np.ma.masked_array([[1.0, 2, 3, 4]], [[0, 1, 0, 0]])
    with pytest.raises(
        ValueError, match="`features` must hold a value everywhere; got a masked ar"
    ):
        predictor(x)
    x.mask = np.ma.nomask
    assert predictor(x)["labels"].shape == (1,)


def test_whole_numbers_that_do_not_fit(tmp_path):
    model = keras.Sequential([keras.Input((1,), dtype="uint8"), keras.layers.Identity()])
    predictor = serving.Predictor(serving.export(model, tmp_path, verify=False).path)
    assert predictor([[255]])["predictions"].tolist() == [[255.0]]
    with pytest.raises(ValueError, match="whole numbers from 0 to 255; got -1 to 256"):
        predictor([[256], [-1]])
    with pytest.raises(ValueError, match="`features` must hold uint8; got float64"):
        predictor([[0.5]])


def test_what_is_no_saved_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="must be a SavedModel, or a directory of numbered"):
        serving.Predictor(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"truncated")
    with pytest.raises(ValueError, match="must hold a SavedModel that TensorFlow loads; of '/"):
        serving.Predictor(tmp_path)


def test_a_signature_that_is_not_there(iris):
    with pytest.raises(
        ValueError, match="one of the model's, classify, serving_default; got signature='regress'"
    ):
        serving.Predictor(iris[1].path, signature="regress")


def test_what_predicts_is_freed(iris, monkeypatch):
    closed = []
    monkeypatch.setattr(c_session, "_close", lambda *handles: closed.append(handles))
    predictor = serving.Predictor(iris[1].path)
    assert not closed
    del predictor
    assert len(closed) == 1


@pytest.mark.parametrize("signature", [None, 5, ["a"]])
def test_a_signature_that_is_no_name(signature, iris):
    with pytest.raises(ValueError, match="`signature` must be one of the model's, classify, serv"):
        serving.Predictor(iris[1].path, signature=signature)


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
        match=f"signature 'serving_default' cannot be asked: its `features` must be .*; '{name}' ",
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
    with pytest.raises(ValueError, match="cannot be asked: its `y` must be of real numbers or st"):
        serving.verify(tmp_path, {"serving_default": ({"x": [[1.0, 2.0]]}, {"y": [[1.0, 2.0]]})})


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


def test_indices_that_an_embedding_does_not_have(tmp_path):
    pairs = keras.Input((2,), dtype="int32", name="pairs")
    users = keras.layers.Embedding(5, 2, name="users")(pairs[:, 0])
    items = keras.layers.Embedding(9, 2, name="items")(pairs[:, 1])
    model = keras.Model(pairs, keras.layers.Add()([users, items]))
    predictor = serving.Predictor(serving.export(model, tmp_path).path)
    rows = np.array([[4, 8], [0, 0]], "int32")
    expected = keras.Model.predict(model, rows, verbose=0)
    np.testing.assert_allclose(predictor(rows)["predictions"], expected, atol=1e-6)
    for wrong, layer, said in (
        ([[4, 8], [5, 8]], "users", "5 in row 1 column 0"),
        ([[-1, 8], [0, 8]], "users", "-1 in row 0 column 0"),
        ([[4, 8], [0, 9]], "items", "9 in row 1 column 1"),
    ):
        rule = rf"must hold indices from 0 to ., since the layer `{layer}` has input_dim=.; got"
        with pytest.raises(ValueError, match=rf"`features` {rule} {said}"):
            predictor(wrong)
