"""Example requests for curl and for gRPC."""

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.serving import _json_values
from kerasnn.serving.graph import tables
from kerasnn.serving.runtime.recorded_examples import Arrays
from kerasnn.serving.signatures import Signature

# Longer texts are left out, but for the shortest where all are longer.
_LONGEST = 10_000


def examples(
    model_name: str,
    signatures: Mapping[str, Signature],
    requests: Mapping[str, Arrays],
    *,
    is_table: bool,
) -> dict[str, dict[str, str]]:
    """Returns `"curl"` and `"grpc"` -> signature name -> request of one row.

    Args:
        model_name: The server's name of the model.
        signatures: Signature name -> signature.
        requests: Signature name -> rows of a request; the first is used.
        is_table: Whether the inputs are columns: texts and numbers by name.
    """
    kinds = {name: signature.method.rpartition("/")[2] for name, signature in signatures.items()}
    curl = {
        name: _curl(
            model_name,
            name,
            kind,
            {key: rows[0] for key, rows in requests[name].items()},
            is_table=is_table,
        )
        for name, kind in kinds.items()
    }
    grpc = {
        name: _grpc(model_name, name, requests[name])
        for name, kind in kinds.items()
        if kind == "predict"
    }
    return {"curl": _readable(curl), "grpc": _readable(grpc)}


def _curl(
    model_name: str, signature: str, kind: str, row: dict[str, Any], *, is_table: bool
) -> str:
    # A column holds text, and bytes elsewhere may be a file.
    encode = tables.cell if is_table else _json_values.encode
    if kind == "predict":
        [value, *others] = row.values()
        if is_table:
            instance: Any = {name: encode(cell) for name, cell in row.items()}
        else:
            instance = encode(row if others else value)
        body = {"instances": [instance]}
    else:
        [example] = row.values()
        body = {"examples": [_features(example, encode)]}
    # NaN, which is a missing number, is no JSON, but TensorFlow Serving reads it.
    data = json.dumps({"signature_name": signature, **body})
    url = f"http://localhost:8501/v1/models/{model_name}:{kind}"
    return f"curl -d {shlex.quote(data)} {url}"


def _features(serialized: bytes, encode: Callable[[Any], Any]) -> dict[str, Any]:
    features = tf.train.Example.FromString(serialized).features.feature
    found = {}
    for name in sorted(features):
        kind = features[name].WhichOneof("kind")
        values = list(getattr(features[name], kind).value)
        if kind == "float_list":
            values = list(np.array(values, np.float32))
        found[name] = encode(values[0] if len(values) == 1 else values)
    return found


def _grpc(model_name: str, signature: str, rows: Arrays) -> str:
    lines = [
        "import grpc",
        "import tensorflow as tf",
        "from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc",
        'channel = grpc.insecure_channel("localhost:8500")',
        "request = predict_pb2.PredictRequest()",
        f"request.model_spec.name = {model_name!r}",
        f"request.model_spec.signature_name = {signature!r}",
    ]
    for key, array in rows.items():
        dtype = "string" if array.dtype == object else array.dtype.name
        values = repr(array[:1].tolist())
        if array.dtype.kind == "f":
            # Python has no literal for NaN.
            values = values.replace("nan", "float('nan')")
        value = f"tf.make_tensor_proto({values}, {dtype!r})"
        lines.append(f"request.inputs[{key!r}].CopyFrom({value})")
    stub = "prediction_service_pb2_grpc.PredictionServiceStub(channel)"
    lines.append(f"print({stub}.Predict(request, timeout=10))")
    return "\n".join([*lines, ""])


def _readable(texts: dict[str, str]) -> dict[str, str]:
    short = {name: text for name, text in texts.items() if len(text) <= _LONGEST}
    return short or dict(sorted(texts.items(), key=lambda item: len(item[1]))[:1])
