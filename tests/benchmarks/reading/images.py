"""Time of an epoch of `data.from_directory(in_memory=False)` against Keras's pipeline.

    python tests/benchmarks/reading/images.py [--images 2000] [--rounds 5]

The folders are made: smooth JPEGs of four classes, in several sizes. Both stream all images of one
folder in turns in one process, and the medians count. The time of the first reading, in which
`from_directory` decodes every file to find broken ones and copies, is printed beside. Exits with 1
where an epoch takes more than 1.1 times as long as that of
`keras.utils.image_dataset_from_directory`, which neither antialiases nor turns images upright.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable

import keras
import numpy as np
from PIL import Image

from kerasnn import data

# Width and height of the files, and height and width of what they become.
_SIZES = (((320, 240), 128), ((500, 375), 224), ((256, 256), 64), ((1280, 960), 224))
_CLASSES = 4
_AT_MOST = 1.1


def made(root: pathlib.Path, count: int, size: tuple[int, int]) -> None:
    """Writes so many JPEGs without fine detail."""
    random = np.random.default_rng(0)
    for i in range(count):
        folder = root / f"class{i % _CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        small = random.integers(0, 256, (size[1] // 8, size[0] // 8, 3)).astype(np.uint8)
        image = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
        image.save(folder / f"{i}.jpg", quality=90)


def epoch(batches: Iterable) -> tuple[float, float]:
    """Returns seconds and seconds of the processor for each image of one pass."""
    wall, cpu, rows = time.perf_counter(), time.process_time(), 0
    for _, y in batches:
        rows += len(y)
    return (time.perf_counter() - wall) / rows, (time.process_time() - cpu) / rows


def compared(root: pathlib.Path, side: int, rounds: int) -> tuple[float, str]:
    """Returns how many times as long ours takes, and a line to print."""
    size = (side, side)
    began = time.perf_counter()
    # Nearly all images, since one part is timed.
    split = data.from_directory(root, image_size=size, in_memory=False, test_size=0.02, verbose=0)
    first = time.perf_counter() - began
    pipelines = {
        "ours": split.x_train,
        "keras": keras.utils.image_dataset_from_directory(
            root, image_size=size, batch_size=32, verbose=0
        ),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in pipelines}
    # The first pass of each builds its program.
    for batches in pipelines.values():
        epoch(batches)
    for _ in range(rounds):
        for name, batches in pipelines.items():
            times[name].append(epoch(batches))
    wall, cpu = (
        {name: statistics.median(one[i] for one in found) for name, found in times.items()}
        for i in (0, 1)
    )
    ratio = statistics.median(
        ours[0] / other[0] for ours, other in zip(times["ours"], times["keras"], strict=True)
    )
    shown = ", ".join(
        f"{name} {1 / wall[name]:,.0f} images/s, {1000 * cpu[name]:.2f} ms of the processor each"
        for name in pipelines
    )
    return ratio, f"{shown}: {ratio:.2f} times as long; first reading {first:.1f} s"


def main() -> int:
    """Prints a line for each size, and returns 1 where ours is slower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000, help="files of each size")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    failed = False
    for (width, height), side in _SIZES:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            made(root, arguments.images, (width, height))
            ratio, line = compared(root, side, arguments.rounds)
        failed |= ratio > _AT_MOST
        print(f"{width}x{height} to {side}x{side}: {line}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
