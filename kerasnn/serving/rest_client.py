"""A client of TensorFlow Serving's REST interface."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.serving import rest_json


class RestClient:
    """Asks a model that TensorFlow Serving serves.

    Bytes go out and come back as the server's `{"b64": ...}`, arrays as lists.

    Args:
        url: Where the server listens, as in `http://localhost:8501`.
        name: The model's name there.
        version: Which version to ask; the default is the server's choice, the newest.
        timeout_s: Seconds to wait for an answer.

    Raises:
        ValueError: If an argument cannot be right.

    Reference:
        https://www.tensorflow.org/tfx/serving/api_rest
    """

    def __init__(
        self, url: str, name: str, *, version: int | None = None, timeout_s: float = 10.0
    ) -> None:
        parts = urllib.parse.urlsplit(url) if isinstance(url, str) else None
        if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
            raise _checks.wrong(
                "url", "start with http:// or https://", url, "As in 'http://localhost:8501'."
            )
        if not isinstance(name, str) or not name or set(name) & set("/:"):
            raise _checks.wrong("name", "be the name that the server knows the model by", name)
        if version is not None:
            _checks.whole_number("version", version)
        _checks.number("timeout_s", timeout_s, above=0)
        self.url, self.name, self.version, self.timeout_s = url, name, version, timeout_s
        place = f"{url.rstrip('/')}/v1/models/{urllib.parse.quote(name)}"
        self._place = place if version is None else f"{place}/versions/{version}"

    def predict(self, x: Any, *, signature: str = "serving_default", columnar: bool = False) -> Any:
        """Returns the answers for rows of a model's inputs.

        Args:
            x: Rows for the one input, or a dictionary of them by input name.
            signature: Which signature to ask.
            columnar: Whether to send, and get, whole arrays by name in place of a list of rows.
                Only that format carries outputs without a batch axis.

        Returns:
            An array where the signature has one output, for that comes without its name, and
            output name -> array where it has several.
        """
        body: dict[str, Any] = {"signature_name": signature}
        if columnar:
            body["inputs"] = x
        else:
            body["instances"] = _rows(x) if isinstance(x, Mapping) else x
            if not _is_list(body["instances"]):
                raise _checks.wrong("x", "be a list or an array of rows", x)
        if columnar:
            return self._ask(":predict", body, "outputs", _arrays)
        return self._ask(":predict", body, "predictions", lambda rows: _arrays(_columns(rows)))

    def classify(
        self, examples: Sequence[Mapping[str, Any]], *, signature: str = "classify"
    ) -> list[list[tuple[str, float]]]:
        """Returns for each example its classes, as pairs of label and score.

        Args:
            examples: Each feature name -> value or flat list. A feature of floats must be given
                floats, for the server takes whole numbers for integers.
            signature: Which signature to ask.
        """
        body = {"signature_name": signature, "examples": _examples(examples)}
        return self._ask(
            ":classify",
            body,
            "results",
            lambda results: [[(label, score) for label, score in row] for row in results],
        )

    def regress(
        self, examples: Sequence[Mapping[str, Any]], *, signature: str = "regress"
    ) -> np.ndarray:
        """Returns one number for each example; for the arguments see `classify`."""
        body = {"signature_name": signature, "examples": _examples(examples)}
        return self._ask(
            ":regress", body, "results", lambda results: np.asarray(results, np.float32)
        )

    def metadata(self) -> dict[str, Any]:
        """Returns what the server knows of the model's signatures."""
        return self._ask("/metadata", None, "metadata", dict)

    def status(self) -> dict[int, str]:
        """Returns version number -> state, which is `AVAILABLE` once the version answers."""
        return self._ask(
            "",
            None,
            "model_version_status",
            lambda versions: {int(version["version"]): version["state"] for version in versions},
        )

    def _ask(self, ending: str, body: Any, key: str, read: Callable[[Any], Any]) -> Any:
        """Returns what `read` makes of the answer's value under `key`."""
        address = self._place + ending
        data = None if body is None else _written(body)
        request = urllib.request.Request(
            address, data, {"Content-Type": "application/json"} if data else {}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            with error:
                said = _error(error.read())
            raise ValueError(
                f"the server at {address} answered {error.code} {error.reason}: {said}"
            ) from None
        except TimeoutError:
            raise TimeoutError(self._late(address)) from None
        # An answer that is cut off, or a port that is no number, is no OSError.
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise TimeoutError(self._late(address)) from None
            raise ConnectionError(
                f"no server answered at {address}: {reason}. Is it running, with its "
                "--rest_api_port in `url`?"
            ) from None
        try:
            return read(rest_json.decode(json.loads(text)[key]))
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"the server at {address} must answer in TensorFlow Serving's JSON, with "
                f"{key!r}; got {text[:200]!r}. Another program may listen there: TensorFlow "
                "Serving's REST port is 8501 by default, and 8500 is its gRPC port."
            ) from None

    def _late(self, address: str) -> str:
        return (
            f"the server at {address} gave no answer within timeout_s={self.timeout_s:g} seconds."
        )


def _is_list(value: Any) -> bool:
    is_sized = hasattr(value, "__len__") and getattr(value, "ndim", 1) > 0
    return is_sized and not isinstance(value, (str, bytes, Mapping))


def _rows(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    counts = {name: len(c) if _is_list(c) else "no rows" for name, c in columns.items()}
    if "no rows" in counts.values() or len(set(counts.values())) != 1:
        found = ", ".join(f"{name!r}: {count}" for name, count in counts.items())
        raise ValueError(
            f"`x` must hold equally many rows for each input, by name; got {found or 'nothing'}. "
            "One row is a list of one."
        )
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _columns(rows: Any) -> Any:
    """Returns an answer's rows as output name -> list, where they have names."""
    if not len(rows) or not isinstance(rows[0], dict):
        return rows
    return {key: [row[key] for row in rows] for key in rows[0]}


def _examples(examples: Any) -> list[dict[str, Any]]:
    is_several = isinstance(examples, Iterable) and not isinstance(examples, (str, bytes, Mapping))
    listed: list[Any] = list(examples) if is_several else [None]
    if not all(isinstance(example, Mapping) for example in listed):
        raise _checks.wrong(
            "examples",
            "be a list of dictionaries, feature name -> value or list",
            examples,
            "One example is a list of one; rows of numbers are `[{'features': row} for row in x]`.",
        )
    return [_example(example) for example in listed]


def _example(features: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: np.ravel(value) if isinstance(value, (np.ndarray, list, tuple)) else value
        for name, value in features.items()
    }


def _arrays(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _arrays(value) for name, value in answer.items()}
    array = np.asarray(answer)
    # NumPy's own strings of bytes drop zeros at their ends.
    return np.asarray(answer, object) if array.dtype.kind == "S" else array


def _error(text: bytes) -> str:
    """Returns the server's words, which it puts into JSON."""
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text[:200].decode(errors="replace")


def _written(body: Any) -> bytes:
    try:
        return json.dumps(rest_json.encode(body)).encode()
    except TypeError as error:
        raise ValueError(
            f"what is sent must be numbers, strings, bytes, arrays, or lists and dicts of them: "
            f"{error}."
        ) from None
