"""Safe loading of `.keras` files."""

import lzma
import os
import pathlib
import warnings
import zipfile
import zlib

import keras

from kerasnn import _checks

# Errors of `zipfile` for damaged files; damage may also set the flag for encryption.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, NotImplementedError, RuntimeError),
)


def load(
    path: str | os.PathLike[str], *, compiled: bool = False, argument: str = "path"
) -> keras.Model:
    """Returns the model in a `.keras` file, without running code from the file.

    Args:
        path: The file.
        compiled: Whether the model comes with its optimizer, loss and metrics. An optimizer whose
            class cannot be imported is then an error.
        argument: Name of the argument that gives the path, for errors.

    Raises:
        FileNotFoundError: If there is no such file.
        InvalidArgument: If it is not a `.keras` file, is damaged, or contains code.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise _checks.InvalidArgument(argument, "be the path of a `.keras` file", path)
    file = pathlib.Path(path)
    if not file.is_file():
        kind = "is a folder" if file.is_dir() else "does not exist"
        if any(file.glob("saved_model.pb")) or any(file.glob("*/saved_model.pb")):
            kind += " of a SavedModel, which `kerasnn.serving.Predictor` opens"
        raise FileNotFoundError(f"{file} must be a model's file; it {kind}.")
    if not zipfile.is_zipfile(file):
        raise _refusal(argument, file, "which is another kind of file, or truncated")
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            # Keras would load weights with changed bits.
            damaged = archive.testzip()
    except _DAMAGES as error:
        raise _refusal(argument, file, f"which is damaged: {error}".rstrip(".")) from None
    if not {"config.json", "model.weights.h5"} <= set(names):
        raise _refusal(argument, file, f"an archive of {', '.join(names[:5])}")
    if damaged:
        raise _refusal(argument, file, f"which is damaged: {damaged} is not what was written")
    try:
        with warnings.catch_warnings():
            # Of a model that was saved before its first step.
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            model = keras.saving.load_model(file, compile=compiled, safe_mode=True)
    except (TypeError, ValueError, KeyError, OSError) as error:
        found = f"which cannot be loaded: {error}".rstrip(" .")
        raise _refusal(argument, file, found) from error
    if not isinstance(model, keras.Model):
        raise _refusal(argument, file, f"which holds a {type(model).__name__}")
    return model


def _refusal(argument: str, file: pathlib.Path, found: str) -> _checks.InvalidArgument:
    return _checks.InvalidArgument(
        argument,
        "be a `.keras` file of a model, as `model.save('name.keras')` writes it",
        str(file),
        got=f"{file}, {found}",
    )
