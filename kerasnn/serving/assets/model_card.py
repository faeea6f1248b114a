"""Model card of a version: `model_card.json`."""

import datetime
import hashlib
import math
import pathlib
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._version import __version__
from kerasnn.serving.assets import example_requests
from kerasnn.serving.graph import tables
from kerasnn.serving.graph.labels import Labels
from kerasnn.serving.graph.traced import Traced
from kerasnn.serving.publishing import server_files
from kerasnn.serving.runtime.recorded_examples import Arrays
from kerasnn.serving.runtime.verification import TOLERANCE, Verification
from kerasnn.serving.signatures import Signature

# Body of a request for the classes of an image file, for `printf`, which the shell has built in: a
# command of its own would take no long argument.
_FILE = '{"signature_name": "image_bytes", "instances": [{"b64": "%s"}]}'


def make(
    traced: Traced,
    directory: pathlib.Path,
    path: pathlib.Path,
    *,
    rows: Arrays,
    signatures: Mapping[str, Signature],
    resize: str | None,
    requests: Mapping[str, Arrays],
    labels: Labels | None,
    batch_sizes: Sequence[int],
    verification: Verification | None,
) -> dict[str, Any]:
    """Returns the card, of values that JSON can hold.

    Args:
        traced: The exported model's inference.
        directory: The SavedModel.
        path: Directory of the versions.
        rows: Rows of the program's inputs, of which the first is the example.
        signatures: Signature name -> signature.
        resize: How `image_bytes` resizes images; None without that signature.
        requests: Signature name -> rows of a request.
        labels: Names of the classes, if there are any.
        batch_sizes: Batch sizes that the server warms up with.
        verification: Differences from the model's predictions, if it was verified.
    """
    model = traced.model
    name = server_files.model_name(path)
    return {
        "name": name,
        "model": {
            "name": model.name,
            "class": f"{type(model).__module__}.{type(model).__qualname__}",
            "parameters": model.count_params(),
            "weights_sha256": {
                str(file.relative_to(directory)): _sha256(file)
                for file in sorted(directory.glob("variables/variables.data-*"))
            },
        },
        "labels": None if labels is None else labels.names,
        "table": tables.described(traced.encoder, traced.inputs, rows),
        "signatures": {key: _schema(signature) for key, signature in signatures.items()},
        "resize": resize,
        "batch_sizes": list(batch_sizes),
        "training": _training(model),
        "verification": None if verification is None else _verification(verification),
        "requests": example_requests.examples(
            name, signatures, requests, is_table=traced.encoder is not None
        ),
        "serve": server_files.commands(path),
        "versions": {
            "python": platform.python_version(),
            "kerasnn": __version__,
            **{module.__name__: module.__version__ for module in (keras, tf, np)},
        },
        "exported": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def shown_request(card: Mapping[str, Any]) -> str:
    """Returns a request for curl to show, or nothing where all are too long to be in the card.

    That of images sends a file, which the shell reads: in the card are its bytes.
    """
    if "image_bytes" in card["signatures"]:
        url = f"http://localhost:8501/v1/models/{card['name']}:predict"
        return f"printf '{_FILE}' \"$(base64 < image.jpg | tr -d '\\n')\" | curl -d @- {url}"
    curl = card["requests"]["curl"]
    first = ["serving_default"] if "serving_default" in curl else []
    return next((curl[name] for name in (*first, *curl)), "")


def _sha256(file: pathlib.Path) -> str:
    with file.open("rb") as contents:
        return hashlib.file_digest(contents, "sha256").hexdigest()


def _schema(signature: Signature) -> dict[str, Any]:
    return {
        "method": signature.method,
        "inputs": _tensors(signature.inputs),
        "outputs": _tensors(signature.outputs),
    }


def _tensors(specs: Mapping[str, tf.TensorSpec]) -> dict[str, Any]:
    return {
        name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
        for name, spec in specs.items()
    }


def _training(model: keras.Model) -> dict[str, Any] | None:
    """Returns a summary of the last training, if the model was trained in this process."""
    history = getattr(model, "history", None)
    if history is None or not history.epoch:
        return None
    return {
        "epochs": len(history.epoch),
        "last_epoch": {
            name: _plain(_number_or_list(values[-1]))
            for name, values in history.history.items()
            if len(values)
        },
        "optimizer": type(model.optimizer).__name__,
        "loss": _loss(model.loss),
    }


def _number_or_list(value: Any) -> Any:
    array = np.asarray(value)
    return array.item() if array.size == 1 else array.tolist()


def _plain(value: Any) -> Any:
    """Returns a logged value as JSON can hold it; it has only finite numbers."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def _loss(loss: Any) -> Any:
    if isinstance(loss, Mapping):
        return {name: _loss(part) for name, part in loss.items()}
    if isinstance(loss, (list, tuple)):
        return [_loss(part) for part in loss]
    if loss is None or isinstance(loss, str):
        return loss
    return getattr(loss, "__name__", type(loss).__name__)


def _verification(verification: Verification) -> dict[str, Any]:
    return {
        "largest_difference": verification.largest_difference,
        "tolerance": TOLERANCE,
        "differences": verification.differences,
        "batch_sizes": verification.batch_sizes,
        "latency_ms": verification.latency_ms,
    }
