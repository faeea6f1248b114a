"""Numbers of a model that differ between the members of a stack."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import layers
from kerasnn._core.model import all_layers

#: The layers whose `rate` may be a tensor.
RATES = (layers.Dropout, layers.SpatialDropout, layers.AlphaDropout, layers.DropPath)


@dataclasses.dataclass(frozen=True)
class Hyperparameter:
    """A number that a traced program reads when it runs, in the place of one of a model.

    Attributes:
        owner: The layer or variable of the first model that has it.
        name: Its attribute.
        values: Numbers by member, `(members, numbers)`.
        make: Returns the value of the attribute from the numbers of one member.
    """

    owner: Any
    name: str
    values: np.ndarray
    make: Callable[[Any], Any]


@contextlib.contextmanager
def in_place(hyperparameters: Sequence[Hyperparameter], numbers: Sequence[Any]) -> Iterator[None]:
    """Puts tensors in the place of hyperparameters while a program is traced."""
    before = [getattr(h.owner, h.name) for h in hyperparameters]
    try:
        for hyperparameter, number in zip(hyperparameters, numbers, strict=True):
            setattr(hyperparameter.owner, hyperparameter.name, hyperparameter.make(number))
        yield
    finally:
        for hyperparameter, value in zip(hyperparameters, before, strict=True):
            setattr(hyperparameter.owner, hyperparameter.name, value)


def differing(models: Sequence[Any]) -> list[Hyperparameter]:
    """Returns the dropout rates and factors of L1 and L2 that differ between models.

    Args:
        models: Models of one architecture.
    """
    found = []
    for same in zip(*map(all_layers, models), strict=True):
        if type(same[0]) in RATES:
            rates = np.array([[layer.rate] for layer in same], np.float32)
            if (rates != rates[0]).any():
                found.append(Hyperparameter(same[0], "rate", rates, lambda n: n[0]))
    for same in zip(*(model.trainable_variables for model in models), strict=True):
        factors = [penalty_factors(variable.regularizer) for variable in same]
        if None not in factors and len(set(factors)) > 1:
            values = np.array(factors, np.float32)
            make = _penalty(*(bool(column.any()) for column in values.T))
            found.append(Hyperparameter(same[0], "regularizer", values, make))
    return found


def penalty_factors(regularizer: Any) -> tuple[float, float] | None:
    """Returns the factors of L1 and L2; None for another kind of regularizer."""
    if regularizer is None:
        return 0.0, 0.0
    if type(regularizer) in (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2):
        return tuple(float(getattr(regularizer, name, 0.0)) for name in ("l1", "l2"))  # type: ignore
    return None


def _penalty(has_l1: bool, has_l2: bool) -> Callable[[Any], Callable[[Any], Any]]:
    """Returns what makes a penalty of two factors, of L1 and of L2, which may be zero for all."""

    def make(factors: Any) -> Callable[[Any], Any]:
        def penalty(weight: Any) -> Any:
            weight, terms = tf.convert_to_tensor(weight), []
            if has_l1:
                terms.append(factors[0] * tf.reduce_sum(tf.abs(weight)))
            if has_l2:
                terms.append(factors[1] * tf.reduce_sum(tf.square(weight)))
            return tf.add_n(terms)

        return penalty

    return make
