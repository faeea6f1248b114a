"""Files beside the program: warm-up requests, model card and example requests."""

import base64
import concurrent.futures
import hashlib
import json
import platform
import shlex
import subprocess

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
from kerasnn.serving.assets import model_card
from kerasnn.serving.publishing import batch_sizes

WARMUP = "assets.extra/tf_serving_warmup_requests"


def logs(report):
    records = tf.data.TFRecordDataset(str(report.path / WARMUP)).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(record) for record in records]


def card(report):
    return json.loads((report.path / "assets.extra" / "model_card.json").read_text())


@pytest.fixture(scope="module", params=["iris", "photos", "prices"])
def served(request):
    """The name of an export, its report, and a predictor of each of its signatures."""
    _, report = request.getfixturevalue(request.param)
    predictors = {
        name: serving.Predictor(report.path, signature=name) for name in report.signatures
    }
    return request.param, report, predictors


def test_every_signature_accepts_its_warm_up_requests(served):
    name, report, predictors = served
    seen = []
    for log in logs(report):
        kind = log.WhichOneof("log_type")
        sent = getattr(log, kind).request
        # The official messages know every field.
        for message in (log, sent, sent.model_spec):
            assert not len(unknown_fields.UnknownFieldSet(message))
        assert sent.model_spec.name == name
        signature = sent.model_spec.signature_name
        if kind == "predict_log":
            inputs = {key: tf.make_ndarray(value) for key, value in sent.inputs.items()}
        else:
            examples = sent.input.example_list.examples
            inputs = {"inputs": [example.SerializeToString() for example in examples]}
        outputs = predictors[signature](inputs)
        [count] = {len(output) for output in outputs.values()}
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


def test_more_warm_up_requests_than_a_server_takes(classifier, tmp_path, invalid):
    with invalid("batch_sizes"):
        serving.export(classifier, tmp_path, batch_sizes=range(1, 502), verify=False)
    assert list(tmp_path.iterdir()) == []


def test_the_card_describes_the_version(iris):
    model, report = iris
    found = card(report)
    assert found["name"] == "iris"
    assert found["model"]["parameters"] == model.count_params()
    for file, digest in found["model"]["weights_sha256"].items():
        assert hashlib.sha256((report.path / file).read_bytes()).hexdigest() == digest
    assert list(found["model"]["weights_sha256"]) == ["variables/variables.data-00000-of-00001"]
    assert found["labels"] == ["ant", "bee", "cat"]
    assert found["signatures"]["serving_default"] == {
        "method": "tensorflow/serving/predict",
        "inputs": {"features": {"dtype": "float32", "shape": [None, 4]}},
        "outputs": {
            "probabilities": {"dtype": "float32", "shape": [None, 3]},
            "labels": {"dtype": "string", "shape": [None]},
        },
    }
    assert found["signatures"].keys() == report.signatures.keys()
    assert found["verification"]["largest_difference"] == report.largest_difference <= 1e-5
    assert found["verification"]["batch_sizes"] == [1, 8, 32]
    assert found["verification"]["latency_ms"] == report.latency_ms
    assert found["training"] is None


def squared(y, predicted):
    return keras.ops.mean((y - predicted) ** 2)


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    """The training in the cards of three exports: after a normal one, and with odd losses."""
    inputs = keras.Input((1,))
    outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")}
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="sgd", loss={"a": squared, "b": "mae"})
    ones = np.ones((2, 1), "float32")
    y = {"a": ones, "b": ones}
    quick = {"verify": False, "warmup": False, "batch_sizes": np.array([2, 1])}
    path = tmp_path_factory.mktemp("cards") / "model"
    found = {}
    found["normal"] = (
        model.fit(ones, y, epochs=2, verbose=0),
        serving.export(model, path, **quick),
    )
    found["diverged"] = (model.fit(1e30 * ones, y, verbose=0), serving.export(model, path, **quick))
    history = model.fit(ones, y, verbose=0)
    history.history = {
        "f1": [np.array([0.5, np.nan], "float32")],
        "phase": ["warm"],
        "best": [None],
        "step": [np.int64(3)],
        "never": [],
    }
    found["odd"] = (history, serving.export(model, path, **quick))
    return {name: (history, card(report)) for name, (history, report) in found.items()}


def test_the_card_sums_up_the_training(cards):
    history, found = cards["normal"]
    assert found["verification"] is None
    assert found["batch_sizes"] == [1, 2]
    assert found["training"] == {
        "epochs": 2,
        "last_epoch": {name: values[-1] for name, values in history.history.items()},
        "optimizer": "SGD",
        "loss": {"a": "squared", "b": "mae"},
    }
    assert found["versions"] == {
        "python": platform.python_version(),
        "kerasnn": kerasnn.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
    }


def test_the_card_is_json_whatever_was_logged(cards):
    _, found = cards["diverged"]
    assert found["training"]["last_epoch"]["loss"] is None
    assert found["training"]["last_epoch"]["b_loss"] > 1e20
    _, found = cards["odd"]
    assert found["training"]["last_epoch"] == {
        "f1": [0.5, None],
        "phase": "warm",
        "best": None,
        "step": 3,
    }


def test_the_requests_for_curl_are_ready(served):
    name, report, _ = served
    found = card(report)["requests"]["curl"]
    assert found.keys() == report.signatures.keys()
    for signature, command in found.items():
        program, option, data, url = shlex.split(command)
        body = json.loads(data)
        assert (program, option, body.pop("signature_name")) == ("curl", "-d", signature)
        kind = {"classify": "classify", "regress": "regress"}.get(signature, "predict")
        assert url == f"http://localhost:8501/v1/models/{name}:{kind}"
        assert list(body) == ["instances" if kind == "predict" else "examples"]
        assert len(next(iter(body.values()))) == 1


def test_the_request_that_is_shown_for_images_sends_a_file(tmp_path):
    """It is short, and runs in a shell, where an image of any size fits."""
    content = np.random.default_rng(0).bytes(300_000)
    (tmp_path / "image.jpg").write_bytes(content)
    card = {"name": "photos", "signatures": {"image_bytes": {}, "serving_default": {}}}
    request = model_card.shown_request(card)
    assert len(request) < 250
    # In place of the real one.
    script = f'curl() {{ echo "$@" >&2; cat; }}; {request}'
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    assert ran.stderr.split()[-1] == b"http://localhost:8501/v1/models/photos:predict"
    body = json.loads(ran.stdout)
    assert body["signature_name"] == "image_bytes"
    assert base64.b64decode(body["instances"][0]["b64"]) == content


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TensorFlow Serving's `Predict`, by `Predictor`."""

    def __init__(self, predictors):
        self.predictors = predictors

    def Predict(self, request, context):  # noqa: N802
        predictor = self.predictors[request.model_spec.signature_name]
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        response = predict_pb2.PredictResponse()
        for key, value in predictor(inputs).items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response


def test_the_requests_for_grpc_are_ready(served, capsys):
    _, report, predictors = served
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(predictors), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        for program in card(report)["requests"]["grpc"].values():
            assert "localhost:8500" in program
            patient = program.replace("timeout=10", "timeout=600")
            exec(patient.replace("localhost:8500", f"localhost:{port}"), {})
            assert "outputs" in capsys.readouterr().out
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("sizes", [[], 8, "8", [0], [[1], [2, 3]], np.array([1.5]), np.array(8)])
def test_batch_sizes_that_cannot_be(sizes, invalid):
    with invalid("batch_sizes"):
        batch_sizes.batch_sizes(sizes)
