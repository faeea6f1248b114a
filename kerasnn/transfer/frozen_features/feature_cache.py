"""Features on the disk, found by the contents of the images that they are of."""

import hashlib
import io
import json
import pathlib
import re
import shutil
import time
import warnings
from typing import Any

import numpy as np

from kerasnn._core import atomic_files

# What is lost to a kill at most.
_SHARD_BYTES, _SHARD_SECONDS = 32 << 20, 10.0
_ABOUT = "about.json"
_PREFIX = "features-"
_NAME = re.compile(r"[0-9a-f]{32}\.npy")


class FeatureStore:
    """The features of one frozen network in one precision, in files that appear whole or not.

    Each file is an array of (digest, features), mapped into memory rather than read. Its name ends
    with the hash of its bytes, by which a damaged file is found when the store is opened, and left
    out. A row is found by the digest of its image, so that order and company do not matter, and
    what was computed before a kill is there after it.

    Args:
        directory: Where stores lie, each in a folder of its own named after its key.
        key: What the features depend on besides the images; any text.
        shape: Shape of one row of features.
        limit_bytes: Most bytes of all stores in the directory. Where more is needed, those that
            were used longest ago are removed.

    Raises:
        OSError: If the directory cannot be made or written.
    """

    def __init__(
        self, directory: Any, key: str, shape: tuple[int, ...], *, limit_bytes: int
    ) -> None:
        self._root = pathlib.Path(directory)
        self._folder = folder_of(directory, key)
        self._about = json.dumps({"key": key, "shape": list(shape)}, indent=1)
        self._type = np.dtype([("digest", "V16"), ("features", "<f4", shape)])
        self._limit = limit_bytes
        try:
            self._make()
        except OSError as error:
            raise _not_written(self._root, error) from error
        self._places: dict[bytes, tuple[np.ndarray, int]] = {}
        self._fresh: list[tuple[bytes, np.ndarray]] = []
        self._flushed = time.monotonic()
        for path in sorted(self._folder.iterdir()):
            if _NAME.fullmatch(path.name) and path.is_file():
                self._open(path)

    def __enter__(self) -> "FeatureStore":
        """Returns itself."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Writes what was added."""
        self.flush()

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def check_room(self, rows: int) -> None:
        """Raises unless so many further rows have room, older stores being removed.

        Raises:
            ValueError: If they have none.
        """
        needed = rows * self._type.itemsize
        if self._size(self._folder) + needed > self._limit:
            raise ValueError(
                f"`cache_limit_gb` must leave room for {rows:,} more rows of features, "
                f"{needed / 1e9:.3g} GB; it is {self._limit / 1e9:.3g}, of which "
                f"{self._size(self._folder) / 1e9:.3g} is in use for this network. Raise it, or "
                "use pooling='avg', whose features are small."
            )
        others = [folder for folder in self._root.glob(f"{_PREFIX}*") if folder != self._folder]
        others = sorted((f for f in others if (f / _ABOUT).exists()), key=_last_use, reverse=True)
        while others and self._size(self._folder, *others) + needed > self._limit:
            shutil.rmtree(others.pop())

    def add(self, keys: list[bytes], features: np.ndarray) -> None:
        """Adds rows; they are on the disk when `flush` has returned, or earlier."""
        for key, row in zip(keys, features, strict=True):
            self._fresh.append((key, row))
        is_old = time.monotonic() - self._flushed > _SHARD_SECONDS
        if is_old or len(self._fresh) * self._type.itemsize >= _SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what was added."""
        self._flushed = time.monotonic()
        if not self._fresh:
            return
        rows = np.empty(len(self._fresh), self._type)
        rows["digest"] = [np.void(key) for key, _ in self._fresh]
        rows["features"] = [row for _, row in self._fresh]
        self._fresh = []
        buffer = io.BytesIO()
        np.save(buffer, rows)
        raw = buffer.getvalue()
        path = self._folder / f"{_hash(io.BytesIO(raw))}.npy"
        try:
            self._make()
            with atomic_files.replacing(path) as draft:
                draft.write_bytes(raw)
        except OSError as error:
            raise _not_written(self._root, error) from error
        self._map(path)

    def clear(self) -> None:
        """Removes all rows."""
        self._places, self._fresh = {}, []
        for path in self._folder.iterdir():
            if _NAME.fullmatch(path.name) and path.is_file():
                path.unlink(missing_ok=True)

    def rows(self, keys: list[bytes]) -> np.ndarray:
        """Returns the features by digests, `(rows, *shape)` float32."""
        found = np.empty((len(keys), *self._type["features"].shape), np.float32)
        for i, key in enumerate(keys):
            array, place = self._places[key]
            found[i] = array[place]
        return found

    def _make(self) -> None:
        """Makes the folder, which another process may have removed, and notes that it is in use."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with atomic_files.replacing(self._folder / _ABOUT) as draft:
            draft.write_text(self._about)

    def _open(self, path: pathlib.Path) -> None:
        with path.open("rb") as file:
            is_whole = _hash(file) == path.stem
        if is_whole:
            self._map(path)
            return
        warnings.warn(
            f"{path} is damaged and was removed; its features are computed again.",
            UserWarning,
            stacklevel=2,
        )
        path.unlink(missing_ok=True)

    def _map(self, path: pathlib.Path) -> None:
        try:
            rows = np.load(path, mmap_mode="r")
        except (ValueError, EOFError):  # Whole, but nothing that was written here.
            return
        if isinstance(rows, np.ndarray) and rows.dtype == self._type:
            keys = rows["digest"].tobytes()
            for place in range(len(rows)):
                self._places[keys[16 * place :][:16]] = rows["features"], place

    def _size(self, *folders: pathlib.Path) -> int:
        paths = [path for folder in folders for path in folder.glob("*.npy")]
        return sum(path.stat().st_size for path in paths)


def folder_of(directory: Any, key: str) -> pathlib.Path:
    """Returns where the store of a key lies."""
    return pathlib.Path(directory) / f"{_PREFIX}{digest(key.encode()).hex()}"


def digest(data: Any) -> bytes:
    """Returns 16 bytes that stand for some data."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _hash(file: Any) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _not_written(root: pathlib.Path, error: OSError) -> OSError:
    return OSError(
        error.errno,
        f"`cache` cannot be written: {error.strerror or error}. What was written before is kept. "
        "Free some room, or give another directory",
        str(root),
    )


def _last_use(folder: pathlib.Path) -> float:
    return (folder / _ABOUT).stat().st_mtime
