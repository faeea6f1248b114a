"""TensorFlow Serving's REST interface, against a small local server."""

import base64
import http.server
import json
import socket
import threading

import numpy as np
import pandas as pd
import polars as pl
import pytest
import tensorflow as tf

from kerasnn import serving

NOBODY = "http://localhost:1"
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


def metadata(**inputs):
    """What a server says of `serving_default`: name -> type, shape and tensor of each input."""
    entries = {
        name: {
            "dtype": dtype,
            "tensor_shape": {
                "dim": [{"size": str(size), "name": ""} for size in shape],
                "unknown_rank": False,
            },
            "name": tensor,
        }
        for name, (dtype, shape, tensor) in inputs.items()
    }
    signatures = {"serving_default": {"inputs": entries, "outputs": {}, "method_name": ""}}
    return 200, {"model_spec": {}, "metadata": {"signature_def": {"signature_def": signatures}}}


SCALARS = metadata(
    size=("DT_FLOAT", [-1], "serving_default_size:0"),
    word=("DT_STRING", [-1], "serving_default_word:0"),
)
TABLE = metadata(
    **{
        "km/h": ("DT_FLOAT", [-1], "serving_default_kerasnn_column_0:0"),
        "it's": ("DT_STRING", [-1], "serving_default_kerasnn_column_1:0"),
    }
)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.respond(None)

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.respond(json.loads(self.rfile.read(length)))

    def respond(self, body):
        self.server.received.append((self.path, body))
        code, response = self.server.responses[self.path.rpartition("/models/")[2]]
        if code is None:
            # No response, until the test ends.
            self.server.ended.wait()
            return
        text = response if isinstance(response, bytes) else json.dumps(response).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def listening():
    with http.server.ThreadingHTTPServer(("localhost", 0), Handler) as server:
        server.url = f"http://localhost:{server.server_port}"
        server.ended = threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def server(listening):
    """Sends what its `responses` hold for a path, and notes what was `received`."""
    listening.responses, listening.received = {}, []
    return listening


def test_texts_for_a_model_of_texts(server):
    server.responses["texts:predict"] = (200, {"predictions": ["good", "bad"]})
    outputs = serving.client(server.url, "texts").predict(["A good film", "Ärger"])
    assert list(outputs) == ["good", "bad"]
    [(_, body)] = server.received
    assert body["instances"] == ["A good film", "Ärger"]


def test_rows_in_a_list(server):
    server.responses["iris:predict"] = (200, {"predictions": [[0.25, 0.75], [1, 0]]})
    outputs = serving.client(server.url, "iris").predict(np.array([[1, 2], [3, 4.5]]))
    np.testing.assert_array_equal(outputs, [[0.25, 0.75], [1, 0]])
    body = {"signature_name": "serving_default", "instances": [[1.0, 2.0], [3.0, 4.5]]}
    assert server.received == [("/v1/models/iris:predict", body)]


def test_rows_by_name_with_several_outputs(server):
    rows = [{"p": [0.5, 0.5], "labels": "ant"}, {"p": [0.1, 0.9], "labels": "bee"}]
    server.responses |= {"iris:predict": (200, {"predictions": rows}), "iris/metadata": SCALARS}
    outputs = serving.client(server.url + "/", "iris").predict(
        {"size": np.array([1, 2]), "word": ["a", "b"]}, signature="other"
    )
    assert outputs["labels"].tolist() == ["ant", "bee"]
    assert outputs["p"].tolist() == [[0.5, 0.5], [0.1, 0.9]]
    [_, (_, body)] = server.received
    assert body == {
        "signature_name": "other",
        "instances": [{"size": 1, "word": "a"}, {"size": 2, "word": "b"}],
    }


def test_columns(server):
    outputs = {"outputs": {"p": [[0.5], [0.1]], "file_bytes": [{"b64": "R0lG"}, {"b64": "AA=="}]}}
    server.responses |= {
        "iris/versions/2:predict": (200, outputs),
        "iris/versions/2/metadata": SCALARS,
    }
    client = serving.client(server.url, "iris", version=2)
    found = client.predict({"size": [1, 2]}, columnar=True)
    assert found["p"].tolist() == [[0.5], [0.1]]
    assert found["file_bytes"].tolist() == [b"GIF", b"\0"]
    [_, (path, body)] = server.received
    assert path == "/v1/models/iris/versions/2:predict"
    assert body == {"signature_name": "serving_default", "inputs": {"size": [1, 2]}}


@pytest.mark.parametrize("files", [[b"GIF", b"\0"], np.array([b"GIF", b"\0x"], object)])
def test_bytes_are_sent_as_base64(files, server):
    server.responses["photos:predict"] = (200, {"predictions": [1, 2]})
    serving.client(server.url, "photos").predict(files, signature="image_bytes")
    [(_, body)] = server.received
    assert [base64.b64decode(row.pop("b64")) for row in body["instances"]] == list(files)
    assert body["instances"] == [{}, {}]


def test_classify_and_regress(server):
    scores = [[["ant", 0.9], ["bee", 0.1]], [["ant", 0.5], ["bee", 0.5]]]
    server.responses["iris:classify"] = (200, {"results": scores})
    server.responses["iris:regress"] = (200, {"results": [1.5, -2]})
    client = serving.client(server.url, "iris")
    examples = [{"size": np.array([[1.5, 2.0]], "float32"), "word": b"a"}, {"size": 1.0}]
    assert client.classify(examples)[0] == [("ant", 0.9), ("bee", 0.1)]
    assert client.regress(examples).tolist() == [1.5, -2.0]
    sent = [{"size": [1.5, 2.0], "word": {"b64": "YQ=="}}, {"size": 1.0}]
    assert server.received == [
        ("/v1/models/iris:classify", {"signature_name": "classify", "examples": sent}),
        ("/v1/models/iris:regress", {"signature_name": "regress", "examples": sent}),
    ]


def test_features_are_flat_lists(server):
    server.responses["iris:regress"] = (200, {"results": [0]})
    features = {
        "file": [b"BM\0\0", "a\0"],
        "mixed": [1, 2.5],
        "integers": [[1, 2], [3, 4]],
        "array": np.array([b"\0"], object),
        "tensor": tf.constant([1.5]),
    }
    serving.client(server.url, "iris").regress([features])
    [(_, body)] = server.received
    assert body["examples"] == [
        {
            "file": [{"b64": "Qk0AAA=="}, "a\0"],
            "mixed": [1.0, 2.5],
            "integers": [1, 2, 3, 4],
            "array": [{"b64": "AA=="}],
            "tensor": [1.5],
        }
    ]
    # The server takes a list of integers and floats for a mistake.
    assert isinstance(body["examples"][0]["mixed"][0], float)


def test_tables_of_pandas_are_sent_as_their_values(server):
    server.responses |= {"iris:predict": (200, {"predictions": [0, 0]}), "iris/metadata": SCALARS}
    table = pd.DataFrame({"a": [1.5, 2.5], "b": [3, 4]}, index=[7, 8])
    client = serving.client(server.url, "iris")
    client.predict({"size": table, "word": table["a"]})
    client.predict(table)
    by_name, rows = [body["instances"] for _, body in server.received if body]
    assert by_name == [{"size": [1.5, 3.0], "word": 1.5}, {"size": [2.5, 4.0], "word": 2.5}]
    assert rows == [[1.5, 3.0], [2.5, 4.0]]


@pytest.mark.parametrize(
    "rows",
    [
        {"it's": [True, None], "km/h": [20000000, None]},
        [{"km/h": 2e7, "it's": "True"}, {"it's": None, "km/h": np.nan}],
        pd.DataFrame({"it's": ["True", None], "km/h": [20000000, None]}),
        pl.DataFrame({"km/h": [20000000, None], "it's": [True, None]}),
    ],
    ids=["columns", "rows", "pandas", "polars"],
)
def test_rows_of_a_table(rows, server):
    server.responses |= {"iris:predict": (200, {"predictions": [0, 1]}), "iris/metadata": TABLE}
    assert serving.client(server.url, "iris").predict(rows).tolist() == [0, 1]
    [(path, _), (_, body)] = server.received
    assert path == "/v1/models/iris/metadata"
    first, second = body["instances"]
    # TensorFlow Serving refuses the integer 20000000 for float32, which has no such digits.
    assert first == {"km/h": 2e7, "it's": "True"}
    assert isinstance(first["km/h"], float)
    assert second["it's"] == ""
    assert np.isnan(second["km/h"])


def test_columns_of_a_table_in_one_version(server):
    server.responses |= {
        "iris/versions/2:predict": (200, {"outputs": [0, 1]}),
        "iris/versions/2/metadata": TABLE,
    }
    client = serving.client(server.url, "iris", version=2)
    for _ in range(2):
        client.predict({"it's": ["a", "b"], "km/h": [1, 2]}, columnar=True)
    # The types of a version are asked for once.
    assert [path.rpartition("/")[2] for path, _ in server.received] == [
        *("metadata", "2:predict", "2:predict")
    ]
    assert server.received[1][1]["inputs"] == {"km/h": [1.0, 2.0], "it's": ["a", "b"]}


@pytest.mark.parametrize(
    ("rows", "argument"),
    [
        ([{"km/h": 1}], "x"),
        ([{"km/h": 1, "its": "a"}], "x"),
        ({"km/h": ["1"], "it's": ["a"]}, "km/h"),
        ({"km/h": [np.inf], "it's": ["a"]}, "km/h"),
    ],
)
def test_rows_that_are_not_of_the_table(rows, argument, server, invalid):
    server.responses["iris/metadata"] = TABLE
    with invalid(argument):
        serving.client(server.url, "iris").predict(rows)


def test_what_an_encoder_refuses(server):
    text = (
        "2 root error(s) found.\n  (0) INVALID_ARGUMENT: assertion failed: [`it\\'s` must hold "
        "true or false; got \\'b\\' in row 1]\n\t [[{{node a/Assert}}]]\n  (1) ..."
    )
    server.responses |= {"iris:predict": (400, {"error": text}), "iris/metadata": TABLE}
    with pytest.raises(ValueError, match=r"400 Bad Request: `it's` must .* got 'b' in row 1$"):
        serving.client(server.url, "iris").predict({"km/h": [1, None], "it's": ["a", "b"]})


def test_metadata_and_status(server):
    server.responses |= {"iris/metadata": (200, METADATA), "iris": (200, STATUS)}
    client = serving.client(server.url, "iris")
    assert client.metadata() == METADATA["metadata"]
    assert client.status() == {3: "AVAILABLE", 2: "END"}
    assert server.received == [("/v1/models/iris/metadata", None), ("/v1/models/iris", None)]


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"error": "Servable not found for request: Latest(wine)"}, "404 Not Found: Servable not"),
        (b"<html>no such page", "404 Not Found: <html>no such page"),
    ],
)
def test_an_error_of_the_server_is_reported_in_its_own_words(response, text, server):
    server.responses["wine:predict"] = (404, response)
    with pytest.raises(ValueError, match="wine:predict responded") as caught:
        serving.client(server.url, "wine").predict([[1.0]])
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("predict", b"<html>"),
        ("predict", b'{"results": []}'),
        ("predict", b"[]"),
        ("predict", b"\xff"),
        ("predict", {"predictions": None}),
        ("predict", {"predictions": [{"p": 1}, {"q": 1}]}),
        ("predict", b'{"predictions": ' + b"[" * 99999 + b"]" * 99999 + b"}"),
        ("classify", {"results": [[1, 2]]}),
        ("regress", {"results": ["x"]}),
    ],
)
def test_a_response_of_another_program(method, response, server):
    server.responses |= {f"iris:{method}": (200, response), "iris/metadata": SCALARS}
    with pytest.raises(ValueError, match="must respond in TensorFlow Serving's JSON, with '"):
        getattr(serving.client(server.url, "iris"), method)([{"size": 1.0}])


def test_a_server_that_does_not_respond(server):
    server.responses["iris:predict"] = (None, None)
    client = serving.client(server.url, "iris", timeout_s=0.05)
    with pytest.raises(TimeoutError, match=r"did not respond within timeout_s=0\.05"):
        client.predict([[1.0]])


def test_a_port_without_a_server():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        url = f"http://localhost:{free.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=r"no server responded at .* Is it running, with"):
            serving.client(url, "iris").status()


@pytest.mark.parametrize("url", ["http://localhost:abc", "http://[::1"])
def test_an_address_that_cannot_be(url):
    with pytest.raises(ConnectionError, match="no server responded at http://"):
        serving.client(url, "iris").predict([[1.0]])


@pytest.mark.parametrize("x", [None, 3, "abc", np.array(3), {}, {"a": [1], "b": 2.0}])
def test_x_that_is_no_rows(x, invalid):
    with invalid("x"):
        serving.client(NOBODY, "iris").predict(x)


def test_columns_of_unequal_length(invalid):
    x = {"a": [1, 2], "b": np.ones((3, 2))}
    with invalid("x", value=x):
        serving.client(NOBODY, "iris").predict(x)


def test_values_that_cannot_be_sent(invalid):
    client = serving.client(NOBODY, "iris")
    masked = np.ma.masked_array([[1.0, 2.0]], [[0, 1]])
    with pytest.raises(ValueError, match="masked"):
        client.predict(masked)
    for x in ([{1.0}], np.array(["2020-01-01"], "M8[D]")):
        with invalid("x"):
            client.predict(x)
    for examples in ({"size": 1.0}, np.ones((2, 3)), "abc", None):
        with invalid("examples", value=examples):
            client.classify(examples)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("url", "localhost:8501"),
        ("name", "a/b"),
        ("name", ""),
        ("name", ".."),
        ("version", 0),
        ("timeout_s", 0),
    ],
)
def test_arguments_that_cannot_be(argument, value, invalid):
    with invalid(argument, value=value):
        serving.client(**({"url": NOBODY, "name": "iris"} | {argument: value}))
