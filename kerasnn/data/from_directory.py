"""Data sets of images, from a folder with one folder for each class."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data.images import decoding
from kerasnn.data.images.reading import (
    FoundImage,
    ImageOptions,
    described_copies,
    read_again,
    read_images,
)
from kerasnn.data.images.resizing import RESIZES
from kerasnn.data.rows.batching import batches
from kerasnn.data.rows.partition import check_partition, partition
from kerasnn.data.split import Split
from kerasnn.tasks import Task


@_checks.known_arguments
def from_directory(
    path: str | os.PathLike,
    *,
    image_size: tuple[int, int],
    classes: Sequence[str] | None = None,
    color_mode: str = "rgb",
    resize: str = "stretch",
    test_size: float = 0.2,
    seed: int = 0,
    errors: str = "raise",
    in_memory: bool = True,
    batch_size: int = 32,
    verbose: int | str = "auto",
) -> Split:
    """Reads a folder with one folder of images for each class into a training and a test part.

    Images are JPEG, PNG, BMP, WebP or GIF (the first frame), whatever their file names. They are
    turned upright as their EXIF data asks, brought to one size, and stay raw uint8 levels from 0 to
    255, `(height, width, channels)`. Two classes make a binary task, more a multiclass one.

    A file is refused if its decoded levels would differ from what a viewer shows: transparent
    pixels, 16 bits per channel (PNG), a colour table or compression (BMP). The `image_bytes`
    signature of `kerasnn.serving.export` decodes and refuses in the same way; give it this split,
    which knows its `resize`. A test image whose pixels are those of a training image is told in a
    warning.

    Hidden files and folders, `__MACOSX` and files beside the class folders are ignored. Every
    other file has to be an image, and every other folder a class with at least two images.

    Args:
        path: The folder that holds the class folders.
        image_size: (height, width) in pixels.
        classes: Names of the folders to read, in the order of the class indices; None is all of
            them, in alphabetical order.
        color_mode: "rgb" or "grayscale".
        resize: How an image comes to `image_size`: "stretch" changes its proportions, "crop" cuts
            the longer side evenly at both ends, "pad" keeps all of it, between black bars. Smaller
            images are averages over the area of each pixel, larger ones interpolated linearly.
        test_size: Fraction of the images in the test part, in (0, 1). Classes have the same
            fractions of both parts.
        seed: Seed of the split, and of the shuffle with `in_memory=False`.
        errors: What to do with a file that is refused or cannot be read: "raise" an error that
            names it, or "skip" it, with a warning.
        in_memory: False leaves the images on the disk and gives batches in a `tf.data.Dataset`
            that decodes them in each epoch. Each file is still decoded once at the start, so that
            a corrupt one is found before training.
        batch_size: Images in a batch. Not used for arrays in memory.
        verbose: 1 for a progress bar, 0 for silence, "auto" for a bar on a terminal or in a
            notebook where it takes over two seconds.

    Returns:
        A `Split` with uint8 images and int64 class indices, and the files of both parts in
        `files_train` and `files_test`. Its text counts training and test images by class.

    Raises:
        FileNotFoundError: If there is no such folder.
        InvalidArgument: If an argument breaks its rule, there are fewer than two classes, a file
            cannot be used, or a class has fewer than two images.

    Example:
        >>> import pathlib, tempfile
        >>> import keras, numpy
        >>> from kerasnn import data
        >>> path = pathlib.Path(tempfile.mkdtemp())
        >>> for name, level in (("day", 250), ("night", 5)):
        ...     (path / name).mkdir()
        ...     for number in range(5):
        ...         pixels = numpy.full((20, 30, 3), level - number)
        ...         keras.utils.save_img(path / name / f"{number}.png", pixels, scale=False)
        >>> data.from_directory(path, image_size=(8, 8))
        Split(binary, x_train=(8, 8, 8, 3) uint8, y_train=(8,) int64,
              x_test=(2, 8, 8, 3) uint8, y_test=(2,) int64,
              classes=day (4 + 1), night (4 + 1), features=None)
    """
    decoding.check_size(image_size)
    _checks.one_of("color_mode", color_mode, decoding.COLOR_MODES)
    _checks.one_of("resize", resize, RESIZES)
    _checks.one_of("errors", errors, ["raise", "skip"])
    _checks.integer("batch_size", batch_size)
    check_partition(test_size, seed)
    root = pathlib.Path(path)
    names = _class_names(root, classes)
    files, y = _files(root, names)

    options = ImageOptions(image_size, color_mode, resize)
    x, found = read_images(files, options, keep=in_memory, verbose=verbose)
    if any(one.problem for one in found):
        summary = _summary(root, files, found)
        if errors == "raise":
            raise _checks.InvalidArgument(
                "path",
                "hold images that can be read",
                str(root),
                "Remove the others, or leave them out with errors='skip'.",
                got=summary,
            )
        _checks.warn(f"Skipped: {summary}.")
        usable = [row for row, one in enumerate(found) if not one.problem]
        x, y = x[usable] if in_memory else x, y[usable]
        files, found = [files[row] for row in usable], [found[row] for row in usable]
    for number, name in enumerate(names):
        if number not in y:
            raise _no_image(root / name)

    train, test = partition(
        len(y), test_size=test_size, seed=seed, labels=y, classes=names, argument="path"
    )
    copies = described_copies(found, train, test, lambda row: str(files[row].relative_to(root)))
    if copies:
        _checks.warn(copies)
    paths = np.array([str(file) for file in files], dtype=object)

    def part(rows: np.ndarray, shuffle_seed: int | None) -> tuple[Any, Any]:
        if in_memory:
            return x[rows], y[rows]
        inside = [found[row] for row in rows]
        return _stream(paths[rows], y[rows], inside, options, batch_size, shuffle_seed), None

    x_train, y_train = part(train, seed)
    x_test, y_test = part(test, None)
    return Split(
        x_train,
        y_train,
        x_test,
        y_test,
        Task.BINARY if len(names) == 2 else Task.MULTICLASS,
        names,
        files_train=paths[train],
        files_test=paths[test],
        resize=resize,
    )


def _stream(
    paths: np.ndarray,
    y: np.ndarray,
    found: Sequence[FoundImage],
    options: ImageOptions,
    batch_size: int,
    shuffle_seed: int | None,
) -> tf.data.Dataset:
    """Returns batches that decode the files when they are read."""
    entries, read = read_again(paths.tolist(), found, options)

    def load(entry: dict[str, tf.Tensor], label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return read(entry), label

    slices: Any = (entries, y)
    rows = tf.data.Dataset.from_tensor_slices(slices)
    return batches(rows, len(y), batch_size, shuffle_seed=shuffle_seed, load=load)


def _summary(root: pathlib.Path, files: Sequence[pathlib.Path], found: Sequence[FoundImage]) -> str:
    """Returns which files cannot be used, and why."""
    broken = [(file, one.problem) for file, one in zip(files, found, strict=True) if one.problem]
    listed = ", ".join(f"{file.relative_to(root)} ({why})" for file, why in broken[:5])
    more = ", ..." if len(broken) > 5 else ""
    return f"{len(broken)} of {len(files)} files under {root} cannot be used: {listed}{more}"


def _class_names(root: pathlib.Path, classes: Sequence[str] | None) -> tuple[str, ...]:
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        raise FileNotFoundError(
            f"`path` must name a folder with one folder of images a class; {str(root)!r} {kind}."
        )
    folders = sorted(
        entry.name for entry in root.iterdir() if entry.is_dir() and _is_relevant(entry)
    )
    if classes is None:
        if len(folders) < 2:
            raise _checks.InvalidArgument(
                "path",
                "hold a folder of images for each of at least two classes",
                str(root),
                f"It holds {', '.join(folders) or 'none'}.",
            )
        return tuple(folders)
    names = tuple(classes)
    if isinstance(classes, str) or len(names) < 2 or len(set(names)) < len(names):
        raise _checks.InvalidArgument("classes", "be at least two different folder names", classes)
    for name in names:
        if name not in folders:
            hint = _checks.did_you_mean(name, folders) or f"There are {', '.join(folders)}."
            raise _checks.InvalidArgument("classes", f"be names of folders in {root}", name, hint)
    return names


def _files(root: pathlib.Path, names: Sequence[str]) -> tuple[list[pathlib.Path], np.ndarray]:
    files, labels = [], []
    for number, name in enumerate(names):
        entries = sorted(entry for entry in (root / name).iterdir() if _is_relevant(entry))
        for entry in entries:
            if entry.is_dir():
                raise _checks.InvalidArgument(
                    "path",
                    "hold folders that hold images alone",
                    str(entry),
                    "Give as `path` the folder whose folders are the classes, or list those in "
                    "`classes`.",
                    got=f"{root / name}, which holds a folder, {entry.name!r}",
                )
        if not entries:
            raise _no_image(root / name)
        files += entries
        labels += [number] * len(entries)
    return files, np.array(labels, dtype=np.int64)


def _is_relevant(entry: pathlib.Path) -> bool:
    return not entry.name.startswith(".") and entry.name != "__MACOSX"


def _no_image(folder: pathlib.Path) -> _checks.InvalidArgument:
    return _checks.InvalidArgument(
        "path",
        "hold folders with images",
        str(folder),
        "Remove the folder, or list the class folders in `classes`.",
        got=f"{folder}, which holds no image",
    )
