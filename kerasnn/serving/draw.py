"""Rows to ask a model for."""

import numpy as np
import tensorflow as tf

from kerasnn.serving.inference import Inference
from kerasnn.serving.recorded import Arrays

_ROWS = 3
_PATCHES = 8


def draw(inference: Inference) -> Arrays:
    """Returns random rows for a model's inputs, the same each time, by input name.

    Floats are drawn from [0, 1), whole numbers are 0 or 1, and words come from the model's own
    vocabularies. An image is made of 8 by 8 patches, so that it packs well; one of uint8 goes up
    to 255.
    """
    random = np.random.default_rng(0)
    words = _words(inference)
    return {name: _array(spec, words, random) for name, spec in inference.inputs.items()}


def _array(spec: tf.TensorSpec, words: list[bytes], random: np.random.Generator) -> np.ndarray:
    is_image = spec.shape.rank == 4
    # Free sizes are alike, for inputs that share one; an image has room for deep pooling.
    free = 96 if is_image else 8
    shape = [_ROWS, *(free if size is None else size for size in spec.shape.as_list()[1:])]
    if spec.dtype == tf.string:
        return random.choice(np.array(words, object), shape)
    drawn = [_ROWS, *(min(_PATCHES, n) for n in shape[1:3]), *shape[3:]] if is_image else shape
    if spec.dtype.is_floating:
        values = random.random(drawn).astype(spec.dtype.as_numpy_dtype)
    else:
        top = 256 if is_image and spec.dtype == tf.uint8 else 2
        values = random.integers(0, top, drawn).astype(spec.dtype.as_numpy_dtype)
    for axis in (1, 2) if is_image else ():
        values = np.take(values, np.arange(shape[axis]) * drawn[axis] // shape[axis], axis)
    return values


def _words(inference: Inference) -> list[bytes]:
    vocabularies = [
        part.get_vocabulary()
        for part in tf.train.TrackableView(inference.model).descendants()
        if hasattr(part, "get_vocabulary")
    ]
    words = [word for vocabulary in vocabularies for word in vocabulary if isinstance(word, str)]
    return [word.encode() for word in words or ["a", "b"]]
