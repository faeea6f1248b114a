"""`Examples`."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.serving.recorded import Arrays
from kerasnn.serving.signatures.pictures import Pictures
from kerasnn.serving.signatures.tensors import Tensors
from kerasnn.serving.signatures.unsuitable_error import UnsuitableError


class Examples:
    """Reads `tf.train.Example`, whose features are the inputs of another reader, by name.

    A feature holds the numbers of one row in a flat list: floats, whole numbers or strings.

    Args:
        signature: The name that the signature is to have.
        reader: Reads what the features hold.

    Raises:
        UnsuitableError: If a row has not always the same number of values.
    """

    def __init__(self, signature: str, reader: Tensors | Pictures) -> None:
        for name, spec in reader.specs.items():
            if None in spec.shape.as_list()[1:]:
                raise UnsuitableError(
                    signature, "whose rows are all of one size", f"`{name}` of shape {spec.shape}"
                )
        self.specs = {"inputs": tf.TensorSpec((None,), tf.string, "inputs")}
        self._reader = reader

    def read(self, received: dict) -> dict:
        """Returns the model's inputs from those of the signature, in its graph."""
        specs = self._reader.specs
        parsed = tf.io.parse_example(
            tf.ensure_shape(received["inputs"], (None,)),
            {
                name: tf.io.FixedLenFeature(spec.shape[1:], _kind(spec.dtype))
                for name, spec in specs.items()
            },
        )
        return self._reader.read(
            {
                name: parsed[name] if spec.dtype == tf.string else tf.cast(parsed[name], spec.dtype)
                for name, spec in specs.items()
            }
        )

    def request(self, rows: Arrays) -> tuple[Arrays, Arrays]:
        """Returns a request that asks for `rows`, and the rows that are read from it."""
        asked, read = self._reader.request(rows)
        count = len(next(iter(asked.values())))
        examples = np.empty(count, object)
        for i in range(count):
            features = {name: _feature(array[i : i + 1]) for name, array in asked.items()}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            examples[i] = example.SerializeToString(deterministic=True)
        return {"inputs": examples}, read


def _kind(dtype: Any) -> Any:
    if dtype == tf.string:
        return tf.string
    return tf.float32 if dtype.is_floating else tf.int64


def _feature(rows: np.ndarray) -> Any:
    flat = rows.ravel()
    if flat.dtype == object:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=flat))
    if flat.dtype.kind in "iub":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=flat.astype(np.int64)))
    return tf.train.Feature(float_list=tf.train.FloatList(value=flat.astype(np.float32)))
