"""Memory and time of a folder of images that is larger than what may be held: 3 GB by default.

    python tests/benchmarks/transfer/memory.py [--gigabytes 3] [--backbone MobileNetV2]

Writes noise of two brightnesses as BMP files into a temporary folder, and fine-tunes on them,
streamed and with the features on the disk; then again with another head, which finds them. Prints
the peak of this process's memory over what it was before, and exits with 1 where it is above 2 GB.
"""

import argparse
import pathlib
import resource
import struct
import sys
import tempfile
import time

import numpy as np

from kerasnn import data, transfer

_MOST_GB = 2.0


def write_bmp(path: pathlib.Path, pixels: np.ndarray) -> None:
    """Writes a square image of bytes `(size, size, 3)`, uncompressed."""
    size = len(pixels)
    body = np.zeros((size, (3 * size + 3) // 4 * 4), np.uint8)
    body[:, : 3 * size] = pixels.reshape(size, -1)
    header = struct.pack("<2sIHHI", b"BM", 54 + body.nbytes, 0, 0, 54)
    header += struct.pack("<IiiHHIIiiII", 40, size, size, 1, 24, 0, body.nbytes, 2835, 2835, 0, 0)
    path.write_bytes(header + body.tobytes())


def peak_gb() -> float:
    """Returns the most memory that this process has had, in gigabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> int:
    """Returns 0 where memory stays below the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=3.0)
    parser.add_argument("--pixels", type=int, default=1000)
    parser.add_argument("--backbone", default="MobileNetV2")
    given = parser.parse_args()
    count = int(given.gigabytes * 1e9 / (3 * given.pixels**2))
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for i in range(count):
            folder = root / "photos" / ("dark", "light")[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 128, (given.pixels, given.pixels, 3), np.uint8)
            write_bmp(folder / f"{i}.bmp", pixels + np.uint8(100 * (i % 2)))
        base, began = peak_gb(), time.perf_counter()
        split = data.from_directory(root / "photos", image_size=(224, 224), in_memory=False)
        print(
            f"{count} files, {given.gigabytes:g} GB, checked: {time.perf_counter() - began:.0f} s"
        )
        for head in ((), (64,)):
            began = time.perf_counter()
            model = transfer.from_backbone(
                given.backbone, task="binary", weights=None, head=head, seed=0
            )
            transfer.fine_tune(
                model,
                split.x_train,
                validation_data=split.x_test,
                regime="small",
                epochs=5,
                cache=root / "features",
                verbose=0,
            )
            print(f"head {head}: {time.perf_counter() - began:.0f} s")
    used = peak_gb() - base
    print(f"peak of memory: {used:.2f} GB above {base:.2f} GB before")
    return int(used > _MOST_GB)


if __name__ == "__main__":
    sys.exit(main())
