"""`kerasnn.transfer.unfreeze`."""

import keras

from kerasnn import _checks
from kerasnn.transfer.counts import Counts
from kerasnn.transfer.freeze_to import first_to_train
from kerasnn.transfer.trainability import train_from


@_checks.known_arguments
def unfreeze(model: keras.Model, *, batch_norm: bool = False) -> Counts:
    """Lets all layers of a model train.

    It takes effect at once, also on a compiled model: the optimizer keeps its rate, its count of
    steps, and its slots for what trained before. Prints the counts.

    Args:
        model: A built Keras model.
        batch_norm: Whether batch normalisations before the head train too. By default they go on
            with the statistics that they have, which few images would move far.

    Returns:
        The counts of `trainable` and `frozen` parameters, and of the `layers` that train.

    Raises:
        ValueError: If `model` is no built Keras model.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import models
        >>> counts = unfreeze(models.mlp(4, 3, task="multiclass", hidden=(), normalize=False))
        15 parameters trainable, in 1 layer; 0 frozen
    """
    counts = train_from(model, first_to_train(model, 0), batch_norm=batch_norm)
    print(counts)
    return counts
