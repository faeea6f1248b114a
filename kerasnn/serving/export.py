"""Export of a model as a version that a server loads."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.atomic_files import check_writable
from kerasnn._core.display.progress import Bar
from kerasnn._core.model import all_layers
from kerasnn._core.process.forked import check_not_forked
from kerasnn.data.images.resizing import RESIZES
from kerasnn.data.split import Split, check_is_split, refuse_split
from kerasnn.layers._adaptive import AdaptiveLayer
from kerasnn.serving.assets import model_card, warmup_requests
from kerasnn.serving.errors import RefusedRowsError
from kerasnn.serving.graph import example_rows, restrictions, saving, tables
from kerasnn.serving.graph.labels import Labels
from kerasnn.serving.graph.traced import input_structure, trace
from kerasnn.serving.publishing import batch_sizes as batching
from kerasnn.serving.publishing import publish, server_files, version_directory
from kerasnn.serving.report import ExportReport
from kerasnn.serving.runtime import recorded_examples, verification
from kerasnn.serving.runtime.recorded_examples import Arrays, Example
from kerasnn.serving.signatures import Signature, choose


@_checks.known_arguments
def export(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    version: int | None = None,
    split: Split | None = None,
    encoder: keras.Model | None = None,
    labels: Sequence[str] | None = None,
    examples: Any = None,
    signatures: str | Sequence[str] = "auto",
    resize: str | None = None,
    warmup: bool = True,
    batch_sizes: Sequence[int] = (1, 8, 32),
    verify: bool = True,
    overwrite: bool = False,
    verbose: int | str = "auto",
) -> ExportReport:
    """Publishes the inference of `model` as the SavedModel `path/<version>/`.

    The version is written to a hidden directory and verified there: a process without Keras runs
    the exported program on example rows, and its outputs must equal the model's predictions to
    1e-5 of each output's scale. Then the directory is renamed, and TensorFlow Serving picks it up.
    After an error or a crash there is no version; what fails the verification stays hidden for a
    day, with a report.

    The signatures, each for the models that it suits:

    | name              | inputs       | outputs                                              |
    |-------------------|--------------|------------------------------------------------------|
    | `serving_default` | the model's  | the model's, and `labels`                            |
    | `image_bytes`     | `image_bytes`: JPEG, PNG, BMP, GIF or WebP files | the same         |
    | `classify`        | `inputs`: `tf.train.Example` | `scores`, and `classes`: the labels  |
    | `regress`         | `inputs`: `tf.train.Example` | `outputs`                            |

    One input is named `image` where it is `(batch, height, width, 1, 3 or 4)`, and `features`
    otherwise; several keep their keys or the names of their `Input` layers, and one without a
    name is `input_0`, `input_1`, ... by its position. One output is named `probabilities` where
    softmax or sigmoid computes it, and `predictions` otherwise; several keep their keys, or are
    `output_0`, `output_1`, ... With `labels`, `probabilities` has one column for each label, in
    their order: a model that ends in one sigmoid is served with both, 1 - p and p. Without
    `labels` it is the model's own output, and that of one sigmoid is the probability of class 1.
    An example holds the inputs by name, or in place of `image` a file as `image_bytes`.

    With `encoder`, the inputs are the raw columns of a table, under the names that they have there,
    whatever text that is: encoder and model become one program, which takes texts, and numbers
    with NaN for a missing one. What no answer exists for, as a missing value in a column that
    never lacked one, it refuses with an error that names column and row.

    Only what inference reads is saved: no optimizer, no seeds, each weight once. Inputs keep
    their dtype; outputs are strings or float32, and an integer beyond 2**24, which float32 rounds,
    is an error. The program refuses shapes other than the model's, and values that reach a
    `keras.layers.Embedding` unchanged and are no indices of its rows.
    `assets.extra` holds `model_card.json`, `labels.txt`, warm-up requests, and the examples that
    `serving.verify` runs again. The first export also writes files for the server beside the
    versions: `models.config` and `batching_parameters.txt`, which the card's command lines name,
    and `compose.yaml` and `kubernetes.yaml`.

    A subclassed model records the shape of its first call but not the dtype. It is served with
    the dtype of its variables, unless `examples` hold integers, booleans or strings.

    Args:
        model: Any built Keras model.
        path: Directory of the versions, created if it is missing. Its name is the model's name.
        version: Number of the new version. The default is one more than the largest, from 1.
        split: The data that `model` learned from, whose `encoder`, `classes` and `resize` are taken
            for `encoder`, `labels` and `resize` where these are not given.
        encoder: Model from raw columns to the inputs of `model`, as `split.encoder` of
            `data.from_csv`: its inputs are a dictionary, column name -> text or number of shape
            `(batch,)`, or `(batch, n)` for n past steps. Neither of the two is changed.
        labels: Names of the classes, two for one sigmoid. The output `labels` is then the name of
            the largest probability, and the first of them where two are equal. It is empty where
            a probability is NaN. Several sigmoids give no such output.
        examples: Some rows of the model's inputs, as it takes them: an array, or a list or a
            dictionary of arrays. They are used for verification and for the requests in the model
            card, and all of them are stored with the version; 8 suffice. The default is made rows:
            floats in [0, 1), integers 0 and 1, strings `a` and `b`, with 128 for a free size of an
            image and 32 for any other. A model that refuses these needs examples. With
            `encoder` they are raw rows: a dictionary of columns, a list of dictionaries, or a
            frame; the default is the encoder's own `examples`.
        signatures: `auto` for all that suit the model, or the names of those to write.
        resize: How the files of `image_bytes` come to the size of the model's input: "stretch",
            "crop" or "pad", as `data.from_directory` has read the training images. None is that of
            `split`, or "stretch".
        warmup: Whether to write requests with which the server warms up, one for each signature
            and batch size.
        batch_sizes: Numbers of rows in the warm-up requests and in verification, and to which the
            server pads its batches.
        verify: Whether to compare outputs before publishing.
        overwrite: Whether to replace the version if it exists, and the server's files. If the
            process is killed in between, the version may be missing, but never partial.
        verbose: 1 for a progress bar, 0 for silence, "auto" for a bar on a terminal or in a
            notebook where it takes over two seconds.

    Returns:
        The published version.

    Raises:
        InvalidArgument: If `model` is not a built Keras model, keeps state between calls, calls
            Python, reads files, or refuses made rows; if `encoder` does not fit it, or has no
            examples and none are given; if `examples` do not fit it; if `path` is a file; if
            `version` is not a new positive integer; if `labels` do not fit the output; if a
            signature does not suit the model.
        ValueError: If the exported program gives other outputs than the model, or mixes the rows
            of a batch.
        OSError: If there is no room to write, or no permission.
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
            "path",
            "be the directory of the versions, by a name in UTF-8",
            path,
            "Give the data as `split=split`." if _checks.is_split(path) else "",
        )
    for name, value in {"warmup": warmup, "verify": verify, "overwrite": overwrite}.items():
        _checks.boolean(name, value)
    if split is not None:
        check_is_split("split", split)
        encoder = split.encoder if encoder is None else encoder
        labels = split.classes if labels is None else labels
        resize = split.resize if resize is None else resize
    resize = "stretch" if resize is None else resize
    _checks.one_of("resize", resize, RESIZES)
    sizes = batching.batch_sizes(batch_sizes)
    versions = pathlib.Path(path)
    publish.check(versions, version, overwrite=overwrite)
    # Inside of it, since what it lies in need not be writable where it exists.
    check_writable("path", versions / "1", kind="directory")
    restrictions.check_layers(model)
    if encoder is None:
        structure = example_rows.with_dtypes_of(examples, model, input_structure(model))
    else:
        structure = tables.checked(encoder, model)
        restrictions.check_layers(encoder)
    bar = Bar("Export: trace, write, verify", 3, verbose)
    traced = trace(model, structure, encoder)
    restrictions.check_operations(traced.program.graph.as_graph_def())
    saved = saving.module(traced)
    names = None if labels is None else Labels(labels, traced)
    chosen = choose(traced, names, signatures, resize)
    if encoder is not None:
        rows = tables.example_rows(encoder, examples)
    elif examples is None:
        rows = example_rows.made(traced.inputs)
    else:
        rows = example_rows.given(examples, structure, traced.inputs)
    requests = {name: signature.request(rows) for name, signature in chosen.items()}
    batching.check_bytes(sizes, requests.values())
    are_made = encoder is None and examples is None
    recorded = _recorded(chosen, rows, examples, are_made=are_made) if verify else None
    found = None
    bar.step()
    with bar, _full_disk_named(versions), publish.staged(versions) as directory:
        saving.save(
            saved,
            directory,
            {name: signature.function for name, signature in chosen.items()},
            {name: signature.method for name, signature in chosen.items()},
            traced.columns,
        )
        if names is not None:
            text = "\n".join([*names.names, ""])
            (directory / "assets.extra" / "labels.txt").write_text(text, encoding="utf-8")
        if warmup:
            warmup_requests.write(
                directory, server_files.model_name(versions), chosen, requests, sizes
            )
        bar.step()
        if recorded is not None:
            recorded_examples.write(directory / recorded_examples.FILE, recorded)
            found = verification.run(directory, directory / recorded_examples.FILE, sizes)
            found.check()
        bar.step()
        card = model_card.make(
            traced,
            directory,
            versions,
            rows=rows,
            signatures=chosen,
            resize=resize if "image_bytes" in chosen else None,
            requests=requests,
            labels=names,
            batch_sizes=sizes,
            verification=found,
        )
        text = json.dumps(card, indent=2, allow_nan=False)
        (directory / version_directory.MODEL_CARD).write_text(text, encoding="utf-8")
        size_bytes = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
        # Before the version is published, because a server may start at any moment.
        notes = server_files.write_files(versions, sizes, overwrite=overwrite)
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
        notes=(*_notes_on_training(model), *notes),
    )


def _notes_on_training(model: keras.Model) -> list[str]:
    """Returns a note on a model that has surely not been trained.

    Weights that were never trained look as others do; what a layer learns in `fit` is counted.
    """
    layers = [each for each in all_layers(model) if isinstance(each, AdaptiveLayer)]
    fresh = [layer.name for layer in layers if not layer.adapted]
    if not fresh:
        return []
    return [f"the model was not trained by kerasnn: its layer `{fresh[0]}` has learned nothing."]


@contextlib.contextmanager
def _full_disk_named(path: pathlib.Path) -> Iterator[None]:
    """Reports in one line that a file could not be written, and where."""
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
    """Returns whether every library that writes files here can encode the path."""
    try:
        return isinstance(path, str) and path != "" and b"\0" not in path.encode()
    except UnicodeEncodeError:
        return False


def _check_model(model: Any) -> None:
    check_not_forked()
    hint = "Give the model that was trained on it, and this as `split=split`."
    refuse_split("model", "be a Keras model", model, hint)
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument(
            "model",
            "be a Keras model",
            model,
            "It comes before the path. Load a file first, with `keras.saving.load_model`.",
        )
    if not model.built:
        raise _checks.InvalidArgument(
            "model",
            "be built, so that its inputs are known",
            model,
            "Call it on a batch, or fit it, first.",
            got=f"`{model.name}`, which is not",
        )


def _recorded(
    signatures: Mapping[str, Signature], rows: Arrays, examples: Any, *, are_made: bool
) -> dict[str, Example]:
    """Returns signature name -> example, with the model's predictions for `rows`."""
    try:
        return {name: signature.example(rows) for name, signature in signatures.items()}
    except RefusedRowsError as error:
        rule, hint = "be rows that the model predicts", ""
        if are_made:
            rule = f"be given for a model that refuses made rows, which are {example_rows.MADE}"
            hint = example_rows.HINT
        raise _checks.InvalidArgument(
            "examples", rule, examples, hint, got=f"the error: {error}"
        ) from error
