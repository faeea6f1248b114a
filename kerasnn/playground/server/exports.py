"""Files that a session hands over: the model, its SavedModel, configuration and code."""

import pathlib
import shutil
import tempfile
from typing import Any

import keras

from kerasnn._core import keras_file
from kerasnn.playground.points.data import Data
from kerasnn.playground.session.frame import dump
from kerasnn.playground.session.session import Session
from kerasnn.serving.export import export

#: File -> its media type, and the name under which a browser saves it. A script named `code.py`
#: would take the place of a module of Python's that others import.
FILES = {
    "model.keras": ("application/octet-stream", "playground.keras"),
    "saved_model.zip": ("application/zip", "playground.zip"),
    "configuration.json": ("application/json", "playground.json"),
    "code.py": ("text/x-python", "playground.py"),
}
_SECONDS = 60
_NAME = "playground"


def read_file(session: Session, name: str) -> bytes:
    """Returns one of the files.

    Args:
        session: The session.
        name: Name of the file, one of `FILES`.

    Raises:
        ValueError: If it cannot be made.
        TimeoutError: If no epoch ends within a minute.
    """
    with tempfile.TemporaryDirectory(prefix="kerasnn-playground-") as folder:
        directory = pathlib.Path(folder)
        if name == "configuration.json":
            found = session.call(lambda trainer: dump(trainer.configuration.as_dict()))
            return found.result(_SECONDS).encode()
        if name == "code.py":
            return session.call(lambda trainer: trainer.code()).result(_SECONDS).encode()
        data = session.save(directory / "model.keras").result(_SECONDS)
        if name == "model.keras":
            return (directory / name).read_bytes()
        return _saved_model(directory, data)


def _saved_model(directory: pathlib.Path, data: Data) -> bytes:
    """Returns the verified SavedModel of `model.keras`, packed."""
    model = in_units(keras_file.load(directory / "model.keras"), data)
    export(
        model,
        directory / "exported" / _NAME,
        encoder=data.split.encoder,
        labels=list(data.classes) or None,
        examples=None if data.split.encoder is not None else data.split.x_test[:8],
        verbose=0,
    )
    packed = shutil.make_archive(str(directory / "saved_model"), "zip", directory / "exported")
    return pathlib.Path(packed).read_bytes()


def in_units(model: Any, data: Data) -> Any:
    """Returns a model whose predictions have the units of the table's target."""
    if data.units is None:
        return model
    mean, deviation = data.units
    outputs = keras.layers.Rescaling(deviation, offset=mean, name="target_units")(model.outputs[0])
    return keras.Model(model.inputs, outputs, name=_NAME)
