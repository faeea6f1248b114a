"""Learning rates that a callback can set."""

from typing import Any

import keras

from kerasnn import _checks


def inner_of(optimizer: Any) -> Any:
    """Returns the optimizer that takes the steps, inside one that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def check_settable(callback: Any, model: Any) -> None:
    """Raises where the learning rate of a model's optimizer is not a number."""
    optimizer = model.optimizer
    for each in getattr(optimizer, "optimizers", [optimizer]):
        if not isinstance(each.learning_rate, keras.Variable):
            raise _checks.InvalidArgument(
                "learning_rate",
                f"be a number where `{type(callback).__name__}` sets it",
                type(each).__name__,
                f"Compile the model with a number, or leave `{type(callback).__name__}` out.",
                got=f"a schedule in `{type(each).__name__}`",
            )
