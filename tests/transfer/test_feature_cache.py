"""Features in a directory: found again, never trusted when damaged, bounded."""

import errno
import os
import pathlib
import signal
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from transfer_cases import as_if_trained, counted, images, network

from kerasnn import transfer
from kerasnn.transfer.frozen_features import extractor
from kerasnn.transfer.frozen_features.feature_cache import FeatureStore, digest


def features(cache, x, seed=0, **arguments):
    return transfer.features(
        network(seed), x, cache=cache, precision="float32", verbose=0, **arguments
    )


def computed(cache, x, seed=0):
    """Returns how many images the network ran on, and the features.

    Four that were found are computed again, to see whether they are the network's.
    """
    counted()
    found = features(cache, x, seed)
    return counted(), found


def test_features_are_those_without_a_cache_and_computed_once(tmp_path):
    x, _ = images()
    fresh = features("memory", x)
    count, first = computed(tmp_path, x)
    assert count == 48
    count, second = computed(tmp_path, x)
    assert count == 4
    np.testing.assert_allclose(first, fresh, atol=1e-6)
    np.testing.assert_array_equal(first, second)


def test_order_and_company_do_not_matter(tmp_path):
    x, _ = images()
    all_rows = features(tmp_path, x)
    order = np.random.default_rng(0).permutation(48)[:20]
    count, some = computed(tmp_path, x[order])
    assert count == 4
    np.testing.assert_array_equal(some, all_rows[order])
    more = np.concatenate([x[:5], images(3, seed=9)[0]])
    assert computed(tmp_path, more)[0] == 3 + 4


def test_equal_images_are_one(tmp_path):
    x, _ = images()
    count, found = computed(tmp_path, np.concatenate([x[:2], x[:2]]))
    assert count <= 4
    np.testing.assert_array_equal(found[:2], found[2:])


def test_another_network_has_features_of_its_own(tmp_path):
    x, _ = images(6)
    features(tmp_path, x, seed=0)
    count, other = computed(tmp_path, x, seed=1)
    assert count == 6
    np.testing.assert_allclose(other, features("memory", x, seed=1), atol=1e-6)
    assert len(list(tmp_path.glob("features-*"))) == 2


def test_another_head_finds_them(tmp_path):
    x, y = images()
    source = network()
    for units in ((), (5,)):
        model = transfer.from_backbone(source, outputs=3, task="multiclass", head=units)
        counted()
        transfer.fine_tune(model, x, y, epochs=2, cache=tmp_path, precision="float32", verbose=0)
        assert counted() == (48 if units == () else 4)


def test_the_precision_that_is_kept_is_the_one_that_is_used(tmp_path):
    """However long a sample takes this time."""
    x, _ = images()
    network_ = network()
    kept = transfer.features(network_, x, cache=tmp_path, precision="bfloat16", verbose=0)
    again = transfer.features(network_, x, cache=tmp_path, verbose=0)
    np.testing.assert_array_equal(again, kept)
    assert len(list(tmp_path.glob("features-*"))) == 1


def test_a_flipped_bit_is_found_and_the_features_computed_again(tmp_path):
    x, _ = images()
    before = features(tmp_path, x)
    [path] = tmp_path.glob("features-*/*.npy")
    raw = bytearray(path.read_bytes())
    for place in (len(raw) // 2, 3, len(raw) - 1):
        damaged = bytearray(raw)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match="is damaged and was removed"):
            after = features(tmp_path, x)
        np.testing.assert_array_equal(after, before)
    path.write_bytes(raw[: len(raw) // 3])
    with pytest.warns(UserWarning, match="is damaged and was removed"):
        features(tmp_path, x)


def test_another_process_may_read_remove_and_write(tmp_path):
    rows = np.ones((4, 2), np.float32)
    keys = [digest(bytes([i])) for i in range(4)]
    ours = FeatureStore(tmp_path, "k", (2,), limit_bytes=10**6)
    ours.add(keys[:2], rows[:2])
    ours.flush()
    other = FeatureStore(tmp_path, "other", (2,), limit_bytes=600)
    other.check_room(20)
    assert len(list(tmp_path.glob("features-*"))) == 1
    ours.add(keys[2:], rows[2:])
    ours.flush()
    np.testing.assert_array_equal(ours.rows(keys), rows)
    [folder] = {p.parent for p in tmp_path.glob("features-*/*.npy")}
    (folder / ".draft.npy").write_bytes(b"of another process")
    (folder / "mine.npy").write_bytes(b"mine")
    (folder / ("0" * 32 + ".npy")).mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = FeatureStore(tmp_path, "k", (2,), limit_bytes=10**6)
    assert keys[3] in again
    assert (folder / ".draft.npy").exists()
    assert (folder / "mine.npy").exists()


def test_a_full_disk_names_the_directory_and_the_cure(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = FeatureStore(tmp_path, "k", (2,), limit_bytes=10**6)
    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    store.add([b"0" * 16], np.zeros((1, 2), np.float32))
    with pytest.raises(OSError, match="`cache` cannot be written: No space left") as error:
        store.flush()
    assert str(tmp_path) in str(error.value)


def test_a_network_that_only_code_tells_apart_is_noticed(tmp_path):
    def scaled(factor):
        def activation(x):
            return factor * x

        layers = [
            keras.layers.Conv2D(2, 3, activation=activation, kernel_initializer="ones"),
            keras.layers.GlobalAveragePooling2D(),
        ]
        return keras.Sequential([keras.Input((12, 12, 1)), *layers])

    x, _ = images(6)
    one = transfer.features(scaled(1.0), x, cache=tmp_path, precision="float32", verbose=0)
    with pytest.warns(UserWarning, match="are of another network"):
        two = transfer.features(scaled(2.0), x, cache=tmp_path, precision="float32", verbose=0)
    np.testing.assert_allclose(two, 2 * one, rtol=1e-5)


def test_a_layer_that_is_named_like_a_function_is_still_told_from_another(tmp_path):
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


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "mine.npy").write_bytes(b"mine")
    (tmp_path / "features-of-mine").mkdir()
    features(tmp_path, images(6)[0], cache_limit_gb=1e-5)
    assert (tmp_path / "mine.npy").read_bytes() == b"mine"
    assert (tmp_path / "features-of-mine").is_dir()


def test_what_was_used_longest_ago_makes_room(tmp_path):
    x, _ = images()
    stores = []
    for seed in range(3):
        features(tmp_path, x, seed, cache_limit_gb=4e-6)
        [new] = set(tmp_path.glob("features-*")) - set(stores)
        stores = [*tmp_path.glob("features-*")]
        os.utime(new / "about.json", (seed, seed))
    size = sum(p.stat().st_size for p in tmp_path.glob("features-*/*.npy"))
    assert size <= 4e3
    assert len(stores) == 2
    assert new in stores


def test_what_has_no_room_at_all_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`cache_limit_gb` must leave room for 48 more rows"):
        features(tmp_path, images()[0], cache_limit_gb=1e-7)


def test_a_directory_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        features(tmp_path / "file" / "cache", images(3)[0])


def test_a_store_gives_rows_by_their_digests(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(10, 2, 3)).astype(np.float32)
    keys = [digest(row.tobytes()) for row in rows]
    with FeatureStore(tmp_path, "k", (2, 3), limit_bytes=10**6) as store:
        store.add(keys[:7], rows[:7])
    with FeatureStore(tmp_path, "k", (2, 3), limit_bytes=10**6) as store:
        assert [key in store for key in keys] == [True] * 7 + [False] * 3
        np.testing.assert_array_equal(store.rows(keys[6::-2]), rows[6::-2])
    with FeatureStore(tmp_path, "other", (2, 3), limit_bytes=10**6) as store:
        assert keys[0] not in store


@pytest.mark.slow
def test_large_features_are_streamed_from_the_disk(tmp_path, monkeypatch):
    x, y = images()
    plain, streamed = network(), network()
    for model in (plain, streamed):
        # Which draws by the place in the batch.
        model.get_layer("dropout_1").rate = 0.0
    arguments = {"epochs": 4, "precision": "float32", "verbose": 0, "regime": "small"}
    transfer.fine_tune(plain, x, y, cache=tmp_path, batch_size=48, **arguments)
    features(tmp_path, images(6)[0])
    monkeypatch.setattr(extractor, "_MEMORY_BYTES", 1)
    counted()
    history = transfer.fine_tune(
        streamed, x, y, cache=tmp_path, batch_size=48, validation_data=images(6), **arguments
    )
    assert counted() == 4
    assert len(history.history["val_loss"]) == 4
    # One batch holds all rows, so their order is only one of summation.
    for a, b in zip(plain.get_weights(), streamed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_folder_of_images_goes_through_a_dataset(tmp_path):
    x, y = images()
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(48).batch(10)
    for wanted in (48, 4):
        counted()
        transfer.fine_tune(
            network(), batches, epochs=1, cache=tmp_path, precision="float32", verbose=0
        )
        assert counted() == wanted


KILLED = """
import sys, os, signal
sys.path.insert(0, {tests!r})
import numpy as np
from transfer_cases import images, network
from kerasnn import transfer
from kerasnn.transfer import feature_store
feature_store._SHARD_SECONDS = 0.0
flush, count = feature_store.FeatureStore.flush, [0]
def flush_and_die(store):
    flush(store)
    count[0] += 1
    if count[0] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
feature_store.FeatureStore.flush = flush_and_die
from kerasnn.transfer import data
data._MOST_ROWS = 10
transfer.features(network(), images()[0], cache={cache!r}, precision="float32", verbose=0)
"""


@pytest.mark.slow
def test_what_was_computed_before_a_kill_is_there_after_it(tmp_path):
    tests = str(pathlib.Path(__file__).parent)
    script = KILLED.format(tests=tests, cache=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count, found = computed(tmp_path, images()[0])
    assert count == 28 + 4
    np.testing.assert_allclose(found, features("memory", images()[0]), atol=1e-6)
