"""A `.keras` file, read with care."""

import lzma
import os
import pathlib
import zipfile
import zlib

import keras

# What `zipfile` raises for other bytes than were written. A flag that says encrypted is one.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, NotImplementedError, RuntimeError),
)


def load(path: str | os.PathLike[str]) -> keras.Model:
    """Returns the model in a `.keras` file, without running code that the file brings along.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no `.keras` file, a damaged one, or one with code in it.
    """
    file = pathlib.Path(path)
    if not file.is_file():
        kind = "is a folder" if file.is_dir() else "does not exist"
        raise FileNotFoundError(f"{file} must be a model's file; it {kind}.")
    if not zipfile.is_zipfile(file):
        raise ValueError(
            f"{file} must be a `.keras` file, as `model.save('name.keras')` writes it; it is "
            "another kind of file, or the end of it is missing."
        )
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            # Keras would load weights of which a bit has changed.
            damaged = archive.testzip()
    except _DAMAGES as error:
        raise ValueError(f"{file} is damaged: {error}.") from None
    if not {"config.json", "model.weights.h5"} <= set(names):
        raise ValueError(
            f"{file} must be a `.keras` file; it is an archive of {', '.join(names[:5])}."
        )
    if damaged:
        raise ValueError(f"{file} is damaged: {damaged} in it is not what was written.")
    try:
        # What trained it is not needed, and may be of a class that is not here.
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    except (TypeError, ValueError, KeyError, OSError) as error:
        raise ValueError(f"{file} cannot be loaded: {error}") from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{file} must hold a model; it holds a {type(model).__name__}.")
    return model
