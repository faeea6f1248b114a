"""Arguments of `kerasnn train`."""

import dataclasses
import pathlib
from collections.abc import Mapping

# Names of `kerasnn.tasks.Task`, of the policies for missing values, and of the ways to resize
# images, which `--help` lists without their packages, because those import Keras.
TASKS = ("binary", "multiclass", "multilabel", "regression", "count")
MISSING = ("error", "mean", "median", "category", "indicator", "drop")
RESIZES = ("stretch", "crop", "pad")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Arguments of the command, as `kerasnn train --help` describes them.

    Args:
        data: A CSV file, or a folder with a folder of images for each class.
        target: Name of the column to predict; None for a folder.
        output: Directory to write.
        report: HTML file to write; None is `report.html` in the directory.
        overwrite: Whether the directory is replaced.
        task: Name of a task; None infers it.
        test_size: Fraction of the rows in the test part.
        folds: Number of folds of the comparison; 0 for none.
        epochs: The most epochs; None is the default of the network.
        learning_rate: Learning rate; None is the default of the network.
        network: Name of the network; None is the default for the table.
        compare: Names of networks to compare; None is the default for the table.
        hidden: Units of the hidden layers; None is the default.
        search: Number of settings to try before.
        seed: Seed of everything.
        quiet: Whether to print nothing but errors.
        command: The command line, for the report.
        ignore: Columns to leave out.
        keep: Columns to keep that would be left out.
        categorical: Columns of names, although they hold numbers.
        missing: What is done with missing values.
        missing_values: Texts that stand for a missing value; None is the default.
        dates: Column -> format.
        split_by: Column of times, by which the test part is the last rows.
        groups: Column of groups that stay together.
        windows: Number of past steps in a row.
        embed_above: Number of categories from which on they are embedded.
        delimiter: The character between two cells.
        encoding: Encoding of the file.
        backbone: A network of `keras.applications`, or "none".
        weights: "imagenet", "none" or a file.
        image_size: Height and width; None is the default.
        color_mode: "rgb" or "grayscale".
        classes: Folders of images to read; None is all.
        errors: "raise" or "skip": what is done with images that cannot be used.
        resize: How images come to `image_size`: one of `RESIZES`.
    """

    data: pathlib.Path
    target: str | None
    output: pathlib.Path
    report: pathlib.Path | None = None
    overwrite: bool = False
    task: str | None = None
    test_size: float = 0.2
    folds: int = 5
    epochs: int | None = None
    learning_rate: float | None = None
    network: str | None = None
    compare: tuple[str, ...] | None = None
    hidden: tuple[int, ...] | None = None
    search: int = 0
    seed: int = 0
    quiet: bool = False
    command: str = ""
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    missing: str = "indicator"
    missing_values: tuple[str, ...] | None = None
    dates: Mapping[str, str] = dataclasses.field(default_factory=dict)
    split_by: str | None = None
    groups: str | None = None
    windows: int | None = None
    embed_above: int | None = None
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    backbone: str = "none"
    weights: str = "imagenet"
    image_size: tuple[int, int] | None = None
    color_mode: str = "rgb"
    resize: str = "stretch"
    classes: tuple[str, ...] | None = None
    errors: str = "raise"
