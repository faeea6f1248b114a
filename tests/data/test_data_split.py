import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from sklearn.model_selection import train_test_split

from kerasnn import data
from kerasnn.data.rows import chunks as _chunks
from kerasnn.data.rows.batching import batches
from kerasnn.data.rows.partition import check_partition, partition, training_mask
from kerasnn.tasks import Task


def _split(task, y, classes=None):
    x = np.zeros((len(y), 3), np.float32)
    return data.Split(x, y, x[:1], y[:1], task, classes)


@pytest.mark.parametrize(
    ("task", "y", "classes", "outputs"),
    [
        ("binary", np.array([0, 1]), ("a", "b"), 1),
        ("multiclass", np.array([0, 1, 0]), ("a", "b", "c"), 3),
        ("regression", np.zeros(4, np.float32), None, 1),
        ("regression", np.zeros((4, 2), np.float32), None, 2),
        ("multilabel", np.ones((4, 5), np.float32), ("a", "b", "c", "d", "e"), 5),
    ],
)
def test_outputs_and_input_shape_are_what_a_builder_wants(task, y, classes, outputs):
    split = _split(task, y, classes)
    assert split.task is Task(task)
    assert split.outputs == outputs
    assert split.input_shape == (3,)


def test_a_stream_has_the_same_shape_and_outputs():
    def stream(y):
        return tf.data.Dataset.from_tensor_slices((np.zeros((6, 4, 2)), y)).batch(4)

    split = data.Split(stream(np.zeros((6, 2))), None, stream(np.zeros((6, 2))), None, "regression")
    assert (split.input_shape, split.outputs) == ((4, 2), 2)
    assert "x_train=2 batches of (None, 4, 2) float64, y_train=None" in repr(split)


def test_a_split_is_frozen_and_knows_its_task(invalid):
    split = _split("binary", np.array([0, 1]), ("a", "b"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        split.task = Task.COUNT
    with invalid("task", "regresion"):
        _split("regresion", np.zeros(2))


@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize("test_size", [0.1, 0.25, 0.5])
def test_rows_are_those_of_scikit_learn(seed, test_size, monkeypatch):
    monkeypatch.setattr(_chunks, "_ROWS", 30)
    few = np.random.default_rng(seed).choice(4, size=301, p=[0.4, 0.3, 0.2, 0.1])
    many = np.arange(301) % 23
    for labels in (None, few, few.astype(np.uint8), many):
        test_rows = int(np.ceil(301 * test_size))
        wanted = train_test_split(
            np.arange(301), test_size=test_rows, random_state=seed, stratify=labels
        )
        arguments = {"test_size": test_size, "seed": seed, "labels": labels}
        arguments["classes"] = (
            () if labels is None else "abcdefghijklmnopqrstuvw"[: 1 + max(labels)]
        )
        got = partition(301, **arguments)
        for rows, expected in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(rows, expected)
        mask = training_mask(301, **arguments)
        np.testing.assert_array_equal(np.flatnonzero(mask), np.sort(wanted[0]))


def test_indices_of_small_types_are_taken_in_chunks(monkeypatch):
    monkeypatch.setattr(_chunks, "_ROWS", 3)
    indices = np.array([2, 0, 1, 1, 2, 2, 5], np.uint8)
    table = np.linspace(0, 1, 6)
    np.testing.assert_array_equal(_chunks.look_up(table, indices), table[indices])
    np.testing.assert_array_equal(_chunks.counts(indices, 8), [1, 2, 3, 0, 0, 1, 0, 0])
    assert _chunks.counts(indices[:0], 2).tolist() == [0, 0]
    np.testing.assert_array_equal(np.flatnonzero(_chunks.mask_of(indices, 7)), [0, 1, 2, 5])


def test_partition_keeps_the_fractions_of_the_classes():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    train, test = partition(100, test_size=0.2, seed=1, labels=labels, classes="abc")
    assert sorted([*train, *test]) == list(range(100))
    assert np.bincount(labels[test]).tolist() == [12, 6, 2]
    assert train.tolist() != sorted(train)
    again, _ = partition(100, test_size=0.2, seed=1, labels=labels, classes="abc")
    other, _ = partition(100, test_size=0.2, seed=2, labels=labels, classes="abc")
    assert train.tolist() == again.tolist() != other.tolist()


@pytest.mark.parametrize(
    ("labels", "test_size"),
    [([0, 0, 1, 1, 2, 2], 0.2), ([0] * 98 + [1] * 2, 0.9), ([0], 0.2)],
)
def test_partition_refuses_a_part_without_a_class(invalid, labels, test_size):
    with invalid("test_size"):
        partition(len(labels), test_size=test_size, seed=0, labels=np.array(labels), classes="abc")


def test_a_class_with_one_row(invalid):
    with invalid("target", "b"):
        partition(4, test_size=0.5, seed=0, labels=np.array([0, 0, 0, 1]), classes="ab")


@pytest.mark.parametrize("test_size", [0, 1, 1.5, -0.1, float("nan"), "0.2", True])
def test_test_size_is_a_fraction(invalid, test_size):
    with invalid("test_size", test_size):
        check_partition(test_size, 0)


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_a_seed_is_an_integer(invalid, seed):
    with invalid("seed", seed):
        check_partition(0.2, seed)


def test_batches_shuffle_anew_each_epoch_and_repeat_by_seed():
    rows = tf.data.Dataset.range(10).map(lambda i: (i, i))

    def order(dataset):
        return [int(x) for batch, _ in dataset for x in batch]

    mixed = batches(rows, 10, 4, shuffle_seed=3)
    assert len(mixed) == 3
    first, second = order(mixed), order(mixed)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert order(batches(rows, 10, 4, shuffle_seed=3)) == first
    assert order(batches(rows, 10, 4)) == list(range(10))
