"""Command `train`: its flags, and its steps in order."""

import argparse
import dataclasses
import json
import math
import pathlib
import shlex
import sys
from typing import Any

from kerasnn._checks import InvalidArgument
from kerasnn.cli.errors_in_flags import flags_of
from kerasnn.cli.late_import import import_keras
from kerasnn.cli.training.options import MISSING, RESIZES, TASKS, Options

_DESCRIPTION = """\
From a CSV file, or a folder with a folder of images for each class, to a model that is compared,
tested, diagnosed, exported and reported. DATA is divided into a training part and a test part. On
folds of the training part the network is compared with other networks, and with scikit-learn's
linear model and gradient boosting; the network learns the training part, and is scored once on the
test part.
"""
# As `training.networks.choice` has them, which imports TensorFlow.
_NETWORKS = ("mlp", "tabular", "pack")
_EPILOG = """\
Columns that cannot be learned from are left out, and named: those of one value, numbers that count
the rows, sentences and identifiers. A column of numbers mixed with text is an error.

The directory holds model/, which TensorFlow Serving loads, model.keras, encoder.keras, from raw
columns to the inputs of the model, and report.html. It appears when all is written: an error,
Ctrl-C or a kill leaves nothing at DIR, or with --overwrite what was there. A killed process may
leave a hidden directory beside it, .kerasnn-train-*, which a later one removes after a day; killed
between the two renames of --overwrite, it holds both the old directory and the new one.
The same seed gives the same bits on the same machine.

Example: kerasnn train penguins.csv --target species
"""


def add_to(commands: Any) -> None:
    """Adds the command to a parser's subparsers; it sets `run`."""
    parser = commands.add_parser(
        "train",
        help="from a CSV file or a folder of images to a served model, with a report",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", metavar="DATA", type=pathlib.Path, help="a CSV file or a folder")
    parser.add_argument("--target", metavar="NAME", help="column to predict")
    parser.add_argument(
        "--output", type=pathlib.Path, metavar="DIR", help="default: outputs/ and the name of DATA"
    )
    parser.add_argument(
        "--report", type=pathlib.Path, metavar="FILE.html", help="default: report.html in DIR"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace DIR if it exists")
    parser.add_argument("--task", choices=TASKS, help="default: by the target's values")
    parser.add_argument("--test-size", type=float, default=0.2, metavar="FRACTION")
    parser.add_argument(
        "--folds", type=_folds, default=5, metavar="N", help="default: 5; 0 for no comparison"
    )
    parser.add_argument(
        "--epochs",
        type=_positive,
        metavar="N",
        help="the most epochs; default: that of the network, 200 for mlp and for images",
    )
    parser.add_argument(
        "--learning-rate",
        type=_rate,
        metavar="R",
        help="Adam's learning rate at the start, for tabular and pack the highest one; default: "
        "that of the network, 0.01 for mlp and 0.001 for images",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    printed = parser.add_mutually_exclusive_group()
    printed.add_argument("--quiet", action="store_true", help="print nothing but errors")
    printed.add_argument("--json", action="store_true", help="print the result as JSON alone")
    _add_table(parser.add_argument_group("tables"))
    _add_images(parser.add_argument_group("folders of images"))
    names = [field.name for field in dataclasses.fields(Options)]
    flags = flags_of(names, data="DATA", path="DATA", drop="--ignore")
    parser.set_defaults(run=_train, flags=flags)


def _add_table(group: Any) -> None:
    group.add_argument(
        "--network",
        choices=_NETWORKS,
        help="mlp, the mean of four small networks; tabular, a large one with the recipe of "
        "RealMLP; or pack, the best mean of 32 of other settings; default: pack for more than 500 "
        "training rows, else mlp, and mlp with --windows or --search",
    )
    group.add_argument(
        "--compare",
        nargs="+",
        choices=_NETWORKS,
        metavar="NETWORK",
        help="networks to compare besides the one that is trained; default: all for 100 to 10,000 "
        "training rows, else mlp",
    )
    group.add_argument(
        "--hidden",
        nargs="+",
        type=_positive,
        metavar="UNITS",
        help="units of each hidden layer of the network that is trained; default: 64 64, for "
        "tabular 256 256 256",
    )
    group.add_argument(
        "--search",
        type=_positive,
        default=0,
        metavar="N",
        help="try N settings of mlp, width, learning rate, dropout and L2, on the training part",
    )
    group.add_argument(
        "--ignore", nargs="+", default=[], metavar="COLUMN", help="columns to leave out"
    )
    group.add_argument(
        "--keep",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns to keep that would be left out",
    )
    group.add_argument(
        "--categorical",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns of names that look like numbers, such as postal codes",
    )
    group.add_argument(
        "--missing",
        choices=MISSING,
        default="indicator",
        help="what is done with missing values; default: indicator, the mean and a column that "
        "says which were missing, and of names a category of their own",
    )
    group.add_argument(
        "--missing-values",
        nargs="+",
        metavar="TEXT",
        help="cells that stand for a missing value, besides the empty one; default: ?, NA, ...",
    )
    group.add_argument(
        "--dates",
        nargs="+",
        default=[],
        metavar="COLUMN=FORMAT",
        help="columns of dates in another format than 2024-12-31, such as day=%%d.%%m.%%Y",
    )
    group.add_argument(
        "--split-by", metavar="COLUMN", help="the test part is the last rows by this column"
    )
    group.add_argument(
        "--groups", metavar="COLUMN", help="rows with one value here are in one part"
    )
    group.add_argument(
        "--windows", type=int, metavar="N", help="predict the next step of a series from N before"
    )
    group.add_argument(
        "--embed-above", type=int, metavar="N", help="embed columns of more than N categories"
    )
    group.add_argument("--delimiter", default=",", metavar="CHARACTER", help="default: ,")
    group.add_argument("--encoding", default="utf-8-sig", metavar="NAME", help="default: utf-8")


def _add_images(group: Any) -> None:
    group.add_argument(
        "--backbone",
        default="none",
        metavar="NAME",
        help="a pretrained network of keras.applications, such as VGG16 or MobileNetV2; default: "
        "none, a small convolutional network",
    )
    group.add_argument(
        "--weights",
        default="imagenet",
        metavar="FILE",
        help="weights of the backbone: imagenet, a file, or none for random ones",
    )
    group.add_argument(
        "--image-size",
        nargs=2,
        type=_positive,
        metavar=("HEIGHT", "WIDTH"),
        help="default: 64 64, for a backbone 224 224",
    )
    group.add_argument("--color-mode", choices=["rgb", "grayscale"], default="rgb")
    group.add_argument(
        "--resize",
        choices=RESIZES,
        default="stretch",
        help="how images of other proportions come to one size, in training and in the model that "
        "is served: stretch them, crop the longer side, or pad with black; default: stretch",
    )

    group.add_argument(
        "--classes",
        nargs="+",
        metavar="FOLDER",
        help="folders to read, in the order of the classes; default: all",
    )
    group.add_argument(
        "--errors",
        choices=["raise", "skip"],
        default="raise",
        help="what to do with files that cannot be used; default: raise an error that names them",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1; got {text!r}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0; got {text!r}")
    return rate


def _folds(text: str) -> int:
    if not text.isdecimal() or int(text) == 1:
        raise argparse.ArgumentTypeError(f"must be 0, or an integer of at least 2; got {text!r}")
    return int(text)


def _train(given: argparse.Namespace) -> None:
    # This takes seconds; `--help` and a wrong flag do not need it.
    import_keras()
    from kerasnn.cli.training import steps

    result = steps.run(_options(given))
    if given.json:
        print(json.dumps(result.as_dict(), allow_nan=False))


def _options(given: argparse.Namespace) -> Options:
    names = {"data", "target", "report", "overwrite", "task", "test_size", "folds", "epochs"}
    names |= {"learning_rate"}
    names |= {"network", "search", "seed", "missing", "split_by", "groups", "windows"}
    names |= {
        "embed_above",
        "delimiter",
        "encoding",
        "backbone",
        "weights",
        "color_mode",
        "resize",
        "errors",
    }
    return Options(
        **{name: getattr(given, name) for name in names},
        quiet=given.quiet or given.json,
        output=given.output or pathlib.Path("outputs", given.data.stem or "model"),
        hidden=None if given.hidden is None else tuple(given.hidden),
        compare=None if given.compare is None else tuple(given.compare),
        ignore=tuple(given.ignore),
        keep=tuple(given.keep),
        categorical=tuple(given.categorical),
        missing_values=None if given.missing_values is None else ("", *given.missing_values),
        dates=_dates(given.dates),
        classes=None if given.classes is None else tuple(given.classes),
        image_size=None if given.image_size is None else tuple(given.image_size),
        command=shlex.join(["kerasnn", *sys.argv[1:]]),
    )


def _dates(given: list[str]) -> dict[str, str]:
    dates = {}
    for text in given:
        name, _, date_format = text.rpartition("=")
        if not name:
            raise InvalidArgument("--dates", "be COLUMN=FORMAT, such as day=%d.%m.%Y", text)
        dates[name] = date_format
    return dates
