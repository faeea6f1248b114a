"""TensorFlow Serving's REST interface, as its documentation has it."""

import base64
import http.server
import json
import shutil
import socket
import subprocess
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving

STATUS = {
    "model_version_status": [
        {"version": "3", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}},
        {"version": "2", "state": "END", "status": {"error_code": "OK", "error_message": ""}},
    ]
}
METADATA = {
    "model_spec": {"name": "iris", "signature_name": "", "version": "3"},
    "metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": {}}}}},
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.answer(json.loads(self.rfile.read(length)))

    def answer(self, body):
        self.server.asked.append((self.path, body))
        code, answer = self.server.answers[self.path.rpartition("/models/")[2]]
        text = (
            b""
            if callable(answer)
            else answer
            if isinstance(answer, bytes)
            else json.dumps(answer).encode()
        )
        if code is None:
            time.sleep(1.0)
            code = 200
        if callable(answer):
            answer(self)
            return
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    """Answers what its `answers` hold for a path, and notes what was `asked`."""
    with http.server.ThreadingHTTPServer(("localhost", 0), Handler) as server:
        server.answers, server.asked = {}, []
        server.url = f"http://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_rows_in_a_list(server):
    server.answers["iris:predict"] = (200, {"predictions": [[0.25, 0.75], [1, 0]]})
    answer = serving.client(server.url, "iris").predict(np.array([[1, 2], [3, 4.5]]))
    np.testing.assert_array_equal(answer, [[0.25, 0.75], [1, 0]])
    body = {"signature_name": "serving_default", "instances": [[1.0, 2.0], [3.0, 4.5]]}
    assert server.asked == [("/v1/models/iris:predict", body)]


def test_rows_by_name_with_several_outputs(server):
    rows = [{"p": [0.5, 0.5], "labels": "ant"}, {"p": [0.1, 0.9], "labels": "bee"}]
    server.answers["iris:predict"] = (200, {"predictions": rows})
    answer = serving.client(server.url + "/", "iris").predict(
        {"size": np.array([1, 2]), "word": ["a", "b"]}, signature="other"
    )
    assert answer["labels"].tolist() == ["ant", "bee"]
    assert answer["p"].tolist() == [[0.5, 0.5], [0.1, 0.9]]
    [(_, body)] = server.asked
    assert body == {
        "signature_name": "other",
        "instances": [{"size": 1, "word": "a"}, {"size": 2, "word": "b"}],
    }


def test_columns(server):
    answers = {"outputs": {"p": [[0.5], [0.1]], "file_bytes": [{"b64": "R0lG"}, {"b64": "AA=="}]}}
    server.answers["iris/versions/2:predict"] = (200, answers)
    client = serving.client(server.url, "iris", version=2)
    answer = client.predict({"size": [1, 2]}, columnar=True)
    assert answer["p"].tolist() == [[0.5], [0.1]]
    assert answer["file_bytes"].tolist() == [b"GIF", b"\0"]
    [(path, body)] = server.asked
    assert path == "/v1/models/iris/versions/2:predict"
    assert body == {"signature_name": "serving_default", "inputs": {"size": [1, 2]}}


@pytest.mark.parametrize("files", [[b"GIF", b"\0"], np.array([b"GIF", b"\0x"], object)])
def test_bytes_go_as_base64(files, server):
    server.answers["photos:predict"] = (200, {"predictions": [1, 2]})
    serving.client(server.url, "photos").predict(files, signature="image_bytes")
    [(_, body)] = server.asked
    assert [base64.b64decode(row.pop("b64")) for row in body["instances"]] == list(files)
    assert body["instances"] == [{}, {}]


def test_classify_and_regress(server):
    scores = [[["ant", 0.9], ["bee", 0.1]], [["ant", 0.5], ["bee", 0.5]]]
    server.answers["iris:classify"] = (200, {"results": scores})
    server.answers["iris:regress"] = (200, {"results": [1.5, -2]})
    client = serving.client(server.url, "iris")
    examples = [{"size": np.array([[1.5, 2.0]], "float32"), "word": b"a"}, {"size": 1.0}]
    assert client.classify(examples)[0] == [("ant", 0.9), ("bee", 0.1)]
    assert client.regress(examples).tolist() == [1.5, -2.0]
    sent = [{"size": [1.5, 2.0], "word": {"b64": "YQ=="}}, {"size": 1.0}]
    assert server.asked == [
        ("/v1/models/iris:classify", {"signature_name": "classify", "examples": sent}),
        ("/v1/models/iris:regress", {"signature_name": "regress", "examples": sent}),
    ]


def test_metadata_and_status(server):
    server.answers |= {"iris/metadata": (200, METADATA), "iris": (200, STATUS)}
    client = serving.client(server.url, "iris")
    assert client.metadata() == METADATA["metadata"]
    assert client.status() == {3: "AVAILABLE", 2: "END"}
    assert server.asked == [("/v1/models/iris/metadata", None), ("/v1/models/iris", None)]


def test_what_the_server_says_is_heard(server):
    said = "Servable not found for request: Latest(wine)"
    server.answers["wine:predict"] = (404, {"error": said})
    with pytest.raises(ValueError, match=r"/v1/models/wine:predict answered 404 Not Found: Serv"):
        serving.client(server.url, "wine").predict([[1.0]])


@pytest.mark.parametrize("answer", [b"<html>", b'{"results": []}', b"[]", b"\xff"])
def test_another_program(answer, server):
    server.answers["iris:predict"] = (200, answer)
    with pytest.raises(ValueError, match="must answer in TensorFlow Serving's JSON, with 'predict"):
        serving.client(server.url, "iris").predict([[1.0]])


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        ("predict", {"predictions": 3}),
        ("predict", {"predictions": None}),
        ("predict", {"predictions": [{"p": 1}, {"q": 1}]}),
        ("predict", {"predictions": [{"p": 1}, {"p": 1, "q": 1}]}),
        ("predict", {"predictions": [{"p": 1}, 2]}),
        ("predict", {"predictions": {"p": 1}}),
        ("predict", b'{"predictions": ' + b"[" * 99999 + b"]" * 99999 + b"}"),
        ("classify", {"results": {}}),
        ("regress", {"results": None}),
        ("regress", {"results": [10**400]}),
        ("classify", {"results": [[1, 2]]}),
        ("regress", {"results": ["x"]}),
    ],
)
def test_an_answer_of_another_form(ask, answer, server):
    server.answers[f"iris:{ask}"] = (200, answer)
    with pytest.raises(ValueError, match="must answer in TensorFlow Serving's JSON, with '"):
        getattr(serving.client(server.url, "iris"), ask)([{"size": 1.0}])


@pytest.mark.parametrize("x", [None, 3, "abc", np.array(3)])
def test_rows_that_are_none(x):
    with pytest.raises(ValueError, match="`x` must be a list or an array of rows; got x="):
        serving.client("http://localhost:1", "iris").predict(x)


def test_a_late_answer(server):
    server.answers["iris:predict"] = (None, {"predictions": []})
    client = serving.client(server.url, "iris", timeout_s=0.1)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"gave no answer within timeout_s=0\.1 seconds"):
        client.predict([[1.0]])
    assert time.monotonic() - began < 0.9


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    for _ in range(10):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def test_an_answer_that_drips(server):
    server.answers["iris:predict"] = (200, drip)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"gave no answer within timeout_s=0\.2 seconds"):
        serving.client(server.url, "iris", timeout_s=0.2).predict([[1.0]])
    assert time.monotonic() - began < 0.4


def cut_off(handler):
    handler.send_response(500)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"abc")


def test_an_error_that_is_cut_off(server):
    server.answers["iris:predict"] = (200, cut_off)
    with pytest.raises(ConnectionError, match=r"no server answered at .*: IncompleteRead\(3 bytes"):
        serving.client(server.url, "iris").predict([[1.0]])


@pytest.mark.parametrize("url", ["http://localhost:99999", "http://a..b"])
def test_places_that_cannot_be(url):
    with pytest.raises(ConnectionError, match="no server answered at http://"):
        serving.client(url, "iris").predict([[1.0]])


@pytest.mark.parametrize("signature", [None, 5, "", ["a"]])
def test_a_signature_that_is_no_name(signature):
    client = serving.client("http://localhost:1", "iris")
    for ask in (client.predict, client.classify, client.regress):
        with pytest.raises(ValueError, match="`signature` must be the name of a signature; got"):
            ask([{"size": 1.0}], signature=signature)


def test_features_go_as_they_are(server):
    server.answers["iris:regress"] = (200, {"results": [0]})
    features = {
        "file": [b"BM\0\0", "a\0"],
        "mixed": [1, 2.5],
        "whole": [[1, 2], [3, 4]],
        "array": np.array([b"\0"], object),
        "tensor": [tf.constant([1.5])],
    }
    serving.client(server.url, "iris").regress([features])
    [(_, body)] = server.asked
    assert body["examples"] == [
        {
            "file": [{"b64": "Qk0AAA=="}, "a\0"],
            "mixed": [1.0, 2.5],
            "whole": [1, 2, 3, 4],
            "array": [{"b64": "AA=="}],
            "tensor": [1.5],
        }
    ]
    assert isinstance(body["examples"][0]["mixed"][0], float)


@pytest.mark.parametrize("values", [["a", 1], [True, 2], [1.0, None], None, {"b": 1}])
def test_features_of_several_kinds(values):
    with pytest.raises(ValueError, match="numbers only or strings only in each feature; 'f' holds"):
        serving.client("http://localhost:1", "iris").classify([{"f": values}])


def test_tables_of_pandas_go_as_their_values(server):
    pandas = pytest.importorskip("pandas")
    server.answers["iris:predict"] = (200, {"predictions": [0, 0]})
    table = pandas.DataFrame({"a": [1.5, 2.5], "b": [3, 4]}, index=[7, 8])
    client = serving.client(server.url, "iris")
    client.predict({"size": table, "word": table["a"]})
    client.predict(table)
    by_name, rows = [body["instances"] for _, body in server.asked]
    assert by_name == [{"size": [1.5, 3.0], "word": 1.5}, {"size": [2.5, 4.0], "word": 2.5}]
    assert rows == [[1.5, 3.0], [2.5, 4.0]]


def test_masked_values_are_not_sent():
    masked = np.ma.masked_array([[1.0, 2.0]], [[0, 1]])
    client = serving.client("http://localhost:1", "iris")
    for ask in (
        lambda: client.predict(masked),
        lambda: client.predict({"a": masked}, columnar=True),
        lambda: client.classify([{"a": masked[0]}]),
    ):
        with pytest.raises(ValueError, match="must hold a value everywhere; got a masked array"):
            ask()


def test_what_json_cannot_hold():
    with pytest.raises(ValueError, match=r"what is sent must be numbers, .* type set is not JSON"):
        serving.client("http://localhost:1", "iris").predict([{1.0}])


def test_dates_are_not_sent():
    with pytest.raises(ValueError, match=r"must be numbers or strings; got an array of datetime64"):
        serving.client("http://localhost:1", "iris").predict(np.array(["2020-01-01"], "M8[D]"))


@pytest.mark.parametrize("examples", [{"size": 1.0}, np.ones((2, 3)), [1.0], "abc", None])
@pytest.mark.parametrize("ask", ["classify", "regress"])
def test_examples_that_are_none(ask, examples):
    with pytest.raises(ValueError, match=r"`examples` must be a list of dictionaries, .*; got exa"):
        getattr(serving.client("http://localhost:1", "iris"), ask)(examples)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({"a": [1, 2], "b": np.ones((3, 2))}, "got 'a': 2, 'b': 3"),
        ({"a": [1], "b": 2.0}, "got 'a': 1, 'b': no rows. One row is a list of one"),
        ({}, "got nothing"),
    ],
)
def test_columns_of_unequal_length(x, message):
    with pytest.raises(ValueError, match=rf"`x` must hold equally many rows .*; {message}"):
        serving.client("http://localhost:1", "iris").predict(x)


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        url = f"http://localhost:{free.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=r"no server answered at .* Is it running, with"):
            serving.client(url, "iris").status()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "localhost:8501"}, "`url` must start with http:// or https://; got url='localh"),
        ({"name": "a/b"}, "`name` must be the name that the server knows the model by; got"),
        ({"name": ""}, "`name` must be the name"),
        ({"version": 0}, "`version` must be a whole number of at least 1; got version=0"),
        ({"url": "http://[::1"}, r"`url` must be an address \(Invalid IPv6 URL\); got url='http"),
        ({"url": "http://a/v1?x=1"}, "`url` must name a host and a port and nothing else; got url"),
        ({"url": "http://a b"}, "`url` must name a host and a port and nothing else"),
        ({"name": ".."}, "`name` must be the name"),
        ({"name": "\ud800"}, "`name` must be the name"),
        ({"timeout_s": 1e30}, r"`timeout_s` must be a finite number at most 1e\+06; got"),
        ({"timeout_s": 0}, "`timeout_s` must be a finite number above 0; got timeout_s=0"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        serving.client(**({"url": "http://localhost:8501", "name": "iris"} | arguments))


SERVER = shutil.which("tensorflow_model_server")


@pytest.mark.slow
@pytest.mark.skipif(SERVER is None, reason="no tensorflow_model_server on the PATH")
def test_the_real_server(iris, rows):
    model, report = iris
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    path = report.path.parent
    flags = [f"--rest_api_port={port}", "--model_name=iris", f"--model_base_path={path}"]
    process = subprocess.Popen([SERVER, "--port=0", *flags])
    try:
        client = serving.client(f"http://localhost:{port}", "iris")
        for _ in range(100):
            try:
                if client.status() == {1: "AVAILABLE"}:
                    break
            except (ConnectionError, ValueError):
                pass
            time.sleep(0.2)
        expected = model.predict(rows, verbose=0)
        answers = client.predict(rows)
        np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-5)
        results = client.classify([{"features": row} for row in rows])
        scores = [[score for _, score in classes] for classes in results]
        np.testing.assert_allclose(scores, expected, atol=1e-5)
        assert "signature_def" in client.metadata()
    finally:
        process.terminate()
        process.wait()


def test_a_port_that_is_no_number():
    with pytest.raises(ConnectionError, match=r"no server answered at .*: nonnumeric port: 'abc'"):
        serving.client("http://localhost:abc", "iris").predict([[1.0]])
