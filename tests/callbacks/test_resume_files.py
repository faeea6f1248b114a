"""A saved state appears whole or not at all, and what is damaged is found."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import time

import keras
import ml_dtypes
import numpy as np
import pytest
import saving_runs
from resume_runs import largest_file

import kerasnn
from kerasnn._core.lock import path_lock
from kerasnn.callbacks.resume import state_file
from kerasnn.callbacks.resume.backup_file import Generations
from kerasnn.callbacks.resume.serialization import Frozen, NotPlainError

STATE = {
    "numbers": [1, 2.5, float("inf"), True, None, 10**20],
    "text": "ü",
    "bytes": b"\x00\xff",
    "scalars": [np.float32(0.1), np.int64(3), np.bool_(True), ml_dtypes.bfloat16(0.5)],
    "nested": ({1, 2}, frozenset("a"), {(1, "a"): {"array": [0]}}, ()),
    "arrays": [np.arange(6.0).reshape(2, 3).T, np.zeros((0, 3)), np.array(7), np.array(["ab"])],
    "bfloat16": np.array([1.5, -2.0], ml_dtypes.bfloat16),
}


def leaves(value):
    return keras.tree.flatten(value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.state"


def saved(path, *numbers):
    files = Generations(path)
    for number in numbers:
        files.save(Frozen.of({"number": number}))
    return files


@contextlib.contextmanager
def full_at(size):
    largest_file(size)
    try:
        yield
    finally:
        largest_file(None)


def flip(path, byte, bit=0):
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def test_everything_plain_comes_back_as_it_was(path):
    state_file.write(path, Frozen.of(STATE))
    back = state_file.read(path)
    assert repr(back) == repr(STATE)
    for one, other in zip(leaves(back["arrays"]), leaves(STATE["arrays"]), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert back["bfloat16"].dtype == ml_dtypes.bfloat16
    assert [type(scalar) for scalar in back["scalars"]] == [type(s) for s in STATE["scalars"]]


@pytest.mark.parametrize("value", [object(), np.array([object()]), [print], {"a": {1: slice(1)}}])
def test_what_is_not_plain_is_not_written(value):
    with pytest.raises(NotPlainError, match="no plain data"):
        Frozen.of(value)


def test_what_is_kept_does_not_change_afterwards(path):
    numbers, array = [1], np.ones(2)
    frozen = Frozen.of([numbers, array])
    numbers.append(2)
    array[:] = 0
    state_file.write(path, frozen)
    numbers, array = state_file.read(path)
    assert numbers == [1]
    np.testing.assert_array_equal(array, [1, 1])


def test_a_saved_file_opens_in_numpy(path):
    state_file.write(path, Frozen.of({"weights": np.arange(3)}))
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["0"], [0, 1, 2])


def test_every_flipped_bit_and_every_cut_is_found(path):
    state_file.write(path, Frozen.of({"weights": np.arange(3, dtype=np.float32)}))
    whole = path.read_bytes()
    for byte in range(len(whole)):
        path.write_bytes(whole)
        flip(path, byte, bit=byte % 8)
        with pytest.raises(state_file.DamagedFileError, match="is damaged or cut off"):
            state_file.read(path)
    for size in range(0, len(whole), 16):
        path.write_bytes(whole[:size])
        with pytest.raises(state_file.DamagedFileError, match="cut off"):
            state_file.read(path)


def test_a_damaged_newest_file_gives_way_to_the_one_before(path):
    files = saved(path, 1, 2, 3)
    flip(path, 40)
    with pytest.warns(UserWarning, match=r"Training goes on from the state saved before it"):
        assert files.load() == {"number": 2}
    # Nothing warns again, and the damaged file takes no place of a good one.
    assert files.load() == {"number": 2}
    files.save(Frozen.of({"number": 4}))
    assert files.load() == {"number": 4}
    flip(path, 40)
    with pytest.warns(UserWarning, match="damaged"):
        assert files.load() == {"number": 2}


@pytest.mark.parametrize("count", [1, 2])
def test_nothing_whole_is_an_error_and_stays(path, count):
    files = saved(path, *range(count))
    for file in (path, path.with_name("run.state.previous")):
        if file.exists():
            flip(file, 40)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"No whole state is left .* Delete the file"):
        files.load()
    assert path.read_bytes() == before


def test_a_foreign_file_is_not_touched(path):
    path.write_text("print('a script')")
    with pytest.raises(ValueError, match=r"is no file of Resume's. Give another path\."):
        Generations(path).load()
    assert path.read_text() == "print('a script')"


def test_a_kill_between_two_renames_leaves_the_one_before(path):
    files = saved(path, 1, 2)
    os.replace(path, path.with_name("run.state.previous"))
    assert files.load() == {"number": 2}


def test_a_full_disk_at_any_byte_loses_nothing(path):
    files = saved(path, 1, 2)
    size = path.stat().st_size
    for byte in range(size):
        with full_at(byte), pytest.raises(OSError, match="File too large"):
            files.save(Frozen.of({"number": 3}))
    assert sorted(os.listdir(path.parent)) == ["run.state", "run.state.previous"]
    assert files.load() == {"number": 2}
    assert state_file.read(path.with_name("run.state.previous")) == {"number": 1}
    with full_at(size):
        files.save(Frozen.of({"number": 3}))
    assert files.load() == {"number": 3}


def test_what_a_killed_writer_left_is_removed(path):
    saved(path, 1)
    draft = path.with_name(f".run.{'0' * 32}.state")
    other = path.with_name(".run.state")
    draft.touch()
    other.touch()
    Generations(path).load()
    assert not draft.exists()
    assert other.exists()


@pytest.mark.slow
def test_fifty_kills_during_savings_leave_fifty_loadable_files(tmp_path):
    ran = subprocess.run(
        [sys.executable, saving_runs.__file__, tmp_path, "50"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(kerasnn.__file__).parents[1])},
    )
    [last] = ran.stdout.splitlines()
    kills, savings = map(int, re.findall(r"\d+", last))
    assert kills == 50
    assert savings >= 50


def test_a_system_without_posix_locks_is_said(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with (
        pytest.raises(NotImplementedError, match="`Resume` must run on a POSIX system"),
        path_lock(path),
    ):
        pass
    assert list(path.parent.iterdir()) == []


def test_a_second_process_is_refused_within_a_second(path):
    holder = (
        "import fcntl, os, sys\n"
        "lock = open(sys.argv[1], 'w')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print(os.getpid(), file=lock, flush=True)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, f"{path}.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        began = time.monotonic()
        with pytest.raises(BlockingIOError, match=f"in use by process {process.pid}"):
            path_lock(path).__enter__()
        assert time.monotonic() - began < 1
        process.kill()
    with path_lock(path):
        pass


def test_the_lock_holds_within_one_process_and_goes_with_an_error(path):
    with contextlib.suppress(ZeroDivisionError), path_lock(path):
        with pytest.raises(BlockingIOError, match=f"by process {os.getpid()}"):
            path_lock(path).__enter__()
        raise ZeroDivisionError
    with path_lock(path):
        pass
