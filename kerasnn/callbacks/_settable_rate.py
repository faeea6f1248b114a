"""Learning rates that a callback can set."""

from typing import Any

import keras


def inner_of(optimizer: Any) -> Any:
    """Returns the optimizer that takes the steps, where another one scales the loss for it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def check_settable(callback: Any, model: Any) -> None:
    """Raises where the learning rate of a model's optimizer is not a number."""
    optimizer = model.optimizer
    for each in getattr(optimizer, "optimizers", [optimizer]):
        if not isinstance(each.learning_rate, keras.Variable):
            raise ValueError(
                f"`{type(callback).__name__}` sets the learning rate, which has to be a number "
                f"for that; that of the optimizer `{each.name}` is a schedule. Compile the model "
                f"with a number, or leave `{type(callback).__name__}` out."
            )
