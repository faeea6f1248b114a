"""What training changes."""

from typing import Any

import keras


def variables_of(model: Any) -> list[keras.Variable]:
    """Returns all variables of a model and its optimizers, in an order that does not change.

    Among them are seeds, slots and counters; metrics are not, which start anew in each epoch.
    """
    # A step of the user's own may have several optimizers, which Keras does not track.
    held = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    return [*model.variables, *(v for optimizer in held for v in optimizer.variables)]
