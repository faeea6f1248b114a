"""Loss and metrics on data."""

from typing import Any

import keras

from kerasnn import _checks
from kerasnn.training import rows


@_checks.known_arguments
def evaluate(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: int | str = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """Returns loss and metrics of a compiled Keras model; the arguments are Keras's.

    Raises:
        ValueError: If data or an argument cannot be right.
        TypeError: If an argument is unknown.
    """
    if batch_size is not None:
        _checks.whole_number("batch_size", batch_size)
    if not rows.is_stream(x):
        data = rows.read(model, x, y, sample_weight)
        x, y, sample_weight = data.x, data.y, data.sample_weight
    return keras.Model.evaluate(
        model,
        x=x,
        y=y,
        batch_size=batch_size,
        verbose=verbose,
        sample_weight=sample_weight,
        steps=steps,
        callbacks=callbacks,
        return_dict=return_dict,
    )
