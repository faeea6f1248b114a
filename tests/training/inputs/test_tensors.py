"""Tensors made of the user's arrays are copies, whatever the arrays are."""

import gc
import weakref

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from kerasnn.training.inputs.tensors import as_tensors

ROWS = np.random.default_rng(0).normal(size=(7, 3))


REAL = ["float16", "float32", "float64", ml_dtypes.bfloat16]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "uint64", ">i4", *REAL, "complex64"])
def test_a_tensor_equals_its_array(dtype):
    array = (10 * ROWS).astype(dtype)
    tensor = as_tensors(array)
    assert tensor.dtype == tf.as_dtype(np.dtype(dtype).newbyteorder("="))
    np.testing.assert_array_equal(tensor.numpy(), array)
    np.testing.assert_array_equal((tensor[2:]).numpy(), array[2:])


@pytest.mark.parametrize(
    "array",
    [ROWS.T, ROWS[::-2], ROWS[:, 1:], ROWS[:0], np.broadcast_to(ROWS[0], (4, 3)), np.float64(3.5)],
    ids=["transposed", "reversed", "columns", "empty", "broadcast", "scalar"],
)
def test_strides_do_not_matter(array):
    tensor = as_tensors(array)
    assert tensor.shape == array.shape
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_an_array_that_is_only_read_can_be_copied():
    array = ROWS.copy()
    array.flags.writeable = False
    np.testing.assert_array_equal(as_tensors(array).numpy(), ROWS)


def test_a_change_of_the_array_does_not_change_the_tensor():
    # Sixteen of them, so that every alignment occurs.
    arrays = [ROWS.astype(np.float32)[i % 4 :] for i in range(16)]
    tensors = as_tensors(arrays)
    before = [array.copy() for array in arrays]
    for array in arrays:
        array[:] = 0
    for tensor, array in zip(tensors, before, strict=True):
        np.testing.assert_array_equal(tensor.numpy(), array)


def test_structure_and_tensors_are_kept():
    text = tf.constant([b"a", b"b"])
    made = as_tensors({"text": text, "pair": (ROWS, [ROWS[0]])})
    assert made["text"] is text
    tf.nest.assert_same_structure(made, {"text": 0, "pair": (0, [0])})


def test_memory_goes_with_the_tensor(monkeypatch):
    class Room(np.ndarray):
        """An array that can be watched."""

    rooms = []
    empty = np.empty

    def watched(*args, **kwargs):
        room = empty(*args, **kwargs).view(Room)
        rooms.append(weakref.ref(room))
        return room

    monkeypatch.setattr(np, "empty", watched)
    tensor = as_tensors(ROWS)
    assert rooms[0]() is not None
    del tensor
    gc.collect()
    assert rooms[0]() is None
