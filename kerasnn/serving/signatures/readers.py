"""Readers: from the tensors of a request to the inputs of the model."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.data.images import decoding
from kerasnn.serving.errors import UnsuitableError
from kerasnn.serving.graph.traced import Traced
from kerasnn.serving.runtime.recorded_examples import Arrays


class TensorReader:
    """Reads the model's own inputs, by name."""

    def __init__(self, traced: Traced) -> None:
        self.specs = traced.inputs

    def read(self, received: dict) -> dict:
        """Returns the model's inputs from those of the signature, in its graph."""
        return received

    def request(self, rows: Arrays) -> tuple[Arrays, Arrays]:
        """Returns a request for `rows`, and the rows that a server reads from it."""
        return rows, rows


_COLOR_MODES = {channels: mode for mode, channels in decoding.COLOR_MODES.items()}


class ImageReader:
    """Reads JPEG, PNG, BMP, GIF or WebP files as `data.from_directory` does.

    Pixels are in [0, 255], in the dtype of the model's input. For a file that `from_directory`
    refuses the program fails, with the number of the row.

    Args:
        traced: The model's inference.
        resize: How an image comes to the size of the input: `resize` of `from_directory`.

    Raises:
        UnsuitableError: If the model's input is not one image of known size, in grey or in RGB.
    """

    def __init__(self, traced: Traced, resize: str = "stretch") -> None:
        [[name, spec], *others] = traced.inputs.items()
        shape = spec.shape.as_list()
        suits = not others and name == "image" and spec.dtype != tf.string
        if not suits or None in shape[1:] or shape[-1] not in _COLOR_MODES:
            raise UnsuitableError(
                "signatures",
                "name 'image_bytes' only for a model of one image, `(batch, height, width, 1 or "
                "3)` of known height and width",
                "image_bytes",
                got=", ".join(f"`{n}` of shape {s.shape}" for n, s in traced.inputs.items()),
            )
        self.specs = {"image_bytes": tf.TensorSpec((None,), tf.string, "image_bytes")}
        self._name, self._dtype, self._resize = name, spec.dtype, resize
        self._shape: list[int] = shape[1:]

    def read(self, received: dict) -> dict:
        """Returns the model's inputs from those of the signature, in its graph."""
        height, width, channels = self._shape
        mode = _COLOR_MODES[channels]
        files = tf.ensure_shape(received["image_bytes"], (None,))

        def read(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            decoded = decoding.decode(file, (height, width))
            image = decoding.convert(decoded.image, (height, width), mode, self._resize)
            return image, decoded.problem

        pixels, problems = tf.map_fn(
            read,
            files,
            fn_output_signature=(
                tf.TensorSpec(self._shape, tf.uint8),
                tf.TensorSpec((), tf.string),
            ),
        )
        with tf.control_dependencies([_check(problems)]):
            return {self._name: tf.cast(pixels, self._dtype)}

    def request(self, rows: Arrays) -> tuple[Arrays, Arrays]:
        """Returns a request for `rows`, and the rows that a server reads from it."""
        image = rows[self._name]
        # Made rows, and images that were scaled before the model, are in [0, 1].
        scale = 255 if image.dtype.kind in "fV" and image.max(initial=0) <= 1 else 1
        pixels = np.clip(scale * image, 0, 255).astype(np.uint8)
        files = np.empty(len(pixels), object)
        files[:] = [tf.io.encode_png(one).numpy() for one in pixels]
        return {"image_bytes": files}, {self._name: pixels.astype(image.dtype)}


def _check(problems: tf.Tensor) -> tf.Operation:
    """Returns an operation that fails with the row of the first file that has a problem."""
    rows = tf.where(problems != "")[:, 0]
    first = tf.concat([rows, [0]], axis=0)[0]
    message = tf.strings.join(
        [
            "`image_bytes` must hold images that training accepts; got row ",
            tf.strings.as_string(first),
            ", which is ",
            tf.concat([tf.gather(problems, rows), [""]], axis=0)[0],
        ]
    )
    return tf.debugging.Assert(tf.size(rows) == 0, [message])


class ExampleReader:
    """Reads `tf.train.Example`, whose features are the inputs of another reader, by name.

    A feature holds the values of one row in a flat list: floats, integers or strings.

    Args:
        signature: Name of the signature.
        reader: Reads the features.

    Raises:
        UnsuitableError: If the size of a row is not known.
    """

    def __init__(self, signature: str, reader: TensorReader | ImageReader) -> None:
        for name, spec in reader.specs.items():
            if None in spec.shape.as_list()[1:]:
                raise UnsuitableError(
                    "signatures",
                    f"name {signature!r} only for a model whose rows are all of one size",
                    signature,
                    got=f"`{name}` of shape {spec.shape}",
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
        """Returns a request for `rows`, and the rows that a server reads from it."""
        given, read = self._reader.request(rows)
        count = len(next(iter(given.values())))
        examples = np.empty(count, object)
        for i in range(count):
            features = {name: _feature(array[i : i + 1]) for name, array in given.items()}
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
