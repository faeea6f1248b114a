"""Batches for as many steps as are asked for."""

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._checks import first_line
from kerasnn.training.job import Job
from kerasnn.training.tensors import hide_none

# Where an operation of tf.data takes the generator of its seeds.
_SEED_GENERATOR_INPUT = {"ShuffleDatasetV3": 4, "ShuffleAndRepeatDatasetV2": 5}


def endless_batches(job: Job, seed: int) -> Iterator[Any]:
    """Yields the batches of a job again and again, each in another order where they are rows."""
    if job.train is None:
        stream = _independent(job.x)
        while True:
            source = iter(job.x if stream is None else stream)
            source, batch = itertools.islice(source, job.steps_per_epoch), None
            for batch in job.check.batches(source):
                yield tf.nest.map_structure(tf.convert_to_tensor, hide_none(batch))
            if batch is None:
                # A dataset that was filtered does not know that it is empty.
                raise ValueError(
                    f"`x` must hold at least one batch; got an empty {type(job.x).__name__}."
                )
    with tf.device("CPU:0"):
        data = keras.utils.pack_x_y_sample_weight(job.x, job.y, job.sample_weight)
        data = tf.nest.map_structure(tf.convert_to_tensor, hide_none(data))
    rows, size = job.train.count, min(job.step_rows, job.train.count)
    for epoch in itertools.count():
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        for start in range(0, rows - size + 1, size):
            chosen = order[start : start + size]
            yield tf.nest.map_structure(lambda t, chosen=chosen: tf.gather(t, chosen), data)


def _independent(stream: Any) -> Any:
    """Returns a copy of a dataset; reading it leaves the order of the next shuffle alone.

    A shuffle draws the seed of each reading from a generator that its copy would share. The
    copy gets one of its own.
    """
    if not isinstance(stream, tf.data.Dataset):
        return None
    try:
        graph = tf.raw_ops.DatasetToGraphV2(
            input_dataset=tf.data.experimental.to_variant(stream),
            external_state_policy=1,  # Of functions in Python there is one, which both call.
        )
        definition = tf.compat.v1.GraphDef.FromString(graph.numpy())
        for node in definition.node:
            if node.op in _SEED_GENERATOR_INPUT:
                node.input[_SEED_GENERATOR_INPUT[node.op]] = "own_seed_generator"
        definition.node.add(op="DummySeedGenerator", name="own_seed_generator")
        copy = tf.raw_ops.DatasetFromGraph(graph_def=definition.SerializeToString())
    except tf.errors.OpError as error:
        warnings.warn(
            "`lr_find` reads `x` itself, since it cannot be copied: where it shuffles, the next "
            f"`fit` meets other orders than it would have. TensorFlow says: {first_line(error)}",
            stacklevel=2,
        )
        return stream
    return tf.data.experimental.from_variant(copy, stream.element_spec)
