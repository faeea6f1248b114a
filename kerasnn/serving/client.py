"""Client of TensorFlow Serving's REST interface."""

import json
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import requests

from kerasnn import _checks
from kerasnn._core import raw_rows
from kerasnn._core.raw_rows import Tensor
from kerasnn.serving import _json_values
from kerasnn.serving.runtime import c_library, raw_columns

# TensorFlow's names of the types that JSON can send to a column.
_DTYPES = {
    "DT_FLOAT": np.float32,
    "DT_DOUBLE": np.float64,
    "DT_INT32": np.int32,
    "DT_INT64": np.int64,
    "DT_BOOL": np.bool_,
    "DT_STRING": object,
}


class Client:
    """Sends requests to a model that TensorFlow Serving serves.

    Bytes are sent and received as the server's `{"b64": ...}`, arrays as lists.

    Args:
        url: Address of the server, as in `http://localhost:8501`.
        name: The server's name of the model.
        version: Version of the model; the default is the server's choice, the newest.
        timeout_s: Seconds to wait for the connection, and then for each part of the response.

    Raises:
        InvalidArgument: If an argument is invalid.

    Example:
        >>> Client("http://localhost:8501", "iris", version=2).version
        2

    Reference:
        https://www.tensorflow.org/tfx/serving/api_rest
    """

    def __init__(
        self, url: str, name: str, *, version: int | None = None, timeout_s: float = 10.0
    ) -> None:
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            hint = "As in 'http://localhost:8501'."
            raise _checks.InvalidArgument("url", "start with http:// or https://", url, hint)
        if not _is_name(name):
            raise _checks.InvalidArgument("name", "be the server's name of the model", name)
        if version is not None:
            _checks.integer("version", version)
        _checks.number("timeout_s", timeout_s, above=0)
        self.url, self.name, self.version, self.timeout_s = url, name, version, timeout_s
        address = f"{url.rstrip('/')}/v1/models/{urllib.parse.quote(name)}"
        # Signature -> what the server said of its columns; a version's never change.
        self._tables: dict[str, dict[str, Tensor] | None] = {}
        self._address = address if version is None else f"{address}/versions/{version}"

    def predict(self, x: Any, *, signature: str = "serving_default", columnar: bool = False) -> Any:
        """Returns the outputs for rows of a model's inputs.

        Args:
            x: Rows for the one input, or a dictionary of them by input name. A model that was
                exported with an encoder takes rows of its table, with the columns in any order: a
                dictionary of columns, a list of dictionaries, or a frame of pandas, polars or
                pyarrow. There None and NaN are missing values; booleans, dates, and numbers in a
                column of text become text. For rows with names the server is asked for the types
                of the columns first; with `version`, once.
            signature: Name of the signature.
            columnar: Whether to send, and get, whole arrays by name in place of a list of rows.
                Outputs without a batch axis need this format.

        Returns:
            An array where the signature has one output, which the server sends without its name,
            and output name -> array where it has several.

        Raises:
            InvalidArgument: If `x` cannot be sent; if a column is missing or unknown, infinite, or
                of another kind.
            TimeoutError: If the server does not respond in time.
            ConnectionError: If there is no server.
            ValueError: If the server reports an error, in its own words. Those of an encoder name
                the column, and the row, which counts from 0 in the server's batch.
        """
        body: dict[str, Any] = {"signature_name": signature}
        if isinstance(x, Mapping) and not columnar:
            _check_counts(x)
        if raw_rows.have_names(x):
            x = self._columns(x, signature)
        if columnar:
            return self._send(":predict", body | {"inputs": x}, "outputs", _arrays)
        instances = _rows(x) if isinstance(x, Mapping) else _json_values.as_lists(x)
        if not isinstance(instances, (list, tuple)):
            raise _checks.InvalidArgument("x", "be a list or an array of rows", x)
        body["instances"] = instances
        return self._send(":predict", body, "predictions", lambda rows: _arrays(_columns(rows)))

    def classify(
        self, examples: Sequence[Mapping[str, Any]], *, signature: str = "classify"
    ) -> list[list[tuple[str, float]]]:
        """Returns for each example its classes, as pairs of label and score.

        Args:
            examples: Each feature name -> value or array. A feature of floats must be given
                floats, because the server reads integers as int64.
            signature: Name of the signature.

        Raises:
            InvalidArgument: If `examples` is not a list of dictionaries.
            TimeoutError, ConnectionError, ValueError: As in `predict`.
        """
        body = {"signature_name": signature, "examples": _examples(examples)}
        return self._send(
            ":classify",
            body,
            "results",
            lambda results: [[(label, score) for label, score in row] for row in results],
        )

    def regress(
        self, examples: Sequence[Mapping[str, Any]], *, signature: str = "regress"
    ) -> np.ndarray:
        """Returns one number for each example; for arguments and errors see `classify`."""
        body = {"signature_name": signature, "examples": _examples(examples)}
        return self._send(
            ":regress", body, "results", lambda results: np.asarray(results, np.float32)
        )

    def metadata(self) -> dict[str, Any]:
        """Returns the server's description of the model's signatures."""
        return self._send("/metadata", None, "metadata", dict)

    def status(self) -> dict[int, str]:
        """Returns version number -> state, which is `AVAILABLE` once the version is served."""
        return self._send(
            "",
            None,
            "model_version_status",
            lambda versions: {int(v["version"]): v["state"] for v in versions},
        )

    def _columns(self, x: Any, signature: str) -> Any:
        """Returns rows of a table as column name -> array, and rows for other models as they are.

        TensorFlow Serving reads NaN, but no null; text must be sent for a column of text; and an
        integer beyond 2**24 is refused for float32 unless it has a decimal point.
        """
        table = self._tables.get(signature)
        if signature not in self._tables:
            signatures = self._send("/metadata", None, "metadata", _signatures)
            table = _table(signatures.get(signature))
            if self.version is not None:
                self._tables[signature] = table
        return x if table is None else raw_rows.columns_of(x, table)

    def _send(self, ending: str, body: Any, key: str, read: Callable[[Any], Any]) -> Any:
        """Returns the value under `key` of the response, converted by `read`."""
        address = self._address + ending
        try:
            if body is None:
                response = requests.get(address, timeout=self.timeout_s)
            else:
                response = requests.post(
                    address,
                    data=_json(body),
                    headers={"Content-Type": "application/json"},
                    timeout=self.timeout_s,
                )
        except requests.Timeout:
            raise TimeoutError(
                f"the server at {address} did not respond within timeout_s={self.timeout_s:g}."
            ) from None
        except requests.RequestException as error:
            raise ConnectionError(
                f"no server responded at {address}: {error}. Is it running, with its "
                "--rest_api_port in `url`?"
            ) from error
        if not response.ok:
            raise ValueError(
                f"the server at {address} responded {response.status_code} {response.reason}: "
                f"{_reported(response)}"
            )
        try:
            return read(_json_values.decode(response.json()[key]))
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
            raise ValueError(
                f"the server at {address} must respond in TensorFlow Serving's JSON, with "
                f"{key!r}; got {response.text[:200]!r}. Another program may listen there: "
                "TensorFlow Serving's REST port is 8501 by default, and 8500 is its gRPC port."
            ) from None


def client(url: str, name: str, *, version: int | None = None, timeout_s: float = 10.0) -> Client:
    """Returns a client of TensorFlow Serving's REST interface; see `Client`.

    Example:
        >>> iris = client("http://localhost:8501", "iris")
        >>> iris.predict([[5.1, 3.5, 1.4, 0.2]])  # doctest: +SKIP
        {'probabilities': array([[0.98, 0.02, 0.  ]]), 'labels': array(['setosa'], dtype='<U6')}
    """
    return Client(url, name, version=version, timeout_s=timeout_s)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/:")


def _signatures(metadata: Any) -> dict[str, Any]:
    return metadata["signature_def"]["signature_def"]


def _table(signature: Any) -> dict[str, Tensor] | None:
    """Returns column name -> type of a signature in a server's metadata; None for no table."""
    inputs = {} if signature is None else signature["inputs"]
    if not inputs or not raw_columns.are_columns(entry["name"] for entry in inputs.values()):
        return None
    return {
        name: Tensor(
            dtype=np.dtype(_DTYPES[entry["dtype"]]),
            # JSON has the sizes as strings.
            shape=(None, *(int(dim["size"]) for dim in entry["tensor_shape"]["dim"][1:])),
        )
        for name, entry in inputs.items()
    }


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    lists = {name: _json_values.as_lists(column) for name, column in columns.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _check_counts(given: Mapping[str, Any]) -> None:
    counts = {
        name: len(column) if _is_several(column) else "no rows" for name, column in given.items()
    }
    if "no rows" in counts.values() or len(set(counts.values())) != 1:
        raise _checks.InvalidArgument(
            "x",
            "hold equally many rows for each input, by name",
            given,
            "One row is a list of one.",
            got=", ".join(f"{name!r}: {count}" for name, count in counts.items()) or "nothing",
        )


def _is_several(column: Any) -> bool:
    is_one = isinstance(column, (str, bytes, Mapping)) or getattr(column, "ndim", 1) == 0
    return hasattr(column, "__len__") and not is_one


def _examples(given: Any) -> list[dict[str, Any]]:
    """Returns each example as feature name -> value or flat list."""
    is_several = isinstance(given, Iterable) and not isinstance(given, (str, bytes, Mapping))
    listed: list[Any] = list(given) if is_several else [None]
    if not all(isinstance(example, Mapping) for example in listed):
        raise _checks.InvalidArgument(
            "examples",
            "be a list of dictionaries, feature name -> value or list",
            given,
            "One example is a list of one; rows of numbers are `[{'features': row} for row in x]`.",
        )
    return [{name: _feature(value) for name, value in example.items()} for example in listed]


def _feature(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind in "SUO":
        # NumPy's own strings drop zeros at their ends.
        array = np.asarray(value, object)
    return _json_values.as_lists(array.ravel()) if array.ndim else value


def _columns(rows: Any) -> Any:
    """Returns the rows of a response as output name -> list, where they have names."""
    if not isinstance(rows, list):
        raise TypeError("not a list")
    if not rows or not isinstance(rows[0], dict):
        return rows
    if any(row.keys() != rows[0].keys() for row in rows):
        raise KeyError("rows with different outputs")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _arrays(item) for name, item in value.items()}
    array = np.asarray(value)
    # NumPy's own strings of bytes drop zeros at their ends.
    return np.asarray(value, object) if array.dtype.kind == "S" else array


def _json(body: Any) -> bytes:
    try:
        return json.dumps(_json_values.encode(body)).encode()
    except (TypeError, RecursionError) as error:
        raise _checks.InvalidArgument(
            "x",
            "hold numbers, strings, bytes, arrays, or lists and dicts of them",
            body,
            got=str(error),
        ) from None


def _reported(response: requests.Response) -> str:
    """Returns the server's error text, which it puts into JSON."""
    try:
        return c_library.readable(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
