"""Safe loading of `.keras` files."""

import lzma
import os
import pathlib
import warnings
import zipfile
import zlib

import keras

# Errors of `zipfile` for damaged files; damage may also set the flag for encryption.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, NotImplementedError, RuntimeError),
)


def load(path: str | os.PathLike[str], *, compiled: bool = False) -> keras.Model:
    """Returns the model in a `.keras` file, without running code from the file.

    Args:
        path: The file.
        compiled: Whether the model comes with its optimizer, loss and metrics. An optimizer whose
            class cannot be imported is then an error.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a `.keras` file, is damaged, or contains code.
    """
    file = pathlib.Path(path)
    if not file.is_file():
        kind = "is a folder" if file.is_dir() else "does not exist"
        raise FileNotFoundError(f"{file} must be a model's file; it {kind}.")
    if not zipfile.is_zipfile(file):
        raise ValueError(
            f"{file} must be a `.keras` file, as `model.save('name.keras')` writes it; it is "
            "another kind of file, or it is truncated."
        )
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            # Keras would load weights with changed bits.
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
        with warnings.catch_warnings():
            # Of a model that was saved before its first step.
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            model = keras.saving.load_model(file, compile=compiled, safe_mode=True)
    except (TypeError, ValueError, KeyError, OSError) as error:
        raise ValueError(f"{file} cannot be loaded: {error}") from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{file} must hold a model; it holds a {type(model).__name__}.")
    return model
