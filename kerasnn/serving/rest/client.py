"""A client of TensorFlow Serving's REST interface."""

import json
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.serving.rest import features, json_values, transport

# Longer than anybody waits, and still a time to every system.
_LONGEST_S = 1e6


class RestClient:
    """Asks a model that TensorFlow Serving serves.

    Bytes go out and come back as the server's `{"b64": ...}`, arrays as lists.

    Args:
        url: Where the server listens, as in `http://localhost:8501`.
        name: The model's name there.
        version: Which version to ask; the default is the server's choice, the newest.
        timeout_s: Seconds to wait for the whole answer.

    Raises:
        ValueError: If an argument cannot be right.

    Reference:
        https://www.tensorflow.org/tfx/serving/api_rest
    """

    def __init__(
        self, url: str, name: str, *, version: int | None = None, timeout_s: float = 10.0
    ) -> None:
        rule = _broken_rule(url)
        if rule is not None:
            raise _checks.InvalidArgument("url", rule, url, "As in 'http://localhost:8501'.")
        if not _is_name(name):
            raise _checks.InvalidArgument(
                "name", "be the name that the server knows the model by", name
            )
        if version is not None:
            _checks.whole_number("version", version)
        _checks.number("timeout_s", timeout_s, above=0)
        _checks.number("timeout_s", timeout_s, at_most=_LONGEST_S)
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
        body: dict[str, Any] = {"signature_name": _signature(signature)}
        if columnar:
            body["inputs"] = x
        else:
            body["instances"] = _rows(x) if isinstance(x, Mapping) else json_values.python(x)
            if not _is_list(body["instances"]):
                raise _checks.InvalidArgument("x", "be a list or an array of rows", x)
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
        body = {
            "signature_name": _signature(signature),
            "examples": features.examples(examples),
        }
        return self._ask(
            ":classify",
            body,
            "results",
            lambda results: [
                [(label, score) for label, score in _listed(row)] for row in _listed(results)
            ],
        )

    def regress(
        self, examples: Sequence[Mapping[str, Any]], *, signature: str = "regress"
    ) -> np.ndarray:
        """Returns one number for each example; for the arguments see `classify`."""
        body = {
            "signature_name": _signature(signature),
            "examples": features.examples(examples),
        }
        return self._ask(":regress", body, "results", _numbers)

    def metadata(self) -> dict[str, Any]:
        """Returns what the server knows of the model's signatures."""
        return self._ask("/metadata", None, "metadata", dict)

    def status(self) -> dict[int, str]:
        """Returns version number -> state, which is `AVAILABLE` once the version answers."""
        return self._ask(
            "",
            None,
            "model_version_status",
            lambda versions: {int(v["version"]): v["state"] for v in _listed(versions)},
        )

    def _ask(self, ending: str, body: Any, key: str, read: Callable[[Any], Any]) -> Any:
        """Returns what `read` makes of the answer's value under `key`."""
        address = self._place + ending
        data = None if body is None else _written(body)
        text = transport.fetch(address, data, self.timeout_s)
        try:
            return read(json_values.decode(json.loads(text)[key]))
        except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError):
            raise ValueError(
                f"the server at {address} must answer in TensorFlow Serving's JSON, with "
                f"{key!r}; got {text[:200]!r}. Another program may listen there: TensorFlow "
                "Serving's REST port is 8501 by default, and 8500 is its gRPC port."
            ) from None


def _broken_rule(url: Any) -> str | None:
    """Returns what an address must do and `url` does not, if there is anything."""
    try:
        parts = urllib.parse.urlsplit(url) if isinstance(url, str) else None
    except ValueError as error:
        return f"be an address ({error})"
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        return "start with http:// or https://"
    if parts.path.strip("/") or set(url) & set("?#") or " " in url or not url.isprintable():
        return "name a host and a port and nothing else"
    return None


def _is_name(name: Any) -> bool:
    is_text = isinstance(name, str) and name == name.encode(errors="ignore").decode()
    return is_text and name not in ("", ".", "..") and not set(name) & set("/:")


def _signature(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise _checks.InvalidArgument("signature", "be the name of a signature", name)
    return name


def _is_list(value: Any) -> bool:
    is_sized = hasattr(value, "__len__") and getattr(value, "ndim", 1) > 0
    return is_sized and not isinstance(value, (str, bytes, Mapping))


def _rows(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = {name: json_values.python(column) for name, column in given.items()}
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
    if not _listed(rows) or not isinstance(rows[0], dict):
        return rows
    if any(not isinstance(row, dict) or row.keys() != rows[0].keys() for row in rows):
        raise KeyError("rows of other outputs")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _numbers(results: Any) -> np.ndarray:
    with np.errstate(over="raise"):
        return np.asarray(_listed(results), np.float32)


def _arrays(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _arrays(value) for name, value in answer.items()}
    array = np.asarray(answer)
    # NumPy's own strings of bytes drop zeros at their ends.
    return np.asarray(answer, object) if array.dtype.kind == "S" else array


def _written(body: Any) -> bytes:
    try:
        return json.dumps(json_values.encode(body)).encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(
            f"what is sent must be numbers, strings, bytes, arrays, or lists and dicts of them: "
            f"{error}."
        ) from None
