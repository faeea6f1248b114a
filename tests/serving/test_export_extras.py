"""What lies beside the program: warm-up requests, the card, labels and the server's files."""

import concurrent.futures
import hashlib
import importlib.metadata
import json
import platform
import shlex

import grpc
import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import unknown_fields
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

import kerasnn
from kerasnn import serving

WARMUP = "assets.extra/tf_serving_warmup_requests"


def logs(report):
    records = tf.data.TFRecordDataset(str(report.path / WARMUP)).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(record) for record in records]


def card(report):
    return json.loads((report.path / "assets.extra" / "model_card.json").read_text())


@pytest.mark.parametrize("name", ["iris", "photos", "prices"])
def test_every_signature_answers_its_warm_up_requests(name, request):
    _, report = request.getfixturevalue(name)
    seen = []
    for log in logs(report):
        kind = log.WhichOneof("log_type")
        asked = getattr(log, kind).request
        # Nothing that the official messages do not know.
        for message in (log, asked, asked.model_spec):
            assert not len(unknown_fields.UnknownFieldSet(message))
        assert asked.model_spec.name == name
        signature = asked.model_spec.signature_name
        predictor = serving.Predictor(report.path, signature=signature)
        if kind == "predict_log":
            inputs = {key: tf.make_ndarray(value) for key, value in asked.inputs.items()}
        else:
            examples = asked.input.example_list.examples
            inputs = {"inputs": [example.SerializeToString() for example in examples]}
        answers = predictor(inputs)
        [count] = {len(answer) for answer in answers.values()}
        seen.append((kind, signature, count))
    kinds = {"classify": "classify_log", "regress": "regress_log"}
    assert seen == [
        (kinds.get(signature, "predict_log"), signature, size)
        for signature in report.signatures
        for size in (1, 8, 32)
    ]


def test_warm_up_requests_of_a_large_image_are_small(tmp_path):
    model = keras.Sequential([keras.Input((224, 224, 3)), keras.layers.GlobalAveragePooling2D()])
    report = serving.export(model, tmp_path, batch_sizes=[64], verify=False)
    assert (report.path / WARMUP).stat().st_size < 100_000
    assert {len(log.predict_log.request.inputs) for log in logs(report)} == {1}
    [shape] = [
        tf.make_ndarray(log.predict_log.request.inputs["image"]).shape
        for log in logs(report)
        if log.predict_log.request.model_spec.signature_name == "serving_default"
    ]
    assert shape == (64, 224, 224, 3)


def test_no_warm_up_where_it_is_not_wanted(classifier, tmp_path):
    report = serving.export(classifier, tmp_path, warmup=False, verify=False)
    assert not (report.path / WARMUP).exists()


def test_more_warm_up_requests_than_a_server_takes(classifier, tmp_path):
    with pytest.raises(
        ValueError, match=r"`batch_sizes` must be at most 500, for .*; got 501. Give"
    ):
        serving.export(classifier, tmp_path, batch_sizes=range(1, 502), verify=False)
    assert list(tmp_path.iterdir()) == []


def test_the_card_says_what_the_version_is(iris):
    model, report = iris
    said = card(report)
    assert said["name"] == "iris"
    assert said["model"]["parameters"] == model.count_params()
    for file, digest in said["model"]["weights_sha256"].items():
        assert hashlib.sha256((report.path / file).read_bytes()).hexdigest() == digest
    assert list(said["model"]["weights_sha256"]) == ["variables/variables.data-00000-of-00001"]
    assert said["labels"] == ["ant", "bee", "cat"]
    assert said["signatures"]["serving_default"] == {
        "method": "tensorflow/serving/predict",
        "inputs": {"features": {"dtype": "float32", "shape": [None, 4]}},
        "outputs": {
            "probabilities": {"dtype": "float32", "shape": [None, 3]},
            "labels": {"dtype": "string", "shape": [None]},
        },
    }
    assert said["signatures"].keys() == report.signatures.keys()
    assert said["verification"]["largest_difference"] == report.largest_difference <= 1e-5
    assert said["verification"]["batch_sizes"] == [1, 8, 32]
    assert said["verification"]["latency_ms"] == report.latency_ms
    assert said["training"] is None


def test_the_card_names_versions_whatever_package_brought_them(classifier, tmp_path, monkeypatch):
    # TensorFlow is also installed as tensorflow-cpu, Keras as keras-nightly.
    def not_there(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", not_there)
    assert card(serving.export(classifier, tmp_path, verify=False))["versions"] == {
        "python": platform.python_version(),
        "kerasnn": kerasnn.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
    }


def test_the_card_sums_up_the_training(classifier, rows, tmp_path):
    classifier.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = classifier.fit(rows, np.arange(7) % 3, epochs=2, verbose=0)
    said = card(serving.export(classifier, tmp_path, verify=False))
    assert said["verification"] is None
    assert said["training"] == {
        "epochs": 2,
        "last_epoch": {name: values[-1] for name, values in history.history.items()},
        "optimizer": "Adam",
        "loss": "sparse_categorical_crossentropy",
    }


def squared(y, predicted):
    return keras.ops.mean((y - predicted) ** 2)


def test_the_card_is_json_after_a_training_that_diverged(tmp_path):
    inputs = keras.Input((1,))
    outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")}
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="sgd", loss={"a": squared, "b": "mae"})
    ones = np.ones((2, 1), "float32")
    model.fit(1e30 * ones, {"a": ones, "b": ones}, verbose=0)
    said = card(serving.export(model, tmp_path, verify=False))["training"]
    assert said["loss"] == {"a": "squared", "b": "mae"}
    assert said["last_epoch"]["loss"] is None
    assert said["last_epoch"]["b_loss"] > 1e20


def test_the_card_takes_whatever_was_logged(classifier, rows, tmp_path):
    classifier.compile("adam", "categorical_crossentropy")
    history = classifier.fit(rows, np.eye(3)[np.arange(7) % 3], verbose=0)
    history.history |= {
        "f1": [np.array([0.5, np.nan], "float32")],
        "phase": ["warm"],
        "best": [None],
        "step": [np.int64(3)],
        "never": [],
    }
    said = card(serving.export(classifier, tmp_path, verify=False))["training"]["last_epoch"]
    del said["loss"]
    assert said == {"f1": [0.5, None], "phase": "warm", "best": None, "step": 3}


@pytest.mark.parametrize(
    "text", ["[1]", '{"batch_sizes": 3}', '{"batch_sizes": ["a", 2]}', "[" * 9999]
)
def test_a_card_of_another_make_blocks_no_export(text, classifier, tmp_path):
    other = tmp_path / "1" / "assets.extra" / "model_card.json"
    other.parent.mkdir(parents=True)
    other.write_text(text)
    options = {"verify": False, "warmup": False, "signatures": ["serving_default"]}
    assert serving.export(classifier, tmp_path, **options).version == 2


def test_a_free_length_is_one_that_the_model_answers(tmp_path):
    steps = keras.Input((None, 2))
    model = keras.Model(steps, keras.layers.GlobalMaxPooling1D()(keras.layers.Conv1D(3, 9)(steps)))
    report = serving.export(model, tmp_path, batch_sizes=[2], verify=False)
    [log] = logs(report)
    [asked] = log.predict_log.request.inputs.values()
    assert tf.make_ndarray(asked).shape == (2, 16, 2)
    body = json.loads(shlex.split(card(report)["requests"]["curl"]["serving_default"])[2])
    assert serving.Predictor(report.path)(body["instances"])["predictions"].shape == (1, 3)


@pytest.mark.parametrize("name", ["iris", "photos", "prices"])
def test_the_requests_for_curl_are_ready(name, request):
    _, report = request.getfixturevalue(name)
    said = card(report)["requests"]["curl"]
    assert said.keys() == report.signatures.keys()
    for signature, command in said.items():
        program, option, data, url = shlex.split(command)
        body = json.loads(data)
        assert (program, option, body.pop("signature_name")) == ("curl", "-d", signature)
        kind = {"classify": "classify", "regress": "regress"}.get(signature, "predict")
        assert url == f"http://localhost:8501/v1/models/{name}:{kind}"
        assert list(body) == ["instances" if kind == "predict" else "examples"]
        assert len(next(iter(body.values()))) == 1


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TensorFlow Serving's `Predict`, answered by `Predictor`."""

    def __init__(self, report):
        self.report = report

    def Predict(self, request, context):  # noqa: N802
        predictor = serving.Predictor(self.report.path, signature=request.model_spec.signature_name)
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        answer = predict_pb2.PredictResponse()
        for key, value in predictor(inputs).items():
            answer.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return answer


@pytest.mark.parametrize("name", ["iris", "photos", "prices"])
def test_the_requests_for_grpc_are_ready(name, request, capsys):
    _, report = request.getfixturevalue(name)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(report), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        for program in card(report)["requests"]["grpc"].values():
            assert "localhost:8500" in program
            exec(program.replace("localhost:8500", f"localhost:{port}"), {})
            assert "outputs" in capsys.readouterr().out
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("sizes", [[], 8, "8", [0], [[1], [2, 3]], np.array([1.5]), np.array(8)])
def test_batch_sizes_that_cannot_be(sizes, classifier, tmp_path):
    with pytest.raises(ValueError, match=r"`batch_sizes` must be a (sequence|whole number)"):
        serving.export(classifier, tmp_path, batch_sizes=sizes)
    assert list(tmp_path.iterdir()) == []


def test_batch_sizes_in_an_array(classifier, tmp_path):
    report = serving.export(classifier, tmp_path, batch_sizes=np.array([2, 1]), verify=False)
    assert card(report)["batch_sizes"] == [1, 2]
