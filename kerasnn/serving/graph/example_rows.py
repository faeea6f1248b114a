"""Rows to ask a model for."""

import itertools
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.serving.graph.inference import Inference
from kerasnn.serving.runtime.recorded_examples import Arrays

_ROWS = 3
_PATCHES = 8
_TRIES = 8
# Free sizes that are tried, of images and of all else. They are alike, for inputs that share one.
_IMAGE_SIZES = (96, 128, 224, 299, 384, 512)
_LENGTHS = tuple(2**power for power in range(3, 15))
# Values of an input, beyond which several free sizes grow no further.
_MOST = 2**24
_HUGE = np.finfo(np.float32).max


def draw(inference: Inference) -> Arrays:
    """Returns random rows for a model's inputs, the same each time, by input name.

    What is looked up in a vocabulary comes from there, and from what all have in common where it
    is looked up in several. Other words come from all vocabularies, other floats from [0, 1), and
    other whole numbers are 0 or 1. An image is made of 8 by 8 patches, so that it packs well; one
    of uint8 goes up to 255. A free size is the smallest of some that the model answers: 96 and more
    for an image, 8 and more for anything else.

    Raises:
        ValueError: If there are free sizes, and the model answers none that is tried.
    """
    vocabularies = _vocabularies(inference)
    known = {name: _known(inference, name, vocabularies) for name in inference.inputs}
    free = {n: spec for n, spec in inference.inputs.items() if None in spec.shape.as_list()[1:]}
    if not free:
        return _rows(inference, known, 0, 0)
    said, answered = "", {}
    for image_size, length in itertools.zip_longest(_IMAGE_SIZES, _LENGTHS):
        if image_size is None and not _has_length(free):
            break
        rows = _rows(inference, known, image_size or _IMAGE_SIZES[-1], length or _LENGTHS[-1])
        if (said or answered) and max(array.size for array in rows.values()) > _MOST:
            break
        try:
            answers = inference.run(rows)
        except ValueError as error:
            said = said or str(error)
            continue
        # The largest of no numbers at all is the least float32.
        if not any((np.abs(a) >= _HUGE).any() for a in answers if a.dtype != object):
            return rows
        answered = answered or rows
    if answered:
        return answered
    shapes = ", ".join(f"`{name}` of shape {spec.shape}" for name, spec in free.items())
    raise ValueError(
        f"`model` must answer rows of some size, in an image from {_IMAGE_SIZES[0]} to "
        f"{_IMAGE_SIZES[-1]} and else from {_LENGTHS[0]} to {_LENGTHS[-1]}; it answers none, for "
        f"{shapes}. Of the smallest it says: {said}\nGive its `keras.Input` a size in place of "
        "None."
    )


def _has_length(free: Mapping[str, tf.TensorSpec]) -> bool:
    return any(spec.shape.rank != 4 for spec in free.values())


def _rows(
    inference: Inference, known: Mapping[str, list[Any]], image_size: int, length: int
) -> Arrays:
    random = np.random.default_rng(0)
    rows = {}
    for name, spec in inference.inputs.items():
        free = image_size if spec.shape.rank == 4 else length
        shape = [_ROWS, *(free if size is None else size for size in spec.shape.as_list()[1:])]
        # Rows that are all alike would hide a model that mixes them.
        for _ in range(_TRIES):
            rows[name] = _array(spec, shape, known[name], random)
            if (rows[name] != rows[name][:1]).any():
                break
    return rows


def _array(
    spec: tf.TensorSpec, shape: list[int], known: list[Any], random: np.random.Generator
) -> np.ndarray:
    is_image = spec.shape.rank == 4
    if known:
        dtype = object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype
        return random.choice(np.array(known, dtype), shape)
    drawn = [_ROWS, *(min(_PATCHES, n) for n in shape[1:3]), *shape[3:]] if is_image else shape
    if spec.dtype.is_floating:
        values = random.random(drawn).astype(spec.dtype.as_numpy_dtype)
    else:
        top = 256 if is_image and spec.dtype == tf.uint8 else 2
        values = random.integers(0, top, drawn).astype(spec.dtype.as_numpy_dtype)
    for axis in (1, 2) if is_image else ():
        values = np.take(values, np.arange(shape[axis]) * drawn[axis] // shape[axis], axis)
    return values


def _vocabularies(inference: Inference) -> list[tuple[list[Any], list[Any]]]:
    """Returns for each lookup layer its tables and its vocabulary."""
    view = tf.train.TrackableView
    kind = tf.saved_model.experimental.TrackableResource
    return [
        ([p for p in view(layer).descendants() if isinstance(p, kind)], layer.get_vocabulary())
        for layer in view(inference.model).descendants()
        # An inverted one looks up places, and gives what is in the vocabulary.
        if hasattr(layer, "get_vocabulary") and not getattr(layer, "invert", False)
    ]


def _known(inference: Inference, name: str, vocabularies: list[Any]) -> list[Any]:
    """Returns what an input's values are to be drawn from, or nothing if any will do."""
    handles = inference.tables(name)
    looked_up = [
        vocabulary
        for tables, vocabulary in vocabularies
        if any(table.resource_handle is handle for table in tables for handle in handles)
    ]
    spec = inference.inputs[name]
    if spec.dtype != tf.string:
        return _common([[v for v in vocabulary if _fits(v, spec)] for vocabulary in looked_up])
    everything = [word for _, vocabulary in vocabularies for word in vocabulary]
    words = _common(looked_up) or everything
    return [word.encode() for word in words if isinstance(word, str)] or [b"a", b"b"]


def _common(vocabularies: list[list[Any]]) -> list[Any]:
    """Returns what is in all, or where that is nothing, what is in any."""
    everything = list(dict.fromkeys(word for words in vocabularies for word in words))
    return [w for w in everything if all(w in words for words in vocabularies)] or everything


def _fits(value: Any, spec: tf.TensorSpec) -> bool:
    return isinstance(value, numbers.Integral) and spec.dtype.min <= value <= spec.dtype.max
