"""Reading of all image files of a data set, and the copies among them."""

import concurrent.futures
import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn._core.display.progress import Bar
from kerasnn.data.images import decoding
from kerasnn.data.images.resizing import is_much_larger

_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class ImageOptions:
    """How a file becomes an array.

    Args:
        size: (height, width) in pixels.
        color_mode: One of `decoding.COLOR_MODES`.
        resize: One of `resizing.RESIZES`.
    """

    size: tuple[int, int]
    color_mode: str
    resize: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return (*self.size, decoding.COLOR_MODES[self.color_mode])


@dataclasses.dataclass(frozen=True)
class FoundImage:
    """What was found in one file.

    Args:
        problem: The problem with the file, "" if there is none.
        digest: Hash of the pixels of the image.
        reduction: As `decoding.decode` returns it.
        orientation: As `decoding.decode` returns it.
        is_close: Whether the decoded image is known not to be much larger than the resized one.
    """

    problem: str = ""
    digest: bytes = b""
    reduction: int = 0
    orientation: int = 1
    is_close: bool = False


def read_images(
    files: Sequence[pathlib.Path], options: ImageOptions, *, keep: bool, verbose: int | str
) -> tuple[np.ndarray, list[FoundImage]]:
    """Decodes every file, in threads.

    Args:
        files: The files, at least one.
        options: How to decode them.
        keep: Whether to return the images.
        verbose: Whether to show a progress bar, as `from_directory` takes it.

    Returns:
        The images, `(files, height, width, channels)` uint8, without rows if they are not kept;
        and what was found in each file.
    """
    read = decoding.read_program(options.size, options.color_mode, options.resize)
    kept = np.zeros((len(files) if keep else 0, *options.shape), dtype=np.uint8)

    def read_one(row: int) -> FoundImage:
        image, decoded = decoding.read_file(read, files[row])
        if isinstance(decoded, str):
            return FoundImage(decoded)
        if keep:
            kept[row] = image
        factors = np.array(decoded.image.shape[:2]) // options.size
        return FoundImage(
            digest=hashlib.blake2b(image.data, digest_size=16).digest(),
            reduction=int(decoded.reduction),
            orientation=int(decoded.orientation),
            # The size before the image is cut or padded is another one.
            is_close=options.resize == "stretch" and not is_much_larger(factors),
        )

    # The first call builds the program, which otherwise each thread would do.
    found = [read_one(0)]
    with (
        Bar("Reading the images", len(files), verbose, unit="image") as bar,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        bar.step()
        for one in pool.map(read_one, range(1, len(files))):
            found.append(one)
            bar.step()
    return kept, found


def read_again(
    files: Sequence[str], found: Sequence[FoundImage], options: ImageOptions
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], Any]]:
    """Returns what tells how to read files, and a function of TensorFlow operations that reads one.

    Args:
        files: The paths.
        found: What was found in each.
        options: How to decode them.

    Returns:
        Lists with one entry for each file, and the function, from one entry of each to an image.
    """
    entries: dict[str, Any] = {"file": list(files)}
    reductions = [one.reduction for one in found]
    # What is equal for all files is no entry, and makes a faster graph.
    if len(set(reductions)) > 1:
        entries["reduction"] = np.array(reductions, np.int32)
    if any(one.orientation != 1 for one in found):
        entries["orientation"] = np.array([one.orientation for one in found], np.int64)
    is_close = all(one.is_close for one in found)

    def load(entry: dict[str, Any]) -> Any:
        raw = tf.io.read_file(entry["file"])
        reduction = entry.get("reduction", reductions[0])
        image = decoding.decode_known(raw, reduction, entry.get("orientation"))
        return decoding.convert(
            image, options.size, options.color_mode, options.resize, is_close=is_close
        )

    return entries, load


def described_copies(
    found: Sequence[FoundImage],
    train: np.ndarray,
    test: np.ndarray,
    name: Callable[[int], str],
) -> str:
    """Returns which test images are equal to a training image, in words; "" if none is.

    Args:
        found: What was found in each file.
        train: Indices of the training images.
        test: Indices of the test images.
        name: Returns the name of the image of an index.
    """
    rows = {found[row].digest: row for row in train}
    copies = [(row, rows[found[row].digest]) for row in test if found[row].digest in rows]
    if not copies:
        return ""
    listed = ", ".join(f"{name(a)} = {name(b)}" for a, b in copies[:_SHOWN])
    more = ", ..." if len(copies) > _SHOWN else ""
    are = "image is" if len(copies) == 1 else "images are"
    return (
        f"{len(copies)} of {len(test)} test {are} in the training part too, which makes the test "
        f"score too good: {listed}{more}. Remove one of each."
    )
