"""The proof that an exported program answers as its model does."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.serving import labels as classes
from kerasnn.serving.program import Program, answer

_TOLERANCE = 1e-5
_BATCH_SIZES = (1, 3)


def largest_difference(
    signature: Any, model: keras.Model, program: Program, labels: list[str] | None
) -> float:
    """Compares a loaded signature with its model on random inputs of two batch sizes.

    The difference of an output is max(abs(served - expected)) / max(1, max(abs(expected))).

    Args:
        signature: Function of the loaded SavedModel.
        model: What it was exported from.
        program: What was saved.
        labels: Names of the classes, where they are served.

    Returns:
        The largest of the differences.

    Raises:
        ValueError: If one is above 1e-5 or not a number, or if the model does not answer.
    """

    # As a graph, which is how `predict` computes: op by op, 16-bit floats round differently.
    @tf.function(input_signature=[list(program.inputs.values())], autograph=False)
    def expect(tensors: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        return answer(model, program.structure, tensors)

    random = np.random.default_rng(0)
    words = _words(model)
    differences = []
    for batch_size in _BATCH_SIZES:
        batch = {
            name: _draw(spec, batch_size, words, random) for name, spec in program.inputs.items()
        }
        try:
            expected = expect(list(batch.values()))
        except tf.errors.OpError as error:
            raise ValueError(
                "`model` must answer the inputs that an export is checked with: floats in [0, 1), "
                f"whole numbers 0 and 1, words of its vocabulary; got {error.message}\n"
                "Give each `keras.Input` the dtype of what it takes."
            ) from error
        # Twice: random numbers of the graph are alike in the first call where a seed is set.
        for _ in range(2):
            served = {name: tensor.numpy() for name, tensor in signature(**batch).items()}
            differences += [
                _checked(name, served[name], tensor.numpy(), batch_size)
                for name, tensor in expected.items()
            ]
            if labels is not None and "labels" in served:
                named = classes.expected(served["probabilities"], labels)
                _checked("labels", served["labels"], named, batch_size)
    return max(differences)


def _checked(name: str, served: np.ndarray, expected: np.ndarray, batch_size: int) -> float:
    if expected.shape[:1] != (batch_size,):
        raise ValueError(
            "`model` must give one answer a row, along the first axis; its output "
            f"`{name}` has shape {expected.shape} for a batch of {batch_size}."
        )
    difference = _difference(served, expected)
    # A NaN is not above the tolerance, nor within it.
    if not difference <= _TOLERANCE:
        raise ValueError(
            f"`model` must answer the same once exported; its output `{name}` differs by "
            f"{difference:.2g} of its scale, more than {_TOLERANCE:g}. Nothing was published. "
            "Look for NaN in the weights and for a layer that draws random numbers when "
            "training=False."
        )
    return difference


def _difference(served: np.ndarray, expected: np.ndarray) -> float:
    if served.shape != expected.shape or expected.dtype.kind not in "fc":
        return 0.0 if np.array_equal(served, expected) else np.inf
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    # Equal infinities are no distance apart; a NaN is NaN apart from everything.
    apart = np.zeros_like(expected)
    np.subtract(served, expected, out=apart, where=served != expected)
    return float(np.abs(apart).max(initial=0.0) / scale)


def _words(model: keras.Model) -> list[str]:
    vocabularies = [
        part.get_vocabulary()
        for part in tf.train.TrackableView(model).descendants()
        if hasattr(part, "get_vocabulary")
    ]
    words = [word for vocabulary in vocabularies for word in vocabulary if isinstance(word, str)]
    return words or ["a", "b"]


def _draw(
    spec: tf.TensorSpec, batch_size: int, words: list[str], random: np.random.Generator
) -> tf.Tensor:
    # Free sizes are alike, for inputs that share one; an image has room for deep pooling.
    free = 96 if spec.shape.rank == 4 else 8
    shape = [batch_size, *(free if size is None else size for size in spec.shape.as_list()[1:])]
    if spec.dtype == tf.string:
        return tf.constant(random.choice(words, shape))
    if spec.dtype.is_floating:
        return tf.cast(random.random(shape), spec.dtype)
    top = 256 if spec.dtype == tf.uint8 and spec.shape.rank == 4 else 2
    return tf.cast(random.integers(0, top, shape), spec.dtype)
