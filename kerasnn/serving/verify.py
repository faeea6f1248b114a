"""Verification of a published SavedModel."""

import os
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.serving.publishing import batch_sizes as batching
from kerasnn.serving.publishing import version_directory
from kerasnn.serving.runtime import coerce_inputs, recorded_examples, verification
from kerasnn.serving.runtime.verification import Verification


@_checks.known_arguments
def verify(
    path: str | os.PathLike[str],
    examples: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] | None = None,
    *,
    batch_sizes: Sequence[int] = (1, 8, 32),
) -> Verification:
    """Compares the outputs of a SavedModel with recorded ones.

    A separate process without Keras runs the model: with TensorFlow's C library, or with
    `tf.saved_model.load` where that is missing.

    Args:
        path: Directory of a SavedModel, or of numbered versions, of which the newest is taken.
        examples: Signature name -> (input name -> rows, output name -> expected rows). The default
            is what `serving.export` recorded; a SavedModel from elsewhere needs examples.
        batch_sizes: Numbers of rows in the batches, which repeat the rows. Besides, 20 rows are
            run one by one, and each must get the same outputs as in a batch.

    Returns:
        The differences, and the time for a row.

    Raises:
        FileNotFoundError: If there is no SavedModel, or none with examples.
        InvalidArgument: If an argument is invalid.
        ValueError: If an output differs by more than 1e-5 of its scale, if the model cannot be
            run, or if the examples are damaged or do not fit it.
        TypeError: If an argument is unknown.

    Example:
        >>> import keras, tempfile
        >>> from kerasnn import serving
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(10.0)])
        >>> report = serving.export(model, tempfile.mkdtemp(), verify=False)
        >>> three = {"features": [[1.0, 2.0]]}, {"predictions": [[10.0, 30.0]]}
        >>> verify(report.path, {"serving_default": three})
        Traceback (most recent call last):
        kerasnn.serving.errors.UnverifiedError: The exported program must give the model's ...
        `predictions` of `serving_default` differs by 0.33 of its scale, more than 1e-05. ...
    """
    directory = version_directory.find(path)
    sizes = batching.batch_sizes(batch_sizes)
    with tempfile.TemporaryDirectory() as folder:
        file = directory / recorded_examples.FILE
        if examples is not None:
            if not isinstance(examples, Mapping) or not examples:
                raise _checks.InvalidArgument("examples", "be by signature, at least one", examples)
            recorded = {name: _example(name, example) for name, example in examples.items()}
            file = pathlib.Path(folder, recorded_examples.FILE.name)
            recorded_examples.write(file, recorded)
        elif not file.is_file():
            raise FileNotFoundError(
                f"`examples` must be given for {str(directory)!r}, where no examples are recorded "
                f"({recorded_examples.FILE})."
            )
        else:
            # Damage is to be reported here, and not as a failure of the other process.
            recorded = recorded_examples.read(file)
        batching.check_bytes(sizes, [example.inputs for example in recorded.values()])
        found = verification.run(directory, file, sizes)
    found.check()
    return found


def _example(signature: Any, given: Any) -> recorded_examples.Example:
    if not isinstance(signature, str) or "/" in signature:
        raise _checks.InvalidArgument(
            "examples", "have names of signatures as keys", signature, got=repr(signature)
        )
    name = f"examples[{signature!r}]"
    is_pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not is_pair or not all(isinstance(side, Mapping) and side for side in given):
        rule = "be two dictionaries, of inputs and of outputs, by name"
        raise _checks.InvalidArgument(name, rule, given, got=repr(given))
    inputs, outputs = ({key: _array(name, key, v) for key, v in side.items()} for side in given)
    # Expected outputs may be written as integers where the program gives floats; integers of the
    # program are compared exactly all the same.
    outputs = {k: a.astype(np.float64) if a.dtype.kind in "iu" else a for k, a in outputs.items()}
    example = recorded_examples.Example(inputs, outputs)
    counts = {array.shape[:1] for side in example for array in side.values()}
    if len(counts) != 1 or counts & {(), (0,)}:
        rule = "hold arrays of equally many rows, at least one"
        raise _checks.InvalidArgument(name, rule, given, got=str(sorted(counts)))
    return example


def _array(place: str, name: Any, value: Any) -> np.ndarray:
    if not isinstance(name, str):
        rule = "have names of inputs and outputs as keys"
        raise _checks.InvalidArgument(place, rule, name, got=repr(name))
    try:
        array = np.asarray(_checks.plain(f"{place}: {name}", value))
    except ValueError:
        raise _checks.InvalidArgument(
            place, f"hold rows of {name!r} that are all of one shape", value
        ) from None
    if array.dtype.kind in "SUO":
        return coerce_inputs.strings(f"{place}: {name}", value)
    if array.dtype.kind not in "biufV" or array.dtype.names is not None:
        raise _checks.InvalidArgument(
            place, f"hold real numbers or strings in {name!r}", value, got=array.dtype.name
        )
    return array
