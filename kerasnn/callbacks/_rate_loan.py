"""What an optimizer has for one training only: its rate, and the momentum that follows it."""

import dataclasses
import weakref
from typing import Any

import keras

from kerasnn.callbacks._settable_rate import inner_of


@dataclasses.dataclass
class RateLoan:
    """A learning rate that is to be given back.

    Attributes:
        before: The rate from before.
        last: The rate that was set last by Python; None where only a program has set one.
    """

    before: Any
    last: Any = None


# Not in the callbacks: Keras's own `fit` tells them nothing where an exception ends it, and the
# next training may have others.
_OPEN: weakref.WeakKeyDictionary[Any, RateLoan] = weakref.WeakKeyDictionary()


def lend(model: Any) -> RateLoan:
    """Notes the rate that the optimizer of a model has."""
    loan = _OPEN[model.optimizer] = RateLoan(model.optimizer.learning_rate.numpy())
    return loan


def give_back(model: Any) -> None:
    """Gives the optimizer of a model back as it was, where something of it is lent."""
    loan = _OPEN.pop(model.optimizer, None)
    if loan is not None:
        model.optimizer.learning_rate.assign(loan.before)
    _end_cycle(model)


def reclaim(model: Any) -> None:
    """Gives back what an earlier training, ended by an exception, has not.

    A rate that was set by hand since then stays.
    """
    loan = _OPEN.get(model.optimizer)
    if loan is not None:
        if loan.last is None or model.optimizer.learning_rate.numpy() != loan.last:
            del _OPEN[model.optimizer]
        # The rate's setter ends a cycle too, and leaves what Keras has traced.
        model.make_train_function(force=True)
    give_back(model)


def _end_cycle(model: Any) -> None:
    inner = inner_of(model.optimizer)
    # Where the rate is a number, the cycle was lent.
    lent = isinstance(inner.learning_rate, keras.Variable) and hasattr(inner, "cycle")
    if lent and inner.cycle is not None:
        inner.cycle = None
        # What Keras has traced has the momentum of the cycle.
        model.make_train_function(force=True)
