"""Data sets of images, from a folder with one folder for each class."""

import concurrent.futures
import os
import pathlib
import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.display.progress import Bar
from kerasnn.data.images import decoding
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
    test_size: float = 0.2,
    seed: int = 0,
    errors: str = "raise",
    in_memory: bool = True,
    batch_size: int = 32,
    verbose: int | str = "auto",
) -> Split:
    """Reads a folder with one folder of images for each class into a training and a test part.

    Images are JPEG, PNG, BMP, WebP or GIF (the first frame), whatever their file names. They are
    turned upright as their EXIF data asks, stretched to one size, and stay raw uint8 levels from 0
    to 255, `(height, width, channels)`. Two classes make a binary task, more a multiclass one.

    A file is refused if its decoded levels would differ from what a viewer shows: transparent
    pixels, 16 bits per channel (PNG), a colour table or compression (BMP). The `image_bytes`
    signature of `kerasnn.serving.export` decodes and refuses in the same way.

    Hidden files and folders, `__MACOSX` and files beside the class folders are ignored. Every
    other file has to be an image, and every other folder a class with at least two images.

    Args:
        path: The folder that holds the class folders.
        image_size: (height, width) in pixels.
        classes: Names of the folders to read, in the order of the class indices; None is all of
            them, in alphabetical order.
        color_mode: "rgb" or "grayscale".
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
        A `Split` with uint8 images and int64 class indices.

    Raises:
        FileNotFoundError: If there is no such folder.
        InvalidArgument: If an argument breaks its rule, or there are fewer than two classes.
        ValueError: If a file cannot be used, or a class has fewer than two images.

    Example:
        >>> import pathlib, tempfile
        >>> import keras, numpy
        >>> from kerasnn import data
        >>> path = pathlib.Path(tempfile.mkdtemp())
        >>> for name, level in (("day", 250), ("night", 5)):
        ...     (path / name).mkdir()
        ...     for number in range(5):
        ...         pixels = numpy.full((20, 30, 3), level)
        ...         keras.utils.save_img(path / name / f"{number}.png", pixels, scale=False)
        >>> data.from_directory(path, image_size=(8, 8))
        Split(binary, x_train=(8, 8, 8, 3) uint8, y_train=(8,) int64,
              x_test=(2, 8, 8, 3) uint8, y_test=(2,) int64,
              classes=day, night, features=None)
    """
    decoding.check_size(image_size)
    _checks.one_of("color_mode", color_mode, decoding.COLOR_MODES)
    _checks.one_of("errors", errors, ["raise", "skip"])
    _checks.integer("batch_size", batch_size)
    check_partition(test_size, seed)
    root = pathlib.Path(path)
    names = _class_names(root, classes)
    files, y = _files(root, names)

    x, readable = _read(files, image_size, color_mode, keep=in_memory, verbose=verbose)
    if not readable.all():
        broken = [files[i] for i in np.flatnonzero(~readable)]
        listed = ", ".join(
            f"{file.relative_to(root)} ({decoding.file_problem(file)})" for file in broken[:5]
        )
        summary = (
            f"{len(broken)} of {len(files)} files under {root} cannot be used: "
            f"{listed}{', ...' if len(broken) > 5 else ''}"
        )
        if errors == "raise":
            raise ValueError(f"{summary}. Remove them, or leave them out with errors='skip'.")
        warnings.warn(f"Skipped: {summary}.", UserWarning, stacklevel=3)
        x, y = x[readable[: len(x)]], y[readable]
        files = [file for file, is_readable in zip(files, readable, strict=True) if is_readable]
    for number, name in enumerate(names):
        if number not in y:
            raise _no_image(root / name)

    train, test = partition(len(y), test_size=test_size, seed=seed, labels=y, classes=names)
    task = Task.BINARY if len(names) == 2 else Task.MULTICLASS
    if in_memory:
        return Split(x[train], y[train], x[test], y[test], task, names)

    def load(file: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = decoding.decode_resized(tf.io.read_file(file), image_size, color_mode)
        return tf.ensure_shape(image, (*image_size, decoding.COLOR_MODES[color_mode])), label

    x_train, x_test = (
        batches(
            tf.data.Dataset.from_tensor_slices(([str(files[i]) for i in rows], y[rows])),
            len(rows),
            batch_size,
            shuffle_seed=shuffle_seed,
            load=load,
        )
        for rows, shuffle_seed in ((train, seed), (test, None))
    )
    return Split(x_train, None, x_test, None, task, names)


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
                raise ValueError(
                    f"{root / name} holds a folder, {entry.name!r}, and should hold images only. "
                    "Give as `path` the folder whose folders are the classes, or list those in "
                    "`classes`."
                )
        if not entries:
            raise _no_image(root / name)
        files += entries
        labels += [number] * len(entries)
    return files, np.array(labels, dtype=np.int64)


def _read(
    files: list[pathlib.Path],
    size: tuple[int, int],
    color_mode: str,
    *,
    keep: bool,
    verbose: int | str,
) -> tuple[np.ndarray, np.ndarray]:
    """Decodes every file; returns the images if they are kept, and which files could be read."""
    kept = np.zeros(
        (len(files) if keep else 0, *size, decoding.COLOR_MODES[color_mode]), dtype=np.uint8
    )

    def read(row: int) -> bool:
        image = decoding.read_file(files[row], size, color_mode)
        if keep and image is not None:
            kept[row] = image
        return image is not None

    # The first call builds the program, which otherwise each thread would do.
    readable = [read(0)]
    with (
        Bar("Reading the images", len(files), verbose, unit="image") as bar,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        bar.step()
        for is_readable in pool.map(read, range(1, len(files))):
            readable.append(is_readable)
            bar.step()
    return kept, np.array(readable, dtype=bool)


def _is_relevant(entry: pathlib.Path) -> bool:
    return not entry.name.startswith(".") and entry.name != "__MACOSX"


def _no_image(folder: pathlib.Path) -> ValueError:
    return ValueError(
        f"{folder} holds no image. Remove the folder, or list the class folders in `classes`."
    )
