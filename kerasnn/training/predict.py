"""Outputs for data."""

from typing import Any

import keras

from kerasnn import _checks
from kerasnn.training import rows


@_checks.known_arguments
def predict(
    model: keras.Model,
    x: Any,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """Returns the outputs of a Keras model; the arguments are Keras's.

    Raises:
        ValueError: If a row holds NaN or infinity, or data or an argument cannot be right.
        TypeError: If an argument is unknown.
    """
    if batch_size is not None:
        _checks.whole_number("batch_size", batch_size)
    if not rows.is_stream(x):
        x = rows.read(model, x).x
    return keras.Model.predict(
        model, x, batch_size=batch_size, verbose=verbose, steps=steps, callbacks=callbacks
    )
