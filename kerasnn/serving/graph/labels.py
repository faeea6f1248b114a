"""Names of the classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn._checks.errors import InvalidArgument
from kerasnn.serving.graph.traced import Traced


class Labels:
    """Names of the classes of the output that softmax or sigmoid computes.

    A row gets the name of its largest probability. One sigmoid gives p for the second class and
    1 - p for the first; the second is named where p > 0.5, else the first. Of several sigmoids any
    number can be true at once, so no single name describes the row. Where a probability is NaN
    the name is empty.

    Args:
        names: One for each class, of one line each.
        traced: The model's inference.

    Attributes:
        names: The names, as a list.
        is_exclusive: Whether exactly one class applies to a row.

    Raises:
        InvalidArgument: If `names` are no names, or do not fit the output.
    """

    def __init__(self, names: Any, traced: Traced) -> None:
        self.names = _listed(names)
        activation, outputs = traced.activation, traced.outputs
        if len(outputs) > 1:
            raise InvalidArgument(
                "labels",
                "name the units of one output",
                names,
                "Export a model of one of them, or omit `labels`.",
                got=f"a model with {len(outputs)}: {', '.join(outputs)}",
            )
        if activation is None:
            raise InvalidArgument(
                "labels",
                "name the classes of a classifier",
                names,
                "For regression omit `labels`.",
                got="a model that ends in neither softmax nor sigmoid",
            )
        shape = outputs["probabilities"].shape
        # A sigmoid may come without an axis of its own.
        self._is_flat = shape.rank == 1
        units = 1 if self._is_flat else shape[-1]
        self._is_binary = activation == "sigmoid" and units == 1
        self.is_exclusive = self._is_binary or activation == "softmax"
        if len(self.names) != (2 if self._is_binary else units):
            what = "2 classes of one sigmoid" if self._is_binary else f"output's {units} units"
            got = f"{len(self.names)}: {', '.join(self.names)}"
            raise InvalidArgument("labels", f"name the {what}", names, got=got)

    def by_class(self, probabilities: Any) -> Any:
        """Returns one probability for each name, of a tensor or an array of the model's output."""
        if not self._is_binary:
            return probabilities
        second = probabilities[..., None] if self._is_flat else probabilities
        concatenate = np.concatenate if isinstance(second, np.ndarray) else tf.concat
        return concatenate([1 - second, second], axis=-1)

    def of(self, by_class: tf.Tensor) -> tf.Tensor:
        """Returns each row's name, in a graph, from what `by_class` returned."""
        is_unknown = tf.reduce_any(tf.math.is_nan(by_class), axis=-1)
        return tf.where(is_unknown, "", tf.gather(self.names, tf.argmax(by_class, axis=-1)))

    def expected(self, by_class: np.ndarray) -> np.ndarray:
        """Returns each row's name as the bytes that a server returns."""
        names = np.array([name.encode() for name in self.names], dtype=object)
        return np.where(np.isnan(by_class).any(axis=-1), b"", names[by_class.argmax(axis=-1)])


def _listed(names: Any) -> list[str]:
    # The order of a set does not follow the classes.
    is_several = isinstance(names, (Sequence, np.ndarray)) and not isinstance(names, str)
    listed = list(names) if is_several else []
    if not listed or not all(map(_is_line, listed)):
        raise InvalidArgument(
            "labels",
            "be a sequence of names of one line each in UTF-8, one for each class",
            names,
            "Of numbers, make names with `[str(c) for c in classes]`.",
        )
    twice = next((name for name in listed if listed.count(name) > 1), None)
    if twice is not None:
        got = f"{twice!r} {listed.count(twice)} times"
        raise InvalidArgument("labels", "be unique", names, got=got)
    return [str(name) for name in listed]


def _is_line(name: Any) -> bool:
    # Half of a surrogate pair is no character.
    is_text = isinstance(name, str) and name == name.encode(errors="ignore").decode()
    return is_text and name.splitlines() == [name]
