"""Asks a SavedModel again for the answers that were recorded with it."""

import os
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.serving.publishing import version_directory
from kerasnn.serving.publishing.batch_sizes import batch_sizes as sizes_of
from kerasnn.serving.publishing.batch_sizes import check_bytes
from kerasnn.serving.runtime import coerce_inputs, recorded_examples, verification
from kerasnn.serving.runtime.verification import Verification


@_checks.known_arguments
def verify(
    path: str | os.PathLike[str],
    examples: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] | None = None,
    *,
    batch_sizes: Sequence[int] = (1, 8, 32),
) -> Verification:
    """Compares the answers of a SavedModel with recorded ones.

    What is asked is a process of its own, which imports neither Keras nor TensorFlow's Python.

    Args:
        path: Directory of a SavedModel, or of numbered versions, of which the newest is taken.
        examples: Signature name -> (input name -> rows, output name -> answers). The default is
            what `serving.export` recorded; a SavedModel from elsewhere needs some.
        batch_sizes: Numbers of rows to ask for at a time. A batch repeats the rows; 20 are asked
            for one by one besides, and must get the same alone.

    Returns:
        The differences and the time that a row took.

    Raises:
        FileNotFoundError: If there is no SavedModel, or none with examples.
        ValueError: If an answer differs by more than 1e-5 of its output's scale, if the model
            does not answer at all, or if the examples are damaged or do not fit it.
        TypeError: If an argument is unknown.

    Example:
        >>> import keras, tempfile
        >>> from kerasnn import serving
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(10.0)])
        >>> report = serving.export(model, tempfile.mkdtemp())
        >>> verify(report.path).largest_difference <= 1e-5
        True
        >>> three = {"features": [[1.0, 2.0]]}, {"predictions": [[10.0, 30.0]]}
        >>> verify(report.path, {"serving_default": three})
        Traceback (most recent call last):
        kerasnn.serving.runtime.verification.UnverifiedError: The exported program must give ...
        `predictions` of `serving_default` differs by 0.33 of its scale, more than 1e-05. ...
    """
    directory = version_directory.find(path)
    sizes = sizes_of(batch_sizes)
    with tempfile.TemporaryDirectory() as folder:
        file = directory / recorded_examples.FILE
        if examples is not None:
            if not isinstance(examples, Mapping) or not examples:
                raise _checks.InvalidArgument("examples", "be by signature, at least one", examples)
            asked = {name: _example(name, example) for name, example in examples.items()}
            file = pathlib.Path(folder, recorded_examples.FILE.name)
            recorded_examples.write(file, asked)
        elif not file.is_file():
            raise FileNotFoundError(
                f"`examples` must be given for {str(directory)!r}, where no answers are recorded "
                f"({recorded_examples.FILE})."
            )
        else:
            # Damage is no difference, and is not to be found in another process.
            asked = recorded_examples.read(file)
        check_bytes(sizes, [example.inputs for example in asked.values()])
        found = verification.run(directory, file, sizes)
    found.check()
    return found


def _example(signature: Any, given: Any) -> recorded_examples.Example:
    if not isinstance(signature, str) or "/" in signature:
        raise ValueError(
            f"`examples` must be by the name of a signature, which has no '/'; got {signature!r}."
        )
    is_pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not is_pair or not all(isinstance(side, Mapping) and side for side in given):
        raise ValueError(
            f"`examples[{signature!r}]` must be two dictionaries, of inputs and of answers, by "
            f"name; got {given!r}."
        )
    inputs, outputs = (
        {key: _array(signature, key, v) for key, v in side.items()} for side in given
    )
    # The answers may be whole by chance; those of a program that gives such are still all equal.
    outputs = {k: a.astype(np.float64) if a.dtype.kind in "iu" else a for k, a in outputs.items()}
    example = recorded_examples.Example(inputs, outputs)
    counts = {array.shape[:1] for side in example for array in side.values()}
    if len(counts) != 1 or counts & {(), (0,)}:
        raise ValueError(
            f"`examples[{signature!r}]` must hold arrays of equally many rows, at least one; got "
            f"{sorted(counts)}."
        )
    return example


def _array(signature: str, name: Any, value: Any) -> np.ndarray:
    place = f"examples[{signature!r}]"
    if not isinstance(name, str):
        raise ValueError(f"`{place}` must have names of inputs and outputs as keys; got {name!r}.")
    try:
        array = np.asarray(_checks.plain(f"{place}: {name}", value))
    except ValueError:
        raise ValueError(
            f"`{place}` must hold rows that are all of one shape; those of {name!r} are not."
        ) from None
    if array.dtype.kind in "SUO":
        return coerce_inputs.strings(f"{place}: {name}", value)
    if array.dtype.kind not in "biufV" or array.dtype.names is not None:
        raise ValueError(
            f"`{place}` must hold real numbers or strings; {name!r} holds {array.dtype.name}."
        )
    return array
