"""`export`, `verify` and `predict` on the command line."""

import argparse
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnn.serving import card, model_file, server, table
from kerasnn.serving.export import export
from kerasnn.serving.predictor import Predictor
from kerasnn.serving.verify import verify

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_PREDICT = """\
One model input takes all columns of a CSV file, in their order; a first line that is not made of
numbers is a header. Several inputs take one column each, which the first line names. An image
file is decoded and resized as it was for training. What comes out is JSON:

  {"predictions": [{"probabilities": [0.1, 0.9], "labels": "cat"}]}
"""


def add_to(commands: Any) -> None:
    """Adds the three commands to a parser's subparsers; each sets `run`."""
    parser = commands.add_parser(
        "export",
        help="write a .keras file as a SavedModel that TensorFlow Serving loads",
        description="Writes the model in a .keras file as the next version in PATH, once the "
        "exported program has given the model's own answers.",
        epilog="Example: python -m kerasnn export iris.keras models/iris --labels setosa "
        "versicolor virginica",
    )
    parser.add_argument("model", metavar="MODEL.keras", type=pathlib.Path)
    parser.add_argument("path", metavar="PATH", type=pathlib.Path, help="directory of the versions")
    parser.add_argument(
        "--labels",
        nargs="+",
        metavar="NAME",
        help="names of the classes in their order, or one text file with a name a line",
    )
    parser.add_argument("--version", type=int, metavar="N", help="default: the next one")
    parser.add_argument(
        "--signatures", nargs="+", metavar="NAME", default="auto", help="default: all that suit"
    )
    parser.add_argument("--batch-sizes", nargs="+", type=int, metavar="N", default=[1, 8, 32])
    parser.add_argument("--no-warmup", action="store_true", help="write no warm-up requests")
    parser.add_argument("--no-verify", action="store_true", help="publish without comparing")
    parser.add_argument("--overwrite", action="store_true", help="replace the version given")
    parser.set_defaults(run=_export)

    parser = commands.add_parser(
        "verify",
        help="ask a SavedModel again for the answers that were recorded with it",
        description="Asks the SavedModel in PATH, or the newest version there, for the answers "
        "that were recorded with it. Exits with 0 where all are within 1e-5, else with 1.",
    )
    parser.add_argument("path", metavar="PATH", type=pathlib.Path)
    parser.set_defaults(run=_verify)

    parser = commands.add_parser(
        "predict",
        help="ask a SavedModel about CSV rows or image files",
        description="Asks the SavedModel in PATH, or the newest version there, without Keras.",
        epilog=_PREDICT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", type=pathlib.Path)
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=pathlib.Path,
        help=f"a CSV file, or an image ({', '.join(_IMAGES)})",
    )
    parser.set_defaults(run=_predict)


def _export(given: argparse.Namespace) -> None:
    report = export(
        model_file.load(given.model),
        given.path,
        version=given.version,
        labels=_labels(given.labels),
        signatures=given.signatures,
        warmup=not given.no_warmup,
        batch_sizes=given.batch_sizes,
        verify=not given.no_verify,
        overwrite=given.overwrite,
    )
    contents = json.loads((report.path / card.FILE).read_text(encoding="utf-8"))
    asked = next(iter(contents["requests"]["curl"].values()))
    print(report, f"Serve it:\n  {contents['serve']['docker']}", f"Ask it:\n  {asked}", sep="\n\n")


def _labels(names: list[str] | None) -> list[str] | None:
    if names is None or len(names) > 1 or not pathlib.Path(names[0]).is_file():
        return names
    try:
        return pathlib.Path(names[0]).read_text(encoding="utf-8").rstrip().splitlines()
    except UnicodeError as error:
        raise ValueError(
            f"{names[0]} must be a text file in UTF-8 with a label a line; {error}."
        ) from None


def _verify(given: argparse.Namespace) -> None:
    found = verify(given.path)
    print(found)
    moved = server.misplaced(given.path)
    if moved:
        print(f"kerasnn: {moved}", file=sys.stderr)


def _predict(given: argparse.Namespace) -> None:
    pictures = [file for file in given.inputs if file.suffix.lower() in _IMAGES]
    tables = [file for file in given.inputs if file not in pictures]
    if pictures and tables:
        raise ValueError("INPUT must be CSV files or image files; got both.")
    if pictures:
        answers = _about_images(Predictor(given.path, signature="image_bytes"), pictures)
    else:
        predictor = Predictor(given.path)
        batches = [table.read(file, predictor.inputs) for file in tables]
        answers = [row for batch in batches for row in _rows(predictor(batch))]
    print(json.dumps({"predictions": answers}))


def _about_images(predictor: Predictor, files: Sequence[pathlib.Path]) -> list[dict[str, Any]]:
    contents = [file.read_bytes() for file in files]
    try:
        return _rows(predictor(contents))
    except ValueError:
        for file, content in zip(files, contents, strict=True):
            try:
                predictor([content])
            except ValueError as error:
                raise ValueError(
                    f"{file} must be an image that TensorFlow can decode; it says: {error}"
                ) from None
        raise


def _rows(answers: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    lists = [_plain(array.tolist()) for array in answers.values()]
    return [dict(zip(answers, row, strict=True)) for row in zip(*lists, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
