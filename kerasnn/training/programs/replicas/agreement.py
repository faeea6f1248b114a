"""Agreement of the workers that train one model: the same data, arguments and seed."""

import hashlib
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks


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
    row = np.array([[seed, *map(_digest, texts.values())]], np.int64)
    strategy = model.distribute_strategy
    # TensorFlow warns of replicas that run outside of a graph.
    in_replicas = tf.function(lambda: strategy.run(lambda: tf.constant(row)), autograph=False)
    rows = strategy.gather(in_replicas(), axis=0).numpy()
    for i, argument in enumerate(texts, start=1):
        others = np.flatnonzero(rows[:, i] != rows[0, i])
        if len(others):
            raise _checks.InvalidArgument(
                argument,
                "be the same on all workers, which divide each batch between them",
                None,
                "Read the same data in the same order on each, and call `fit` with the same "
                "arguments.",
                got=f"another one in replica {others[0]} than in replica 0",
            )
    return int(rows[0, 0])


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])
