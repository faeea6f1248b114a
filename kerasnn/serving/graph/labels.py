"""Names of the classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.serving.graph.inference import Inference


class Labels:
    """Names of the classes of one output, which softmax or sigmoid gives.

    A row gets the name of its largest probability. One sigmoid gives p for the second class, and so
    1 - p for the first; the second is named where p > 0.5, else the first. Of several sigmoids any
    number can hold at once, so that no single name says the answer. Where a probability is NaN the
    name is empty.

    Args:
        names: One for each class, of one line each.
        inference: What gives the output.

    Attributes:
        names: The names, as a list.
        is_exclusive: Whether one name says the answer.

    Raises:
        ValueError: If `names` are not names, or do not fit the output.
    """

    def __init__(self, names: Any, inference: Inference) -> None:
        self.names = _listed(names)
        activation, outputs = inference.activation, inference.outputs
        if len(outputs) > 1:
            raise ValueError(
                f"`labels` must name the units of one output; `model` has {len(outputs)}: "
                f"{', '.join(outputs)}. Export a model of one of them, or leave `labels` out."
            )
        if activation is None:
            raise ValueError(
                "`labels` must name the classes of a classifier; `model` ends in neither softmax "
                "nor sigmoid. For regression leave `labels` out."
            )
        shape = outputs["probabilities"].shape
        # A sigmoid may come without an axis of its own.
        self._is_flat = shape.rank == 1
        units = 1 if self._is_flat else shape[-1]
        self._is_binary = activation == "sigmoid" and units == 1
        self.is_exclusive = self._is_binary or activation == "softmax"
        if len(self.names) != (2 if self._is_binary else units):
            what = "2 classes of one sigmoid" if self._is_binary else f"output's {units} units"
            raise ValueError(
                f"`labels` must name the {what}; got {len(self.names)}: {', '.join(self.names)}."
            )

    def by_class(self, probabilities: Any) -> Any:
        """Returns one probability for each name, of a tensor or an array of the model's output."""
        if not self._is_binary:
            return probabilities
        second = probabilities[..., None] if self._is_flat else probabilities
        concatenate = np.concatenate if isinstance(second, np.ndarray) else tf.concat
        return concatenate([1 - second, second], axis=-1)

    def of(self, by_class: tf.Tensor) -> tf.Tensor:
        """Returns the name that each row gets, in a graph, from what `by_class` returned."""
        is_unknown = tf.reduce_any(tf.math.is_nan(by_class), axis=-1)
        return tf.where(is_unknown, "", tf.gather(self.names, tf.argmax(by_class, axis=-1)))

    def expected(self, by_class: np.ndarray) -> np.ndarray:
        """Returns the names that each row gets, as the bytes that a server answers."""
        names = np.array([name.encode() for name in self.names], dtype=object)
        return np.where(np.isnan(by_class).any(axis=-1), b"", names[by_class.argmax(axis=-1)])


def _listed(names: Any) -> list[str]:
    # A set has no order that classes could follow.
    is_several = isinstance(names, (Sequence, np.ndarray)) and not isinstance(names, str)
    listed = list(names) if is_several else []
    if not listed or not all(map(_is_line, listed)):
        raise _checks.InvalidArgument(
            "labels",
            "be a sequence of names of one line each in UTF-8, one for each class",
            names,
            "Of numbers, make names with `[str(c) for c in classes]`.",
        )
    twice = next((name for name in listed if listed.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"`labels` must name each class otherwise; {twice!r} is there {listed.count(twice)} "
            "times. A client could not tell those classes apart."
        )
    return [str(name) for name in listed]


def _is_line(name: Any) -> bool:
    # Half of a surrogate pair is no character.
    is_text = isinstance(name, str) and name == name.encode(errors="ignore").decode()
    return is_text and name.splitlines() == [name]
