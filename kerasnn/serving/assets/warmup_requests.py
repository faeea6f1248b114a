"""Warm-up requests, which TensorFlow Serving runs before it serves a version."""

import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn._checks.errors import InvalidArgument
from kerasnn.serving.runtime import protos
from kerasnn.serving.runtime.recorded_examples import Arrays
from kerasnn.serving.signatures import Signature

# Where TensorFlow Serving looks for them.
_FILE = pathlib.Path("assets.extra", "tf_serving_warmup_requests")
# It refuses a version with more.
_MOST = 1000


def write(
    directory: pathlib.Path,
    model_name: str,
    signatures: Mapping[str, Signature],
    requests: Mapping[str, Arrays],
    batch_sizes: Sequence[int],
) -> None:
    """Writes a `PredictionLog` for every signature and batch size.

    Args:
        directory: The SavedModel.
        model_name: The server's name of the model.
        signatures: Signature name -> signature.
        requests: Signature name -> rows of a request; the first is used.
        batch_sizes: Numbers of rows.

    Raises:
        InvalidArgument: If there would be too many.
    """
    most = _MOST // len(signatures)
    if len(batch_sizes) > most:
        raise InvalidArgument(
            "batch_sizes",
            f"be at most {most}, because a server warms up with at most {_MOST} requests, one for "
            f"each size and each of {len(signatures)} signatures",
            batch_sizes,
            "Give fewer, or warmup=False.",
            got=str(len(batch_sizes)),
        )
    with tf.io.TFRecordWriter(str(directory / _FILE)) as writer:
        for log in _logs(model_name, signatures, requests, batch_sizes):
            writer.write(log.SerializeToString(deterministic=True))


def _logs(
    model_name: str,
    signatures: Mapping[str, Signature],
    requests: Mapping[str, Arrays],
    batch_sizes: Sequence[int],
) -> Iterator[Any]:
    for name, signature in signatures.items():
        kind = signature.method.rpartition("/")[2]
        for size in batch_sizes:
            log = protos.PredictionLog()
            request = getattr(log, f"{kind}_log").request
            request.model_spec.name, request.model_spec.signature_name = model_name, name
            if kind == "predict":
                for key, rows in requests[name].items():
                    request.inputs.add(key=key, value=_tensor(rows, size))
            else:
                [[first, *_]] = requests[name].values()
                request.input.example_list.examples.extend([first] * size)
            yield log


def _tensor(rows: np.ndarray, size: int) -> bytes:
    """Returns a `TensorProto` of `size` rows of a single value, which TensorFlow repeats."""
    proto = tf.make_tensor_proto(rows.ravel()[:1], tf.string if rows.dtype == object else None)
    del proto.tensor_shape.dim[:]
    for length in (size, *rows.shape[1:]):
        proto.tensor_shape.dim.add(size=length)
    return proto.SerializeToString(deterministic=True)
