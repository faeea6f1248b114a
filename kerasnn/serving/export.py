"""From a model to a version of it that a server picks up."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.serving.assets import model_card, warmup_requests
from kerasnn.serving.graph import restrictions
from kerasnn.serving.graph.example_rows import draw
from kerasnn.serving.graph.inference import Inference
from kerasnn.serving.graph.labels import Labels
from kerasnn.serving.publishing import publish, server_files
from kerasnn.serving.publishing.batch_sizes import batch_sizes as sizes_of
from kerasnn.serving.publishing.batch_sizes import check_bytes
from kerasnn.serving.report import ExportReport
from kerasnn.serving.runtime import recorded_examples, verification
from kerasnn.serving.signatures import Signature, choose


@_checks.known_arguments
def export(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    version: int | None = None,
    labels: Sequence[str] | None = None,
    signatures: str | Sequence[str] = "auto",
    warmup: bool = True,
    batch_sizes: Sequence[int] = (1, 8, 32),
    verify: bool = True,
    overwrite: bool = False,
) -> ExportReport:
    """Publishes the inference of `model` as the SavedModel `path/<version>/`.

    TensorFlow Serving picks the directory up when it appears, and it appears only once the
    exported program gave the model's own answers, to 1e-5 of each output's scale. What is asked
    is a process that imports neither Keras nor TensorFlow's Python, and runs the program through
    TensorFlow's C library. Until then the directory is hidden; after an error or a crash no
    version is there. One that answers otherwise stays hidden, with a report.

    The signatures, each for the models that it suits:

    | name              | inputs       | outputs                                              |
    |-------------------|--------------|------------------------------------------------------|
    | `serving_default` | the model's  | the model's, and `labels`                            |
    | `image_bytes`     | `image_bytes`: JPEG, PNG, BMP, GIF or WebP files | the same         |
    | `classify`        | `inputs`: `tf.train.Example` | `scores`, and `classes`: the labels  |
    | `regress`         | `inputs`: `tf.train.Example` | `outputs`                            |

    One input is named `image` where it is `(batch, height, width, 1, 3 or 4)`, and `features`
    otherwise; several keep their keys or the names of their `Input` layers, and one without a
    name is `input_0`, `input_1`, ... by its place. One output is named `probabilities` where
    softmax or sigmoid computed it, and `predictions` otherwise; several keep their keys, or are
    `output_0`, `output_1`, ... With `labels`, `probabilities` has one column for each label, in
    their order: a model that ends in one sigmoid is served with both, 1 - p and p. Without
    `labels` it is the model's own output, and that of one sigmoid is the probability of class 1.
    An example holds the inputs by name, or in place of `image` a file as `image_bytes`.

    Only what inference reads is saved: no optimizer, no seeds, each weight once. Inputs keep
    their dtype; outputs are strings or float32, and of a whole number beyond 2**24, whose last
    digits that has not, an error. Shapes other than the model's are refused, and so are values that
    reach a `keras.layers.Embedding` unchanged and are no indices of its rows.
    `assets.extra` holds `model_card.json`, `labels.txt`, warm-up requests, and the examples that
    `serving.verify` asks again; beside the versions stand the files that the card's command
    lines start a server with.

    Args:
        model: Any built Keras model. A subclassed model takes inputs of the shape that it was
            first called with, of whole numbers or strings where it makes those of them before
            anything else, and else of its variables' dtype; one that answers whole numbers
            otherwise than the same floats is refused, for it does not tell which it was made for.
        path: Directory of the versions, made where it is missing. Its name is the model's.
        version: Number of the new version. The default is the next whole number after
            those that are there, from 1.
        labels: Names of the classes, two for one sigmoid. The output `labels` is then the name of
            the largest probability, and the first of them where two are equal. It is empty where
            a probability is NaN. Several sigmoids give no such output.
        signatures: `auto` for all that suit the model, or the names of those to write.
        warmup: Whether to write requests with which the server warms up, one for each signature
            and batch size.
        batch_sizes: Numbers of rows that are asked for in warming up and in verification, and
            that the server fills its batches up to. Larger ones than the versions before had
            make room in `batching_parameters.txt`, which a server reads when it starts.
        verify: Whether to compare answers before publishing.
        overwrite: Whether to replace the version if it is there, and to write the server's files
            anew.

    Returns:
        What was published.

    Raises:
        ValueError: If `model` is not a built Keras model, keeps state between calls, calls
            Python, reads files, mixes the rows of a batch, answers no row of any size that is
            tried where a size is free, or answers differently once exported; if `path` is a file;
            if `version` is not a new positive whole number; if `labels` do not fit the output; if a
            signature does not suit the model.
        OSError: If there is no room to write, or no right to.
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
    if not isinstance(path, (str, os.PathLike)) or not _is_name(os.fspath(path)):
        raise _checks.InvalidArgument(
            "path", "be the directory of the versions, by a name in UTF-8", path
        )
    for name, value in {"warmup": warmup, "verify": verify, "overwrite": overwrite}.items():
        if not isinstance(value, bool):
            raise _checks.InvalidArgument(name, "be True or False", value)
    sizes = sizes_of(batch_sizes)
    versions = pathlib.Path(path)
    publish.check(versions, version, overwrite=overwrite)
    inference = Inference(model)
    names = None if labels is None else Labels(labels, inference)
    chosen = choose(inference, names, signatures)
    rows = draw(inference)
    requests = {name: signature.request(rows) for name, signature in chosen.items()}
    check_bytes(sizes, requests.values())
    found = None
    with _full_disk_named(versions), publish.draft(versions) as directory:
        _save(inference, chosen, directory)
        if names is not None:
            text = "\n".join([*names.names, ""])
            (directory / "assets.extra" / "labels.txt").write_text(text, encoding="utf-8")
        if warmup:
            warmup_requests.write(
                directory, server_files.model_name(versions), chosen, requests, sizes
            )
        if verify:
            examples = {name: signature.example(rows) for name, signature in chosen.items()}
            recorded_examples.write(directory / recorded_examples.FILE, examples)
            found = verification.run(directory, directory / recorded_examples.FILE, sizes)
            found.check()
        contents = model_card.make(
            model, directory, versions, chosen, requests, names, sizes, found
        )
        text = json.dumps(contents, indent=2, allow_nan=False)
        (directory / model_card.FILE).write_text(text, encoding="utf-8")
        size_bytes = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
        # Before the version is there, for a server may start at any moment.
        server_files.write_files(
            versions, model_card.batch_sizes(versions) | set(sizes), overwrite=overwrite
        )
        number = publish.publish(directory, versions, version, overwrite=overwrite)
    return ExportReport(
        path=versions / str(number),
        version=number,
        signatures={
            name: {"inputs": signature.inputs, "outputs": signature.outputs}
            for name, signature in chosen.items()
        },
        size_bytes=size_bytes,
        verification=found,
    )


@contextlib.contextmanager
def _full_disk_named(path: pathlib.Path) -> Iterator[None]:
    """Says in one line that a file could not be written, and where."""
    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(f"{path} must be a place to write to: {_line(error.message)}") from error
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(f"{path} must be a place to write to: {_line(str(error))}") from error


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _is_name(path: Any) -> bool:
    """Returns whether all that reads and writes files here can write the name of one."""
    try:
        return isinstance(path, str) and path != "" and b"\0" not in path.encode()
    except UnicodeEncodeError:
        return False


def _check_model(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument(
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


def _save(inference: Inference, chosen: dict[str, Signature], directory: pathlib.Path) -> None:
    functions = {name: signature.function for name, signature in chosen.items()}
    tf.saved_model.save(inference.module, directory, signatures=functions)
    restrictions.finish(directory, {name: signature.method for name, signature in chosen.items()})
    (directory / "assets.extra").mkdir()
