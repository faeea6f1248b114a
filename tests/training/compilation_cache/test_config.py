"""Settings of the cache of compiled programs, and the flags that TensorFlow receives."""

import os
import pathlib

import pytest

import kerasnn
from kerasnn.training.compilation_cache import process_cache
from kerasnn.training.compilation_cache.process_cache import ProcessCache
from kerasnn.training.compilation_cache.settings import Settings

FLAGS = "TF_XLA_FLAGS"
PROGRAMS = "--tf_xla_persistent_cache_directory="


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Gives each test variables of its own, and takes back what it sets."""
    monkeypatch.setenv(FLAGS, "")
    monkeypatch.setenv("KERASNN_COMPILATION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERASNN_COMPILATION_CACHE_MB", "")


@pytest.fixture
def fresh(monkeypatch):
    """A process that has compiled nothing."""
    cache = ProcessCache()
    monkeypatch.setattr(kerasnn.config, "process_cache", cache)
    return cache


def announced(flags=""):
    """The flags that TensorFlow receives where the user has set some."""
    os.environ[FLAGS] = flags
    ProcessCache().announce()
    return os.environ.get(FLAGS, "")


def test_the_directory_is_named_without_touching_a_file(tmp_path):
    name, devices = announced().split()
    directory = pathlib.Path(name.removeprefix(PROGRAMS))
    assert directory.name.startswith(f"kerasnn-programs-{os.getpid()}-")
    assert devices.endswith("=CPU,XLA_CPU_JIT")
    assert not directory.exists()
    assert list(tmp_path.iterdir()) == []


def test_flags_of_the_user_are_kept():
    assert announced("--tf_xla_clustering_debug").startswith(
        f"--tf_xla_clustering_debug {PROGRAMS}"
    )
    for flags in (f"{PROGRAMS}/his", "--tf_xla_persistent_cache_read_only=true", "a/file"):
        assert announced(flags) == flags


def test_a_process_started_by_another_has_a_directory_of_its_own():
    parents = announced("--tf_xla_clustering_debug")
    ours = announced(parents)
    assert ours.count(PROGRAMS) == 1
    assert ours != parents
    os.environ["KERASNN_COMPILATION_CACHE"] = "0"
    assert announced(parents) == "--tf_xla_clustering_debug"


def test_where_there_is_no_cache(monkeypatch):
    monkeypatch.setattr(process_cache, "_LEAST_FREE_BYTES", 1 << 80)
    assert announced() == ""
    monkeypatch.undo()
    monkeypatch.setattr(process_cache, "_TRIED_VERSIONS", ("3.",))
    assert announced() == ""


def test_settings(fresh, tmp_path):
    kerasnn.config.set_compilation_cache(tmp_path / "mine", limit_mb=7)
    assert kerasnn.config.compilation_cache_directory() == tmp_path / "mine"
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o700
    assert Settings.read().limit_bytes == 7 << 20
    assert PROGRAMS in os.environ[FLAGS]
    kerasnn.config.set_compilation_cache(None)
    assert kerasnn.config.compilation_cache_directory() is None
    assert FLAGS not in os.environ
    # Without a setting: a directory of the user's for what can be made again.
    del os.environ["KERASNN_COMPILATION_CACHE"]
    assert "kerasnn" in str(kerasnn.config.compilation_cache_directory())


def test_settings_that_cannot_be(fresh, tmp_path, invalid):
    with invalid("limit_mb", 0):
        kerasnn.config.set_compilation_cache(tmp_path, limit_mb=0)
    (tmp_path / "file").touch()
    with invalid("directory", str(tmp_path / "file")):
        kerasnn.config.set_compilation_cache(tmp_path / "file")
    with fresh.compiling():
        pass
    with invalid("directory", None):
        kerasnn.config.set_compilation_cache(None)
    # What is set already may be set again.
    kerasnn.config.set_compilation_cache(kerasnn.config.compilation_cache_directory())
