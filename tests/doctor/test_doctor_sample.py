"""The sample of rows on which a model is measured."""

import numpy as np
import tensorflow as tf

from kerasnn.doctor.measure.training_sample import evenly_spaced


def test_rows_are_evenly_spaced_and_belong_together():
    x = np.arange(1021, dtype="float32")[:, None]
    sample = evenly_spaced(x, x[:, 0], x[:, 0])
    rows = sample.x.numpy().ravel()
    assert sample.rows == 256
    np.testing.assert_array_equal(np.unique(np.diff(rows)), [4.0])
    assert (rows[0], rows[-1]) == (0, 1020)
    for other in (sample.y, sample.sample_weight):
        np.testing.assert_array_equal(other.numpy(), rows)


def test_few_rows_are_all_taken():
    x = np.arange(5)
    np.testing.assert_array_equal(evenly_spaced(x, None).x, x)
    assert evenly_spaced(x, None).y is None


def test_large_rows_are_fewer():
    large = np.broadcast_to(np.float32(0), (400, 128, 128, 3))
    assert evenly_spaced(large, None).rows == (1 << 20) // (128 * 128 * 3)
    assert evenly_spaced(np.broadcast_to(np.float32(0), (400, 1 << 18)), None).rows == 16


def test_structures_and_text():
    x = {"a": np.arange(300), "b": tf.constant([str(i) for i in range(300)])}
    sample = evenly_spaced(x, [np.arange(300), np.arange(300) * 2])
    assert [int(word) for word in sample.x["b"].numpy()] == sample.x["a"].numpy().tolist()
    np.testing.assert_array_equal(sample.y[1], 2 * sample.y[0].numpy())
    np.testing.assert_array_equal(sample.x["a"], sample.y[0])
