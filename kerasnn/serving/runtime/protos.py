"""Protocol buffers of TensorFlow and TensorFlow Serving.

TensorFlow's own classes need TensorFlow, and TensorFlow Serving's need a package that pins it. Only
the fields that are used here are declared; protobuf skips the others.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Message -> field -> its number and type; a star means repeated. On the wire a map is a list of
# entries, and a message that was serialized elsewhere is bytes.
_MESSAGES = {
    "SavedModel": {"meta_graphs": (2, "MetaGraphDef*")},
    "MetaGraphDef": {"signature_def": (5, "SignatureEntry*")},
    "SignatureEntry": {"key": (1, "string"), "value": (2, "SignatureDef")},
    "SignatureDef": {"inputs": (1, "InfoEntry*"), "outputs": (2, "InfoEntry*")},
    "InfoEntry": {"key": (1, "string"), "value": (2, "TensorInfo")},
    "TensorInfo": {
        "name": (1, "string"),
        "dtype": (2, "int64"),
        "tensor_shape": (3, "TensorShapeProto"),
    },
    "TensorShapeProto": {"dim": (2, "Dim*"), "unknown_rank": (3, "bool")},
    "Dim": {"size": (1, "int64")},
    "PredictionLog": {
        "classify_log": (2, "ExamplesLog"),
        "regress_log": (3, "ExamplesLog"),
        "predict_log": (6, "PredictLog"),
    },
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "TensorEntry*")},
    "TensorEntry": {"key": (1, "string"), "value": (2, "bytes")},
    # ClassifyLog and RegressLog have the same fields, and so have their requests.
    "ExamplesLog": {"request": (1, "ExamplesRequest")},
    "ExamplesRequest": {"model_spec": (1, "ModelSpec"), "input": (2, "Input")},
    "Input": {"example_list": (1, "ExampleList")},
    "ExampleList": {"examples": (1, "bytes*")},
    "ModelSpec": {"name": (1, "string"), "signature_name": (3, "string")},
}
_PACKAGE = "kerasnn.serving"


def _classes() -> dict[str, Any]:
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=_PACKAGE, package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            kind = kind.removesuffix("*")
            if kind in _MESSAGES:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                added.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    # A separate pool, so that the official messages can be loaded beside these.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = message_factory.GetMessageClassesForFiles([_PACKAGE], pool)
    return {name: found[f"{_PACKAGE}.{name}"] for name in _MESSAGES}


_CLASSES = _classes()
SavedModel: Any = _CLASSES["SavedModel"]
MetaGraphDef: Any = _CLASSES["MetaGraphDef"]
PredictionLog: Any = _CLASSES["PredictionLog"]
