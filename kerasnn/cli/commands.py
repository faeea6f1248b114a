"""Commands `export`, `verify` and `predict`."""

import argparse
import json
import mimetypes
import pathlib
import shlex
import sys
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnn._checks import InvalidArgument
from kerasnn._core import raw_rows
from kerasnn.cli import csv_rows
from kerasnn.cli.errors_in_flags import flags_of, in_flags
from kerasnn.cli.late_import import import_keras, without_log
from kerasnn.cli.training.options import RESIZES
from kerasnn.serving.errors import MissingSignatureError
from kerasnn.serving.predictor import Predictor
from kerasnn.serving.publishing import server_files, version_directory
from kerasnn.serving.verify import verify

_JSON = (".json", ".jsonl")
# All examples are stored with the version.
_MOST_EXAMPLES = 100
_LABELS = "a text file in UTF-8 with a name a line"
_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
# Batch, height, width, channels.
_IMAGE_AXES = 4
_PREDICT = """\
A model that was exported with an encoder takes the columns of its table by name, from a CSV file
with a header or from a list of objects in JSON, in any order. For other models: several model
inputs take one column of a CSV file each, by the names in its first line, in any order. One input
takes all columns in their order; it knows no names. There, a first line without any number is a
header where numbers follow. Any other first line may be names or values: give --header or --no-
header.

Where a model takes n past steps (`train --windows`), the rows of a table are one series in the
order of time: each n rows that follow one another give one prediction. Of a series with groups,
give the rows of one group only.

An image file is decoded and resized as it was for training. The output is JSON, with a
probability for each label, in the order of the labels:

  {"predictions": [{"probabilities": [0.1, 0.9], "labels": "cat"}]}
"""


def add_to(commands: Any) -> None:
    """Adds the three commands to a parser's subparsers; each sets `run`."""
    parser = commands.add_parser(
        "export",
        help="write a .keras file as a SavedModel that TensorFlow Serving loads",
        description="Writes the model in a .keras file as the next version in PATH, once the "
        "exported program has given the model's own predictions.",
        epilog="Example: kerasnn export iris.keras models/iris --labels setosa "
        "versicolor virginica",
    )
    parser.add_argument("model", metavar="MODEL.keras", type=pathlib.Path)
    # As a string, because an empty path would become the current directory.
    parser.add_argument("path", metavar="PATH", help="directory of the versions")
    parser.add_argument(
        "--encoder",
        metavar="ENCODER.keras",
        type=pathlib.Path,
        help="the encoder of the model's table, so that raw rows are served",
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        metavar="NAME",
        help="names of the classes in their order, or one text file with a name a line",
    )
    parser.add_argument(
        "--examples",
        metavar="FILE",
        type=pathlib.Path,
        help="rows of the model's inputs for verification: an array in a .npy file, or arrays by "
        "input name in a .npz file; with --encoder also a .csv, .json or .jsonl file, of which the "
        f"first {_MOST_EXAMPLES} rows are taken; default: the encoder's own, or made rows",
    )
    parser.add_argument("--version", type=int, metavar="N", help="default: the next one")
    parser.add_argument(
        "--signatures", nargs="+", metavar="NAME", default="auto", help="default: all that suit"
    )
    parser.add_argument("--batch-sizes", nargs="+", type=int, metavar="N", default=[1, 8, 32])
    parser.add_argument(
        "--resize",
        choices=RESIZES,
        default="stretch",
        help="how image files come to the size of the input, as `train --resize` had it; default: "
        "stretch",
    )
    parser.add_argument("--no-warmup", action="store_true", help="write no warm-up requests")
    parser.add_argument("--no-verify", action="store_true", help="publish without comparing")
    parser.add_argument("--overwrite", action="store_true", help="replace the version given")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    names = ("version", "encoder", "labels", "examples", "signatures", "resize", "batch_sizes")
    flags = flags_of([*names, "overwrite"], path="PATH")
    parser.set_defaults(run=_export, flags=flags)

    parser = commands.add_parser(
        "verify",
        help="compare the outputs of a SavedModel with those that were recorded with it",
        description="Runs the SavedModel in PATH, or the newest version there, on the examples "
        "that were recorded with it. Exits with 0 where all outputs are within 1e-5, else with 1.",
    )
    parser.add_argument("path", metavar="PATH", type=pathlib.Path)
    parser.add_argument("--json", action="store_true", help="print the differences as JSON")
    parser.set_defaults(run=_verify, flags=flags_of((), path="PATH"))

    parser = commands.add_parser(
        "predict",
        help="predict CSV rows or image files with a SavedModel",
        description="Predicts with the SavedModel in PATH, or the newest version there, without "
        "Keras.",
        epilog=_PREDICT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", type=pathlib.Path)
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=pathlib.Path,
        help=f"a CSV file, an image ({', '.join(_IMAGES)}), or rows of a table in JSON "
        f"({', '.join(_JSON)})",
    )
    first_line = parser.add_mutually_exclusive_group()
    first_line.add_argument(
        "--header",
        action="store_true",
        help="the first line of a CSV file holds the names of its columns",
    )
    first_line.add_argument(
        "--no-header",
        dest="header",
        action="store_false",
        help="the first line of a CSV file holds values",
    )
    parser.add_argument(
        "--ignore",
        nargs="+",
        metavar="COLUMN",
        default=[],
        help="columns of a table to leave out where they are there, such as the target",
    )
    parser.add_argument("--delimiter", default=",", metavar="CHARACTER", help="default: ,")
    parser.add_argument("--encoding", default="utf-8-sig", metavar="NAME", help="default: utf-8")
    parser.set_defaults(run=_predict, header=None, flags=flags_of((), path="PATH"))


def _export(given: argparse.Namespace) -> None:
    import_keras()
    from kerasnn._core import keras_file
    from kerasnn.serving.assets import model_card
    from kerasnn.serving.export import export

    encoder = (
        None if given.encoder is None else keras_file.load(given.encoder, argument="--encoder")
    )
    report = export(
        keras_file.load(given.model, argument="MODEL.keras"),
        given.path,
        version=given.version,
        encoder=encoder,
        labels=_labels(given.labels),
        examples=_examples(given.examples, encoder),
        signatures="auto" if given.signatures == ["auto"] else given.signatures,
        resize=given.resize,
        warmup=not given.no_warmup,
        batch_sizes=given.batch_sizes,
        verify=not given.no_verify,
        overwrite=given.overwrite,
    )
    contents = json.loads((report.path / version_directory.MODEL_CARD).read_text(encoding="utf-8"))
    if given.json:
        print(json.dumps({**report.as_dict(), "serve": contents["serve"]}))
        return
    request = model_card.shown_request(contents)
    serve = contents["serve"]["docker"]
    print(in_flags(str(report), given.flags), f"Serve it:\n  {serve}", sep="\n\n")
    if request:
        print(f"\nSend a request:\n  {request}")


def _labels(names: list[str] | None) -> list[str] | None:
    if names is None or len(names) > 1:
        return names
    file = pathlib.Path(names[0])
    try:
        lines = file.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except (OSError, UnicodeError) as error:
        raise InvalidArgument(
            "--labels", f"be a name for each class, or {_LABELS}", str(file), got=f"{file}: {error}"
        ) from None
    if not lines:
        raise InvalidArgument("--labels", f"be {_LABELS}", str(file), got=f"{file}, which is empty")
    return [line.rstrip() for line in lines]


def _examples(file: pathlib.Path | None, encoder: Any) -> Any:
    if file is None:
        return None
    if encoder is not None and file.suffix.lower() not in (".npy", ".npz"):
        return _raw_examples(file, encoder)
    try:
        arrays = np.load(file, allow_pickle=False)
        if isinstance(arrays, np.ndarray):
            return arrays
        with arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidArgument(
            "--examples", "be a .npy or .npz file of arrays", str(file), got=f"{file}: {error}"
        ) from None


def _raw_examples(file: pathlib.Path, encoder: Any) -> Any:
    from kerasnn.data.tables.encoder import Encoder

    inputs = raw_rows.types_of(encoder.input)
    source = csv_rows.Source(file, "--examples")
    if file.suffix.lower() in _JSON:
        rows = csv_rows.read_json(source)[:_MOST_EXAMPLES]
        return [{name: row[name] for name in row if name in inputs} for row in rows]
    # The table of the training has the target besides.
    names = csv_rows.header(source)
    missing_values = encoder.missing_values if isinstance(encoder, Encoder) else ()
    rows = csv_rows.read_table(source, inputs, missing_values=missing_values, ignored=names)
    return {name: column[:_MOST_EXAMPLES] for name, column in rows.items()}


def _verify(given: argparse.Namespace) -> None:
    found = verify(given.path)
    print(json.dumps(found.as_dict()) if given.json else found)
    for note in server_files.notes(given.path):
        print(f"kerasnn: {in_flags(note, given.flags)}", file=sys.stderr)


def _predict(given: argparse.Namespace) -> None:
    kinds = {file: mimetypes.guess_type(file.name, strict=False)[0] or "" for file in given.inputs}
    for file, kind in kinds.items():
        if kind.startswith("image/") and file.suffix.lower() not in _IMAGES:
            raise InvalidArgument(
                "INPUT",
                f"be a CSV file or an image ({', '.join(_IMAGES)})",
                str(file),
                f"TensorFlow decodes no {kind}. Convert it to PNG.",
                got=str(file),
            )
    for file in given.inputs:
        if file.is_dir():
            hint = f"For its images give {file / '*.jpg'}, or what they end in."
            got = f"the directory {file}"
            raise InvalidArgument("INPUT", "be files", str(file), hint, got=got)
    images = [file for file in given.inputs if file.suffix.lower() in _IMAGES]
    others = [file for file in given.inputs if file not in images]
    if images and others:
        raise InvalidArgument(
            "INPUT",
            "be CSV files or image files",
            (str(others[0]), str(images[0])),
            got=f"both, {others[0]} and {images[0]}",
        )
    if images and given.header is not None:
        raise InvalidArgument(
            "--header" if given.header else "--no-header",
            "be left out for images",
            given.header,
            got=f"the image {images[0]}",
        )
    for file in images:
        if not file.exists():
            raise InvalidArgument("INPUT", "be files that are there", str(file), got=str(file))
    if images:
        predictor = _predictor(given.path, "image_bytes", images[0], "image files")
        found = _predict_images(predictor, images)
    else:
        predictor = _predictor(given.path, "serving_default", others[0], "rows of a table")
        if any(len(tensor.shape or ()) == _IMAGE_AXES for tensor in predictor.inputs.values()):
            got = f"{others[0]}, while the model in {given.path} takes images"
            ends = f"Give files that end in {', '.join(_IMAGES)}."
            raise InvalidArgument("INPUT", "be image files", str(others[0]), ends, got=got)
        found = [row for file in others for row in _predict_table(predictor, file, given)]
    try:
        print(json.dumps({"predictions": found}, allow_nan=False))
    except ValueError:
        raise InvalidArgument(
            "PATH",
            "hold a model that predicts finite numbers, because JSON has no others",
            str(given.path),
            "Look for it in the weights.",
            got=f"{given.path}, which predicts NaN or an infinity",
        ) from None


def _predictor(path: pathlib.Path, signature: str, file: pathlib.Path, what: str) -> Predictor:
    try:
        with without_log():
            return Predictor(path, signature=signature)
    except MissingSignatureError as error:
        raise InvalidArgument(
            "INPUT",
            f"suit the model in {path}, which takes no {what}: these need the signature "
            f"{signature!r}",
            str(file),
            got=f"{file}: {error}".rstrip("."),
        ) from None


def _predict_table(
    predictor: Predictor, file: pathlib.Path, given: argparse.Namespace
) -> list[dict[str, Any]]:
    rows, ignored = _read_rows(predictor, file, given)
    try:
        arrays = predictor(rows)
    except (ValueError, RuntimeError) as error:
        place = " (The first row is row 0.)" if predictor.is_table else ""
        raise InvalidArgument(
            "INPUT", "fit the model", str(file), got=f"{file}: {error}{place}".rstrip(".")
        ) from None
    count = len(rows if isinstance(rows, list) else next(iter(rows.values())))
    found = _rows(arrays, count, given.path)
    if ignored:
        print(
            f"kerasnn: the model knows no names of columns; those of {file} were taken in their "
            f"order: {', '.join(ignored):.500}",
            file=sys.stderr,
        )
    return found


def _read_rows(
    predictor: Predictor, file: pathlib.Path, given: argparse.Namespace
) -> tuple[Any, list[str]]:
    """Returns the rows of a file, and names of columns that were taken by position."""
    written = csv_rows.Format(given.delimiter, given.encoding)
    if not predictor.is_table:
        if given.ignore:
            raise InvalidArgument(
                "--ignore",
                "be left out for a model without an encoder, which takes no columns by name",
                given.ignore,
                "Export the model with its encoder.",
                got=f"{shlex.join(given.ignore)}, and the model in {given.path}",
            )
        if file.suffix.lower() in _JSON:
            return csv_rows.read_json_inputs(csv_rows.Source(file), list(predictor.inputs)), []
        return csv_rows.read(
            csv_rows.Source(file), predictor.inputs, header=given.header, written=written
        )
    if given.header is not None and not given.header:
        raise InvalidArgument(
            "--no-header",
            f"be left out for a model that takes columns by name: {', '.join(predictor.inputs)}",
            given.header,
            f"Write a line of names on top of {file}.",
            got="--no-header",
        )
    if file.suffix.lower() in _JSON:
        return csv_rows.read_json(csv_rows.Source(file), given.ignore), []
    card = predictor.path / version_directory.MODEL_CARD
    table = json.loads(card.read_text(encoding="utf-8"))["table"] if card.is_file() else {}
    missing_values = table.get("missing_values", ())
    rows = csv_rows.read_table(
        csv_rows.Source(file),
        predictor.inputs,
        missing_values=missing_values,
        ignored=given.ignore,
        written=written,
    )
    return rows, []


def _predict_images(predictor: Predictor, files: Sequence[pathlib.Path]) -> list[dict[str, Any]]:
    contents = [file.read_bytes() for file in files]
    try:
        return _rows(predictor(contents), len(contents), predictor.path)
    except ValueError:
        for file, content in zip(files, contents, strict=True):
            try:
                predictor([content])
            except ValueError as error:
                raise InvalidArgument(
                    "INPUT",
                    "be an image that TensorFlow can decode",
                    str(file),
                    got=f"{file}: {error}".rstrip("."),
                ) from None
        raise


def _rows(found: dict[str, np.ndarray], count: int, path: pathlib.Path) -> list[dict[str, Any]]:
    for name, array in found.items():
        if array.shape[:1] != (count,):
            raise InvalidArgument(
                "PATH",
                f"hold a model whose outputs have one entry for each of {count} rows, along the "
                "first axis",
                str(path),
                got=f"{path}, whose output {name!r} has shape {array.shape}",
            )
    lists = [_plain(array.tolist()) for array in found.values()]
    return [dict(zip(found, row, strict=True)) for row in zip(*lists, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
