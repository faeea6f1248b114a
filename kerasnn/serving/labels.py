"""Names of the classes: which outputs take them, and which name an answer gets."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks


def check(labels: Any) -> list[str]:
    """Returns `labels` as a list; raises unless it is a sequence of one-line names."""
    is_several = isinstance(labels, Iterable) and not isinstance(labels, str)
    listed = list(labels) if is_several else []
    if not listed or not all(
        isinstance(label, str) and label.splitlines() == [label] for label in listed
    ):
        raise _checks.wrong(
            "labels",
            "be a sequence of names of one line each, one for each class",
            labels,
            "Of numbers, make names with `[str(c) for c in classes]`.",
        )
    return [str(label) for label in listed]


def activation(answer: tf.Tensor) -> str | None:
    """Returns `softmax` or `sigmoid` where that computed the traced tensor `answer`."""
    operation = answer.op
    while operation.type in ("Cast", "Identity"):
        operation = operation.inputs[0].op
    return {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(operation.type)


def indices(probabilities: tf.Tensor, labels: Sequence[str]) -> tf.Tensor | None:
    """Returns which of `labels` each row of the traced tensor `probabilities` gets.

    Softmax gets the largest unit's; one sigmoid gets the second where p > 0.5, else the first.
    Of several sigmoids any number can hold at once, so that no single name says the answer.

    Raises:
        ValueError: If there are too few or too many labels.
    """
    units = probabilities.shape[-1]
    is_sigmoid = activation(probabilities) == "sigmoid"
    is_binary = is_sigmoid and units == 1
    wanted = 2 if is_binary else units
    if len(labels) != wanted:
        what = "the 2 classes of one sigmoid" if is_binary else f"the output's {units} units"
        raise ValueError(f"`labels` must name {what}; got {len(labels)}: {', '.join(labels)}.")
    if is_binary:
        return tf.cast(tf.gather(probabilities, 0, axis=-1) > 0.5, tf.int64)
    return None if is_sigmoid else tf.argmax(probabilities, axis=-1)


def expected(probabilities: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Returns the names that `probabilities` stand for, as the bytes that TensorFlow answers."""
    if probabilities.shape[-1] < len(labels):
        number = (probabilities[..., 0] > 0.5).astype(int)
    else:
        number = probabilities.argmax(axis=-1)
    return np.array([label.encode() for label in labels], dtype=object)[number]
