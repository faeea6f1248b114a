"""The file of a saved state appears whole or not at all, and damage is found."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys

import keras
import ml_dtypes
import numpy as np
import pytest

import kerasnn
from kerasnn._core.process import lock
from kerasnn._core.process.lock import path_lock
from kerasnn.callbacks.resume import storage
from tests.callbacks.resume import saving_runs
from tests.callbacks.resume.resume_runs import largest_file

STATE = {
    "numbers": [1, 2.5, float("inf"), True, None, 10**20],
    "text": "ü",
    "scalars": [np.float32(0.1), np.int64(3), np.bool_(True), ml_dtypes.bfloat16(0.5)],
    "nested": {"list": [[], {}, {"array": [0]}]},
    "arrays": [np.arange(6.0).reshape(2, 3).T, np.zeros((0, 3)), np.array(["ab"])],
    "bfloat16": np.array([1.5, -2.0], ml_dtypes.bfloat16),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.state"


def save(path, state):
    storage.save(path, storage.freeze(state))


@contextlib.contextmanager
def full_at(size):
    largest_file(size)
    try:
        yield
    finally:
        largest_file(None)


def test_a_state_comes_back_with_its_types_and_bits(path):
    save(path, STATE)
    back = storage.load(path)
    assert repr(back) == repr(STATE)
    for one, other in zip(back["arrays"], STATE["arrays"], strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert back["bfloat16"].dtype == ml_dtypes.bfloat16
    assert [type(scalar) for scalar in back["scalars"]] == [type(s) for s in STATE["scalars"]]
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["4"], STATE["arrays"][0])


@pytest.mark.parametrize(
    "value", [object(), np.array([object()]), [print], {"a": {1: "key"}}, {1, 2}, b"bytes"]
)
def test_what_is_not_plain_data_is_refused(value):
    with pytest.raises(TypeError):
        storage.freeze({"value": value})


def test_a_frozen_state_does_not_change_afterwards(path):
    numbers, array, variable = [1], np.ones(2), keras.Variable(np.ones(2))
    frozen = storage.freeze({"numbers": numbers, "array": array, "variable": variable})
    numbers.append(2)
    array[:] = 0
    variable.assign([0, 0])
    storage.save(path, frozen)
    back = storage.load(path)
    assert back["numbers"] == [1]
    for name in ("array", "variable"):
        np.testing.assert_array_equal(back[name], [1, 1])


def outcome(path):
    """Returns the repr of what is loaded, or None where the file is refused."""
    try:
        return repr(storage.load(path))
    except kerasnn.InvalidArgument:
        return None


def test_damage_at_any_byte_is_found_or_does_no_harm(path):
    """A flipped bit in a date of the zip, say, leaves all values as they were."""
    state = {"weights": np.arange(1, 4, dtype=np.float32), "words": "some text"}
    save(path, state)
    whole = path.read_bytes()
    values = [state["weights"].tobytes(), b"some text"]
    spans = [range(at, at + len(v)) for v in values for at in [whole.index(v)]]
    for byte in range(len(whole)):
        flipped = bytearray(whole)
        flipped[byte] ^= 1 << byte % 8
        path.write_bytes(flipped)
        found = outcome(path)
        assert found in (None, repr(state)), byte
        assert found is None or not any(byte in span for span in spans), byte
    for size in range(0, len(whole), 16):
        path.write_bytes(whole[:size])
        assert outcome(path) is None


def test_a_damaged_file_stays_where_it_is(path, invalid):
    save(path, STATE)
    path.write_bytes(path.read_bytes()[:-1])
    before = path.read_bytes()
    with invalid("path", str(path)) as caught:
        storage.load(path)
    assert "delete it to train from the start" in caught.value.hint
    assert path.read_bytes() == before


def test_a_full_disk_at_any_byte_loses_nothing(path):
    save(path, {"number": 1})
    size = path.stat().st_size
    for byte in range(0, size, 3):
        with full_at(byte), pytest.raises(OSError, match="File too large"):
            save(path, {"number": 2})
    assert os.listdir(path.parent) == ["run.state"]
    assert storage.load(path) == {"number": 1}
    with full_at(size):
        save(path, {"number": 2})
    assert storage.load(path) == {"number": 2}


def test_drafts_of_a_killed_writer_are_removed(path):
    save(path, {"number": 1})
    draft, other = path.with_name(f".run.{'0' * 32}.state"), path.with_name(".run.state")
    draft.touch()
    other.touch()
    assert storage.load(path) == {"number": 1}
    assert not draft.exists()
    assert other.exists()


@pytest.mark.slow
def test_after_a_hundred_kills_during_saves_every_file_loads(tmp_path):
    ran = subprocess.run(
        [sys.executable, saving_runs.__file__, tmp_path, "100"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(kerasnn.__file__).parents[1])},
    )
    [last] = ran.stdout.splitlines()
    kills, savings = map(int, re.findall(r"\d+", last))
    assert kills == 100
    assert savings >= 100


# Only the module itself, since the whole package takes seconds to import.
_WITHOUT_FCNTL = """
import runpy, sys, warnings
warnings.simplefilter("ignore")
sys.modules["fcntl"] = None
path_lock = runpy.run_path(sys.argv[1])["path_lock"]
for _ in range(2):
    with path_lock(sys.argv[2]):
        try:
            path_lock(sys.argv[2]).__enter__()
        except BlockingIOError:
            print("refused")
"""


def test_the_lock_works_without_fcntl(path):
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT_FCNTL, lock.__file__, path],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert ran.stdout == "refused\nrefused\n"


def test_a_second_process_is_refused_until_the_first_is_killed(path):
    holder = (
        "import filelock, sys\n"
        "lock = filelock.FileLock(sys.argv[1])\n"
        "lock.acquire()\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, f"{path}.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError, match="must be used by one run at a time"):
            path_lock(path).__enter__()
        process.kill()
    with path_lock(path):
        pass


def test_the_lock_holds_within_one_process_and_ends_with_an_error(path):
    with contextlib.suppress(ZeroDivisionError), path_lock(path):
        with pytest.raises(BlockingIOError):
            path_lock(path).__enter__()
        raise ZeroDivisionError
    with path_lock(path):
        pass
