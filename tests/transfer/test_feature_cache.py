"""Features in a directory: found again, damage detected, size limited."""

import errno
import pathlib
import signal
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest

from kerasnn import transfer
from kerasnn.transfer.frozen_features import extractor
from kerasnn.transfer.frozen_features.feature_cache import FeatureCache, digest
from tests.transfer.transfer_cases import as_if_trained, counted, images, network


def features(cache, x, seed=0, **arguments):
    return transfer.features(
        network(seed), x, cache=cache, precision="float32", verbose=0, **arguments
    )


def computed(cache, x, seed=0):
    """Returns how many images the network ran on, and the features."""
    counted()
    found = features(cache, x, seed)
    return counted(), found


def test_features_are_computed_once_in_any_order(tmp_path):
    x, _ = images(24)
    expected = features("memory", x)
    count, first = computed(tmp_path, np.concatenate([x, x[:2]]))
    assert count <= 26 + 4
    np.testing.assert_allclose(first[:24], expected, atol=1e-6)
    np.testing.assert_array_equal(first[24:], first[:2])
    order = np.random.default_rng(0).permutation(24)[:20]
    count, some = computed(tmp_path, np.concatenate([x[order], images(3, seed=9)[0]]))
    # The new ones, and the sample of the first program call.
    assert count == 3
    np.testing.assert_array_equal(some[:20], first[order])


def test_other_networks_have_other_features(tmp_path):
    x, _ = images(6)
    features(tmp_path, x, seed=0)
    count, other = computed(tmp_path, x, seed=1)
    assert count == 6
    np.testing.assert_allclose(other, features("memory", x, seed=1), atol=1e-6)
    assert len(list(tmp_path.glob("features-*"))) == 2


def test_another_head_finds_the_features(tmp_path):
    x, y = images(24)
    source = network()
    for units, count in (((), 24), ((5,), 0)):
        model = transfer.from_backbone(source, outputs=3, task="multiclass", head=units)
        counted()
        transfer.fine_tune(model, x, y, epochs=1, cache=tmp_path, precision="float32", verbose=0)
        assert counted() == count


def test_the_cached_precision_is_used_again(tmp_path):
    """However long a sample takes this time."""
    x, _ = images(6)
    model = network()
    kept = transfer.features(model, x, cache=tmp_path, precision="bfloat16", verbose=0)
    again = transfer.features(model, x, cache=tmp_path, verbose=0)
    np.testing.assert_array_equal(again, kept)
    assert len(list(tmp_path.glob("features-*"))) == 1


def test_damaged_files_are_removed(tmp_path):
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    keys = [digest(bytes([i])) for i in range(4)]

    def opened():
        return FeatureCache(tmp_path, "k", (2,), limit_gb=1)

    with opened() as cache:
        cache.add(keys, rows)
    [path] = tmp_path.glob("features-*/*.npy")
    raw = path.read_bytes()
    for index in (len(raw) // 2, 3, len(raw) - 1):
        damaged = bytearray(raw)
        damaged[index] ^= 1
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match="is damaged and was removed"):
            assert keys[0] not in opened()
        assert not path.exists()
    path.write_bytes(raw[: len(raw) // 3])
    with pytest.warns(UserWarning, match="is damaged and was removed"):
        opened()
    path.write_bytes(raw)
    np.testing.assert_array_equal(opened().rows(keys[::-1]), rows[::-1])


def test_files_of_others_are_left_alone(tmp_path):
    FeatureCache(tmp_path, "k", (2,), limit_gb=1)
    [folder] = tmp_path.glob("features-*")
    (folder / ".draft.npy").write_bytes(b"of another process")
    (folder / "mine.npy").write_bytes(b"mine")
    (folder / ("0" * 32 + ".npy")).mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FeatureCache(tmp_path, "k", (2,), limit_gb=1)
    assert len(list(folder.iterdir())) == 4


def test_a_full_disk_names_the_directory(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    cache = FeatureCache(tmp_path, "k", (2,), limit_gb=1)
    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    cache.add([b"0" * 16], np.zeros((1, 2), np.float32))
    with pytest.raises(OSError, match="`cache` cannot be written: No space left") as error:
        cache.flush()
    assert str(tmp_path) in str(error.value)


def test_layers_named_like_functions_are_compared(tmp_path):
    x, _ = images(6)
    for name in ("relu", "tanh"):
        keras.utils.set_random_seed(0)
        layers = [
            keras.layers.Conv2D(2, 3),
            keras.layers.Activation(name, name=name),
            keras.layers.GlobalAveragePooling2D(),
        ]
        model = as_if_trained(keras.Sequential([keras.Input((12, 12, 1)), *layers]))
        transfer.features(model, x, cache=tmp_path, verbose=0)
    assert len(list(tmp_path.glob("features-*"))) == 2


def test_the_limit_holds_for_all_networks(tmp_path, invalid):
    with FeatureCache(tmp_path, "k", (2,), limit_gb=1e-6) as cache:
        cache.add([digest(b"0")], np.zeros((1, 2), np.float32))
    other = FeatureCache(tmp_path, "other", (2,), limit_gb=1e-6)
    other.check_room(20)
    with invalid("cache_limit_gb", 1e-6) as caught:
        other.check_room(40)
    assert str(tmp_path) in caught.value.hint
    with invalid("cache_limit_gb", 1e-7):
        features(tmp_path, images(6)[0], cache_limit_gb=1e-7)


def test_a_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        FeatureCache(tmp_path / "file" / "cache", "k", (2,), limit_gb=1)


@pytest.mark.slow
def test_large_features_are_streamed_from_the_disk(tmp_path, monkeypatch):
    x, y = images()
    plain, streamed = network(), network()
    for model in (plain, streamed):
        # Dropout depends on the position in the batch.
        model.get_layer("dropout_1").rate = 0.0
    arguments = {"epochs": 4, "precision": "float32", "verbose": 0, "regime": "small"}
    transfer.fine_tune(plain, x, y, cache=tmp_path, batch_size=48, **arguments)
    features(tmp_path, images(6)[0])
    monkeypatch.setattr(extractor, "_MEMORY_BYTES", 1)
    counted()
    history = transfer.fine_tune(
        streamed, x, y, cache=tmp_path, batch_size=48, validation_data=images(6), **arguments
    )
    assert counted() == 0
    assert len(history.history["val_loss"]) == 4
    # One batch holds all rows, so their order is only one of summation.
    for a, b in zip(plain.get_weights(), streamed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


KILLED = """
import sys, os, signal
sys.path.insert(0, {tests!r})
import numpy as np
from tests.transfer.transfer_cases import images, network
from kerasnn import transfer
from kerasnn.transfer.frozen_features import feature_cache, images as batches
feature_cache._FILE_SECONDS = 0.0
flush, count = feature_cache.FeatureCache.flush, [0]
def flush_and_die(cache):
    flush(cache)
    count[0] += 1
    if count[0] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
feature_cache.FeatureCache.flush = flush_and_die
batches._MOST_ROWS = 10
transfer.features(network(), images()[0], cache={cache!r}, precision="float32", verbose=0)
"""


@pytest.mark.slow
def test_features_survive_a_kill(tmp_path):
    tests = str(pathlib.Path(__file__).parents[2])
    script = KILLED.format(tests=tests, cache=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count, found = computed(tmp_path, images()[0])
    assert count == 28
    np.testing.assert_allclose(found, features("memory", images()[0]), atol=1e-6)
