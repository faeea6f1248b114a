"""From a model to a version of it that a server picks up."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.serving import labels as classes
from kerasnn.serving import portable, program, publishing, verification
from kerasnn.serving.export_report import ExportReport, Signatures


@_checks.known_arguments
def export(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    version: int | None = None,
    labels: Sequence[str] | None = None,
) -> ExportReport:
    """Publishes the inference of `model` as the SavedModel `path/<version>/`.

    TensorFlow Serving picks the directory up when it appears, and it appears only once the
    exported program, loaded from disk, gave the model's own answers on random inputs of two
    batch sizes, to 1e-5 of each output's scale. Until then it is hidden; after an error or a
    crash no version is there.

    The signature is `serving_default`. One input is named `image` where it is
    `(batch, height, width, 1, 3 or 4)`, and `features` otherwise; several keep their keys or
    the names of their `Input` layers, and one without a name is `input_0`, `input_1`, ... by its
    place. One output is named `probabilities` where softmax or sigmoid computed it, and
    `predictions` otherwise; several keep their keys, or are `output_0`, `output_1`, ...

    Only what inference reads is saved: no optimizer, no seeds, each weight once. Inputs keep
    their dtype; 16-bit outputs become float32. Shapes other than the model's are refused.

    Args:
        model: Any built Keras model. A subclassed model takes inputs of the shape that it was
            first called with, and of its variables' dtype.
        path: Directory of the versions, made where it is missing.
        version: Number of the new version. The default is the next whole number after
            those that are there, from 1.
        labels: Names of the classes, written to `assets.extra/labels.txt`. The output
            `labels` is then the name of the largest probability; of one sigmoid it is the second
            name where p > 0.5, else the first. Several sigmoids give no such output.

    Returns:
        What was published.

    Raises:
        ValueError: If `model` is not a built Keras model, keeps state between calls, calls
            Python, or answers differently once exported; if `path` is a file; if `version` is
            not a new positive whole number; if `labels` do not fit the output.
        TypeError: If an argument is unknown.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
        >>> report = export(model, tempfile.mkdtemp(), labels=["ant", "bee", "cat"])
        >>> report.version, sorted(report.signatures["serving_default"]["outputs"])
        (1, ['labels', 'probabilities'])
        >>> served = tf.saved_model.load(report.path).signatures["serving_default"]
        >>> served(features=tf.ones((2, 4)))["labels"].shape
        TensorShape([2])
    """
    _check_model(model)
    if not isinstance(path, (str, os.PathLike)):
        raise _checks.wrong("path", "be the directory of the versions", path)
    versions = pathlib.Path(path)
    publishing.check(versions, version)
    names = None if labels is None else classes.check(labels)
    inference = program.trace(model, names)
    with publishing.draft(versions) as directory:
        tf.saved_model.save(
            inference.module, directory, signatures={"serving_default": inference.function}
        )
        portable.strip(directory)
        if names is not None:
            extra = directory / "assets.extra"
            extra.mkdir()
            (extra / "labels.txt").write_text("\n".join([*names, ""]), encoding="utf-8")
        loaded = tf.saved_model.load(directory)
        difference = verification.largest_difference(
            loaded.signatures["serving_default"], model, inference, names
        )
        size_bytes = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
        number = publishing.publish(directory, versions, version)
    return ExportReport(
        path=versions / str(number),
        version=number,
        signatures=_signatures(loaded, inference),
        size_bytes=size_bytes,
        largest_difference=difference,
    )


def _check_model(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise _checks.wrong(
            "model",
            "be a Keras model",
            model,
            "Load a file first, with `keras.saving.load_model`.",
        )
    if not model.built:
        raise ValueError(
            f"`model` must be built, so that its inputs are known; `{model.name}` is not. Call it "
            "on a batch, or fit it, first."
        )


def _signatures(loaded: Any, inference: program.Program) -> Signatures:
    # Loading loses the order of the names.
    function = loaded.signatures["serving_default"]
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    return {
        "serving_default": {
            "inputs": {name: inputs[name] for name in inference.inputs},
            "outputs": {name: outputs[name] for name in inference.function.structured_outputs},
        }
    }
