"""Cache of compiled programs of this process: what TensorFlow reads, and what it has written."""

import atexit
import contextlib
import os
import pathlib
import re
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator

import tensorflow as tf

from kerasnn.training.compilation_cache import machine
from kerasnn.training.compilation_cache.settings import Settings
from kerasnn.training.compilation_cache.store import ProgramStore, make_private

# An unknown flag ends the process: these versions of TensorFlow were tried.
_TRIED_VERSIONS = ("2.20.", "2.21.")
_FLAGS = "TF_XLA_FLAGS"
_PREFIX = "kerasnn-programs-"
_OUR_FLAGS = (
    "--tf_xla_persistent_cache_directory={} --tf_xla_persistent_cache_device_types=CPU,XLA_CPU_JIT"
)
# Compilation fails where TensorFlow cannot write its program.
_LEAST_FREE_BYTES = 256 << 20


class ProcessCache:
    """Lets TensorFlow read and write compiled programs in a directory of this process alone.

    TensorFlow runs what it finds in its cache, and a damaged program ends the process. So it gets
    a temporary directory, with links to those programs of the store whose digests match; what it
    has compiled there is added to the store afterwards.

    TensorFlow reads the name of the directory from `TF_XLA_FLAGS` when it creates the first tensor
    of a process, so `announce` has to be called before. If the flags name a cache already, it
    changes nothing. The directory itself is made before the first program is compiled.

    Where a directory cannot be used, programs are compiled without a store, and nothing is raised.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._directory: pathlib.Path | None = None
        self._store: ProgramStore | None = None
        self._added: set[str] = set()
        self.began = False

    @property
    def keeps_programs(self) -> bool:
        """Whether programs that were compiled are kept for the next process."""
        return self._store is not None

    def announce(self) -> None:
        """Names the directory to TensorFlow, as the settings are now; touches no file."""
        flags = _without_ours(os.environ.get(_FLAGS, ""))
        self._directory = None
        if _is_supported() and _may_add_to(flags) and Settings.read().directory is not None:
            with contextlib.suppress(OSError):
                self._directory = _new_name()
                flags = f"{flags} {_OUR_FLAGS.format(self._directory)}".strip()
                atexit.register(self._close, self._directory, os.getpid())
        _set_flags(flags)

    @contextlib.contextmanager
    def compiling(self) -> Iterator[None]:
        """Surrounds what may compile a program: reads the store before, and adds to it after."""
        with self._lock:
            if not self.began:
                self.began = True
                self._open()
                # TensorFlow has read it. A process that this one starts has its own directory.
                _set_flags(_without_ours(os.environ.get(_FLAGS, "")))
        yield
        self.collect()

    def collect(self) -> None:
        """Adds the programs to the store that TensorFlow has compiled since."""
        if self._directory is None or self._store is None:
            return
        with self._lock, contextlib.suppress(OSError):
            for program in sorted(self._directory.glob("*.pb")):
                if program.name not in self._added and not program.is_symlink():
                    self._store.add(program)
                    self._added.add(program.name)

    def _open(self) -> None:
        """Makes the directory, with links to the programs of the store."""
        if self._directory is None:
            return
        _remove_stale(self._directory)
        settings = Settings.read()
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o700, exist_ok=True)
            if settings.directory is not None:
                make_private(settings.directory)
                store = ProgramStore(settings.directory, machine.key(), settings.limit_bytes)
                store.link_into(self._directory)
                self._store = store

    def _close(self, directory: pathlib.Path, process: int) -> None:
        if process == os.getpid():
            self.collect()
            shutil.rmtree(directory, ignore_errors=True)


def _is_supported() -> bool:
    return sys.platform == "linux" and tf.version.VERSION.startswith(_TRIED_VERSIONS)


def _may_add_to(flags: str) -> bool:
    """Whether flags of the user name no cache; they may be the name of a file with flags."""
    return "persistent_cache" not in flags and (not flags or flags.startswith("-"))


def _new_name() -> pathlib.Path:
    """Returns a name that nobody can guess, with the process in it.

    Raises:
        OSError: If there is no place for temporary files, or none is left on it.
    """
    place = pathlib.Path(tempfile.gettempdir())
    if shutil.disk_usage(place).free < _LEAST_FREE_BYTES:
        raise OSError(f"{str(place)!r} is nearly full")
    return place / f"{_PREFIX}{os.getpid()}-{uuid.uuid4().hex}"


def _without_ours(flags: str) -> str:
    """Returns flags without those of `announce`, which a process receives from its parent."""
    ours = re.escape(_OUR_FLAGS).replace(r"\{\}", rf"\S*/{_PREFIX}\S*")
    return re.sub(ours, "", flags).strip()


def _set_flags(flags: str) -> None:
    if flags:
        os.environ[_FLAGS] = flags
    else:
        os.environ.pop(_FLAGS, None)


def _remove_stale(ours: pathlib.Path) -> None:
    """Removes the directories beside ours that killed processes of this user have left."""
    for directory in ours.parent.glob(f"{_PREFIX}*"):
        process = directory.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            if directory.stat().st_uid == os.geteuid() and not _is_running(int(process)):
                shutil.rmtree(directory, ignore_errors=True)


def _is_running(process: int) -> bool:
    return pathlib.Path(f"/proc/{process}").exists()


process_cache = ProcessCache()
