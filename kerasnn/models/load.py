"""Models from `.keras` files."""

import os

import keras

from kerasnn import _checks
from kerasnn._core import keras_file


@_checks.known_arguments
def load(path: str | os.PathLike[str], *, compiled: bool = True) -> keras.Model:
    """Returns the model in a `.keras` file, with the layers of this package known.

    As `keras.saving.load_model`, which knows those layers too once kerasnn is imported; besides,
    a file of which a bit has changed is refused, and code in it is not run.

    Args:
        path: A file that `model.save("name.keras")` has written.
        compiled: Whether the model comes with its optimizer, loss and metrics.

    Raises:
        FileNotFoundError: If there is no such file.
        InvalidArgument: If it is not a `.keras` file, is damaged, or contains code.

    Example:
        >>> import pathlib, tempfile
        >>> from kerasnn import models
        >>> file = pathlib.Path(tempfile.mkdtemp(), "model.keras")
        >>> models.mlp(2, 1, task="binary").save(file)
        >>> load(file).loss
        'binary_crossentropy'
    """
    _checks.boolean("compiled", compiled)
    return keras_file.load(path, compiled=compiled)
