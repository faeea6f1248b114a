"""Rows to ask a model for."""

import numbers
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.serving.inference import Inference
from kerasnn.serving.recorded import Arrays

_ROWS = 3
_PATCHES = 8


def draw(inference: Inference) -> Arrays:
    """Returns random rows for a model's inputs, the same each time, by input name.

    What is looked up in a vocabulary comes from there, and from what all have in common where it
    is looked up in several. Other words come from all vocabularies, other floats from [0, 1), and
    other whole numbers are 0 or 1. An image is made of 8 by 8 patches, so that it packs well; one
    of uint8 goes up to 255.
    """
    random = np.random.default_rng(0)
    vocabularies = _vocabularies(inference)
    return {
        name: _array(spec, _known(inference, name, vocabularies), random)
        for name, spec in inference.inputs.items()
    }


def _array(spec: tf.TensorSpec, known: list[Any], random: np.random.Generator) -> np.ndarray:
    is_image = spec.shape.rank == 4
    # Free sizes are alike, for inputs that share one; an image has room for deep pooling.
    free = 96 if is_image else 8
    shape = [_ROWS, *(free if size is None else size for size in spec.shape.as_list()[1:])]
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
