"""Agreement of the workers that train one model: the same data, arguments and seed."""

import hashlib
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks

_HINT = "Read the same data in the same order on each, and call `fit` with the same arguments."
_STREAM_HINT = (
    "Read the same files on each, shuffle with a seed, as `kerasnn.data` does with "
    "`in_memory=False`, and read the stream in `fit` alone, because each pass has another order."
)


def agreed_seed(model: Any, seed: int, texts: dict[str, str]) -> int:
    """Returns the first worker's seed, after a comparison of what all workers were given.

    All workers call it at the same point.

    Args:
        model: A model made in the scope of a strategy with several workers.
        seed: The seed of this worker.
        texts: What has to be the same on all workers, by the argument that it comes from; the same
            arguments in the same order on each.

    Raises:
        InvalidArgument: On all workers, if something differs.
    """
    own = np.array([seed, *map(_digest, texts.values())], np.int64)
    rows = _gather(model)(tf.constant(own)).numpy()
    for i, argument in enumerate(texts, start=1):
        _check_equal(argument, rows[:, i], _HINT)
    return int(rows[0, 0])


def digest_of_workers(model: Any, text: str) -> str:
    """Returns a digest of texts, one of each worker, the same on all.

    All workers call it at the same point.

    Args:
        model: A model made in the scope of a `MultiWorkerMirroredStrategy`.
        text: The text of this worker.
    """
    digests = _gather(model)(tf.constant([_digest(text)], tf.int64)).numpy()
    return hashlib.sha256(digests.tobytes()).hexdigest()


class SameBatches:
    """Comparison of the batches that the workers have read from their streams.

    All workers call it at the same point.

    Args:
        model: A model made in the scope of a strategy with several workers.
    """

    def __init__(self, model: Any) -> None:
        self._gather = _gather(model)

    def check(self, argument: str, digest: int) -> None:
        """Raises on all workers, if not all have the same digest of their batches."""
        rows = self._gather(tf.constant([digest], tf.int64)).numpy()
        _check_equal(argument, rows[:, 0], _STREAM_HINT)


def digest_of(batch: Any, before: Any) -> Any:
    """Returns an integer that depends on all values of a batch and on the batches before.

    digest = 31 * before + sum over rows i and places j of v_i * w_j * bits_ij, modulo 2**32

    Args:
        batch: Structure of tensors.
        before: The digest of the batches before, a scalar of int32.
    """
    # Where the iterator has put the batch.
    with tf.device("CPU:0"):
        total = before * 31
        for leaf in [leaf for leaf in tf.nest.flatten(batch) if leaf is not None]:
            rows, bits = tf.shape(leaf)[0], _bits(leaf)
            bits = tf.reshape(bits, [rows, tf.size(bits) // tf.maximum(rows, 1)])
            of_rows = tf.reduce_sum(bits * _weights(tf.shape(bits)[1]), axis=1)
            total += tf.reduce_sum(of_rows * _weights(rows)) + rows
        return total


def on_all_workers(model: Any, flag: Any) -> Any:
    """Returns in a graph whether a boolean tensor is true on all workers, which all call it."""
    strategy = model.distribute_strategy

    def count() -> Any:
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.cast(flag, tf.float32))

    counted = strategy.experimental_local_results(strategy.run(count))[0]
    return counted > strategy.num_replicas_in_sync - 0.5


def _weights(count: Any) -> Any:
    """Returns the same random odd numbers each time; by odd ones every bit counts."""
    drawn = tf.random.stateless_uniform(
        (count,), seed=(0, 1), minval=0, maxval=2**31 - 1, dtype=tf.int32, alg="philox"
    )
    return tf.bitwise.bitwise_or(drawn, 1)


def _bits(leaf: Any) -> Any:
    """Returns a tensor's values as integers of 32 bits, several for a long one."""
    if leaf.dtype == tf.string:
        leaf = tf.strings.to_hash_bucket_fast(leaf, 2**31 - 1)
    if leaf.dtype.is_floating and leaf.dtype.size < 4:
        leaf = tf.cast(leaf, tf.float32)
    if leaf.dtype.size < 4:
        return tf.cast(leaf, tf.int32)
    return tf.bitcast(leaf, tf.int32)


def _gather(model: Any) -> Any:
    """Returns a function from a vector of each worker to the vectors of all replicas."""
    strategy = model.distribute_strategy

    def rows(own: Any) -> Any:
        in_replicas = strategy.run(lambda: own[None])
        return strategy.gather(in_replicas, axis=0)

    # TensorFlow warns of replicas that run outside of a graph.
    return tf.function(rows, autograph=False)


def _check_equal(argument: str, digests: np.ndarray, hint: str) -> None:
    others = np.flatnonzero(digests != digests[0])
    if len(others):
        raise _checks.InvalidArgument(
            argument,
            "be the same on all workers, which divide each batch between them",
            None,
            hint,
            got=f"another one in replica {others[0]} than in replica 0",
        )


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])
