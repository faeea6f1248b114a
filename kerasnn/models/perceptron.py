"""`perceptron`: builder of Rosenblatt's perceptron."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks, layers
from kerasnn.models import _building_blocks
from kerasnn.models.sequential import Sequential


@_checks.known_arguments
def perceptron(
    input_shape: int | Sequence[int],
    *,
    formulation: str = "bias",
    learning_rate: float = 1.0,
) -> Sequential:
    """Builds one threshold unit, trained by Rosenblatt's rule.

    With `batch_size=1` each row changes the weights by w <- w + learning_rate (y - y_hat) x,
    exactly: the loss is the absolute error, whose gradient with respect to the output is
    y_hat - y for outputs and targets of 0 and 1, and the step passes that gradient on. A
    larger batch takes the mean of the changes. Weights start at zero.

    Args:
        input_shape: Shape of one example; more than one axis is flattened.
        formulation: `"bias"`, `"threshold"` or `"weight"`; see `kerasnn.layers.Perceptron`.
        learning_rate: Size of a change. Since weights start at zero, it scales all of them
            equally and changes no prediction.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
        >>> model = perceptron(2)
        >>> history = model.fit(x, [0, 0, 0, 1], batch_size=1, epochs=20, verbose=0)
        >>> model.predict(x, verbose=0).ravel().tolist()
        [0.0, 0.0, 0.0, 1.0]

    Reference:
        Rosenblatt (1958), doi:10.1037/h0042519.
    """
    shape = _building_blocks.checked_shape(input_shape)
    if None in shape:
        raise _checks.InvalidArgument(
            "input_shape", "have fixed sizes for a perceptron", input_shape
        )
    _checks.number("learning_rate", learning_rate, above=0)
    stack: list[Any] = [keras.Input(shape, name="features")]
    if len(shape) > 1:
        stack.append(keras.layers.Reshape((math.prod(shape),), name="flatten"))  # type: ignore[arg-type]
    stack.append(layers.Perceptron(1, formulation=formulation, name="output"))
    model = Sequential(stack, name="perceptron")
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate),
        loss="mean_absolute_error",
        metrics=["accuracy"],
    )
    return model
