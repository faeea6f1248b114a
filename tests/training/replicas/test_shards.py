"""Streams of data that is not in memory: the workers together train on each row once an epoch."""

import keras
import numpy as np
import polars as pl
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from kerasnn import data
from kerasnn.training.loop import row_blocks
from kerasnn.training.programs.replicas.agreement import digest_of
from kerasnn.training.programs.replicas.shares import Share, rows_of_workers
from kerasnn.training.programs.replicas.step import bounds

SETTINGS = {"in_memory": False, "batch_size": 8, "seed": 3}


def csv(folder):
    lines = [f"{i / 8},{'ab'[i % 2]}" for i in range(50)]
    (folder / "rows.csv").write_text("\n".join(["size,kind", *lines]))
    return data.from_csv(folder / "rows.csv", "kind", **SETTINGS)


def frame(folder):
    del folder
    table = {"size": np.arange(50) / 8, "kind": np.array(["a", "b"] * 25)}
    return data.from_frame(pl.DataFrame(table), "kind", **SETTINGS)


def images(folder):
    for name in "ab":
        (folder / name).mkdir(exist_ok=True)
        for i in range(15):
            level = 8 * i + 4 * (name == "b")
            pixels = np.full((3, 3, 3), level)
            keras.utils.save_img(folder / name / f"{i}.png", pixels, scale=False)
    return data.from_directory(folder, image_size=(3, 3), **SETTINGS)


def tfds_images(folder):
    del folder
    with tfds.testing.mock_data(num_examples=20):
        return data.from_tfds("mnist", split=("train", "test"), **SETTINGS)


def passes(stream, count=2):
    """The batches of several passes, each row as one number."""
    return [
        [x.reshape(len(x), -1) @ np.arange(1, x[0].size + 1) for x, _ in stream.as_numpy_iterator()]
        for _ in range(count)
    ]


@pytest.mark.parametrize("read", [csv, frame, images, tfds_images])
def test_workers_together_see_each_row_once(read, tmp_path):
    # Each worker reads the data by itself.
    workers = [passes(read(tmp_path).x_train) for _ in range(3)]
    rows = np.sort(np.concatenate(workers[0][0]))
    assert len(np.unique(rows)) == len(rows) > 8
    for epoch in range(2):
        shares = [
            batch[slice(*bounds(k, 3, len(batch)))]
            for k, own in enumerate(workers)
            for batch in own[epoch]
        ]
        np.testing.assert_array_equal(np.sort(np.concatenate(shares)), rows)
    orders = [np.concatenate(order) for order in workers[0]]
    assert (orders[0] != orders[1]).any()


@pytest.mark.parametrize("replicas", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [1, 3, 16])
def test_replicas_divide_a_batch(replicas, rows):
    parts = [range(*bounds(k, replicas, rows)) for k in range(replicas)]
    assert [row for part in parts for row in part] == list(range(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def seen(block, slices, epoch):
    """The indices into the rows of a worker by which it fills whole batches, in their order."""
    if slices == 1:
        return np.asarray(block.for_graph(epoch, 1)[1])
    starts = range(0, block.steps, block.steps_per_slice)
    parts = [block.slice_for_graph(epoch, start) for start in starts]
    return np.concatenate([np.asarray(rows)[np.asarray(order), 0] for rows, order in parts])


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(("rows", "size"), [(3, 3), (70, 23), (71, 8), (6, 40)])
@pytest.mark.parametrize("slices", [1, 3])
def test_workers_divide_rows_that_each_has_alone(workers, rows, size, slices, monkeypatch):
    if slices > 1:
        monkeypatch.setattr(row_blocks, "_CACHED_BYTES", 0)
        monkeypatch.setattr(row_blocks, "_GATHERED_BYTES", 8 * -(-rows // slices))
    size = min(size, rows)
    ends = np.cumsum(rows_of_workers(rows, size, workers))
    assert ends[-1] == rows
    orders = []
    for epoch in range(2):
        taken = []
        for k, own in enumerate(np.split(np.arange(rows), ends[:-1])):
            block = row_blocks.RowBlocks(
                np.arange(len(own))[:, None],
                rows=rows,
                batch_size=size,
                shuffle=True,
                seed=5,
                share=Share(rows=rows, worker=k, workers=workers, digest=""),
            )
            order = own[seen(block, slices, epoch)]
            for start in range(0, rows, size):
                batch = order[start : start + size]
                taken.append(batch[slice(*bounds(k, workers, len(batch)))])
        orders.append(np.concatenate(taken))
        np.testing.assert_array_equal(np.sort(orders[-1]), np.arange(rows))
    assert rows < 10 or (orders[0] != orders[1]).any()


def test_each_worker_needs_a_row(invalid):
    with invalid("workers", 3):
        rows_of_workers(2, 32, 3)
    with invalid("batch_size", 2):
        rows_of_workers(70, 2, 3)


@pytest.mark.parametrize(
    "leaf",
    [
        np.eye(4, dtype="float32"),
        np.eye(4, dtype="float64"),
        np.eye(4, dtype="float16"),
        np.eye(4, dtype="uint8"),
        np.eye(4, dtype="int64"),
        np.eye(4, dtype=bool),
        np.array([b"a", b"b", b"c", b"d"]),
    ],
    ids=lambda leaf: str(leaf.dtype),
)
def test_a_digest_shows_order_and_values(leaf):
    def digest(*batches):
        found = tf.constant(0)
        for batch in batches:
            found = digest_of((tf.constant(batch), None), found)
        return int(found)

    assert digest(leaf) == digest(leaf.copy())
    others = [digest(leaf[::-1]), digest(leaf[:3]), digest(leaf, leaf), digest(leaf[:3], leaf[3:])]
    assert len({digest(leaf), *others}) == 5
