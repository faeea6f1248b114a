"""Cache of features in files, by digests of the images."""

import hashlib
import io
import json
import pathlib
import re
import time
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn._core import atomic_files

# A kill loses at most this much work.
_FILE_BYTES, _FILE_SECONDS = 32 << 20, 10.0
_ABOUT = "about.json"
_PREFIX = "features-"
_NAME = re.compile(r"[0-9a-f]{32}\.npy")


class FeatureCache:
    """Features of one frozen network in one precision, in files that are written atomically.

    Each file is an array of (digest, features), mapped into memory. Its name is the hash of its
    bytes; a file that does not match it is damaged and removed when the cache is opened. A row is
    found by the digest of its image, whatever the order of the images, and rows that were computed
    before a kill are still there.

    Args:
        directory: Folder of all caches; each has a folder inside, named after its key.
        key: Text that says what the features depend on besides the images.
        shape: Shape of one row of features.
        limit_gb: Most gigabytes of all caches in the directory.

    Raises:
        OSError: If the directory cannot be written.
    """

    def __init__(
        self, directory: Any, key: str, shape: tuple[int, ...], *, limit_gb: float
    ) -> None:
        self._root = pathlib.Path(directory)
        self._folder = folder_of(directory, key)
        self._type = np.dtype([("digest", "V16"), ("features", "<f4", shape)])
        self._limit_gb = limit_gb
        self._written: dict[bytes, tuple[np.ndarray, int]] = {}
        self._pending: list[tuple[bytes, np.ndarray]] = []
        self._flushed = time.monotonic()
        about = json.dumps({"key": key, "shape": list(shape)}, indent=1)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_files.replacing(self._folder / _ABOUT) as draft:
                draft.write_text(about)
        except OSError as error:
            raise _not_written(self._root, error) from error
        for path in sorted(self._folder.iterdir()):
            if _NAME.fullmatch(path.name) and path.is_file():
                self._open(path)

    def __enter__(self) -> "FeatureCache":
        """Returns itself."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Writes pending rows."""
        self.flush()

    def __contains__(self, key: bytes) -> bool:
        return key in self._written

    def check_room(self, rows: int) -> None:
        """Raises unless there is room for more rows.

        Raises:
            InvalidArgument: If the limit would be exceeded.
        """
        needed = rows * self._type.itemsize
        used = sum(path.stat().st_size for path in self._root.glob(f"{_PREFIX}*/*.npy"))
        if used + needed > self._limit_gb * 1e9:
            raise _checks.InvalidArgument(
                "cache_limit_gb",
                f"leave room for {rows:,} more rows of features, {needed / 1e9:.3g} GB",
                self._limit_gb,
                f"{used / 1e9:.3g} GB are in use in {str(self._root)!r}. Raise it, remove folders "
                "of other networks there, or use pooling='avg', whose features are small.",
            )

    def add(self, keys: list[bytes], features: np.ndarray) -> None:
        """Adds rows, which are written by `flush` at the latest."""
        self._pending += zip(keys, features, strict=True)
        is_late = time.monotonic() - self._flushed > _FILE_SECONDS
        if is_late or len(self._pending) * self._type.itemsize >= _FILE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes pending rows."""
        self._flushed = time.monotonic()
        if not self._pending:
            return
        rows = np.empty(len(self._pending), self._type)
        rows["digest"] = [np.void(key) for key, _ in self._pending]
        rows["features"] = [row for _, row in self._pending]
        self._pending = []
        buffer = io.BytesIO()
        np.save(buffer, rows)
        raw = buffer.getvalue()
        path = self._folder / f"{_hash(io.BytesIO(raw))}.npy"
        try:
            with atomic_files.replacing(path) as draft:
                draft.write_bytes(raw)
        except OSError as error:
            raise _not_written(self._root, error) from error
        self._map(path)

    def rows(self, keys: list[bytes]) -> np.ndarray:
        """Returns the features of some digests, `(rows, *shape)` float32."""
        found = np.empty((len(keys), *self._type["features"].shape), np.float32)
        for i, key in enumerate(keys):
            array, index = self._written[key]
            found[i] = array[index]
        return found

    def _open(self, path: pathlib.Path) -> None:
        with path.open("rb") as file:
            is_whole = _hash(file) == path.stem
        if is_whole:
            self._map(path)
            return
        _checks.warn(f"{path} is damaged and was removed; its features are computed again.")
        path.unlink(missing_ok=True)

    def _map(self, path: pathlib.Path) -> None:
        rows = np.load(path, mmap_mode="r")
        digests = rows["digest"].tobytes()
        for i in range(len(rows)):
            self._written[digests[16 * i :][:16]] = rows["features"], i


def folder_of(directory: Any, key: str) -> pathlib.Path:
    """Returns the folder of the cache with a key."""
    return pathlib.Path(directory) / f"{_PREFIX}{digest(key.encode()).hex()}"


def digest(data: Any) -> bytes:
    """Returns a digest of 16 bytes."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _hash(file: Any) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _not_written(root: pathlib.Path, error: OSError) -> OSError:
    return OSError(
        error.errno,
        f"`cache` cannot be written: {error.strerror or error}. Files that were written before are "
        "kept. Make room, or give another directory",
        str(root),
    )
