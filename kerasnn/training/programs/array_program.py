"""Many training steps on rows in memory, in one call."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.training.programs.graph_program import GraphProgram
from kerasnn.training.programs.program_cache import programs_of
from kerasnn.training.programs.train_step import Logs, Steps


class BlockProgram:
    """Runs `model.train_step` on batch after batch of a block inside one TensorFlow program.

    A block of `Blocks` holds rows, and the order in which they are to be trained on. Batches are
    taken from it inside the program, so Python is called once for a run of batches instead of
    once for each. With `jit` the program is compiled by XLA, which wants sizes that are known
    beforehand: the remainder of an epoch is then a step of its own. The trace leaves all sizes
    free; XLA compiles it for each, by `compile_for`.

    After each epoch weights and loss are tested; where one is not finite, no further epoch is
    run.

    Args:
        model: A compiled Keras model whose variables exist.
        spec: Structure of `tf.TensorSpec` for one batch.
        block: The first block.
        jit: Whether to compile by XLA.
    """

    def __init__(self, model: Any, spec: Any, block: Any, *, jit: bool) -> None:
        self.jit = jit
        self._steps = Steps(model, spec, before=programs_of(model).before_step)
        self.guarded_names = self._steps.guarded_names
        self._has_rest = jit and bool(tf.nest.flatten(block[1])[-1].shape[1])
        signature = [_signature(block, jit=jit), tf.TensorSpec((8,), tf.int32)]
        if jit:
            self._run = tf.function(
                self._epochs, input_signature=signature, jit_compile=True, autograph=False
            ).get_concrete_function()
        else:
            self._run = GraphProgram(model, self._epochs, signature, (block, _no_epoch()))

    def compile_for(self, block: Any) -> None:
        """Runs no epoch at all: what cannot be compiled fails here, before any weight changes."""
        self._run(block, _no_epoch())

    def __call__(
        self,
        block: Any,
        sizes: tuple[int, int],
        epochs: tuple[int, int],
        steps: tuple[int, int],
        *,
        base: int = 0,
        fresh: bool = True,
    ) -> tuple[int, dict[str, np.ndarray], np.ndarray]:
        """Trains for some epochs of a block, or for some steps of one epoch.

        Args:
            block: Rows to train on.
            sizes: Rows to an epoch, and to a step.
            epochs: First epoch in the block, and the one to stop before.
            steps: First step of each epoch, and the one to stop before.
            base: Number of the step in the epoch that the block starts with.
            fresh: Whether metrics start anew in the first epoch too.

        Returns:
            The last epoch in the block that was run; logs by name and epoch in the block; and
            for each of `guarded_names` whether it was finite.
        """
        plan = tf.constant([*sizes, *epochs, *steps, base, int(fresh)], tf.int32)
        stopped, history, finite = self._run(block, plan)
        history = {name: value.numpy() for name, value in history.items()}
        return int(stopped) - 1, history, finite.numpy()

    def _epochs(self, block: Any, plan: tf.Tensor) -> Any:
        count, size, first, last, start, stop, base, fresh = tf.unstack(plan)
        # XLA wants to know how many epochs there may be, which is how many remainders there are.
        length = tf.shape(tf.nest.flatten(block[1])[-1])[0] if self.jit else last
        train = self._train_batches if self.jit else self._train_rows

        def epoch(number: Any, history: Any, _: Any) -> Any:
            self._steps.reset_metrics_if((fresh > 0) | (number > first))
            logs = self._steps.logs(train(block, (count, size), number, (start, stop), base))
            finite = self._steps.finite(logs)
            history = {
                name: tf.tensor_scatter_nd_update(
                    values, [[number]], tf.cast(logs[name], values.dtype)[None]
                )
                for name, values in history.items()
            }
            return number + 1, history, finite

        history = {
            name: tf.zeros([length, *np.shape(value)], value.dtype)
            for name, value in self._steps.log_shapes.items()
        }
        return tf.while_loop(
            lambda number, _, finite: (number < last) & tf.reduce_all(finite),
            epoch,
            [first, history, tf.ones([len(self.guarded_names)], tf.bool)],
        )

    def _train_rows(self, block: Any, sizes: Any, epoch: Any, steps: Any, base: Any) -> Logs:
        """Runs steps of an epoch on batches cut from an order."""
        rows, order = block
        count, size = sizes
        start, stop = steps
        first = epoch * count - base * size

        def step(i: Any, _: Any) -> Any:
            begin, end = first + i * size, first + tf.minimum((i + 1) * size, count)
            return i + 1, self._steps.step(_batch(rows, order[begin:end]))

        return tf.while_loop(lambda i, _: i < stop, step, [start, self._steps.first_logs])[1]

    def _train_batches(self, block: Any, sizes: Any, epoch: Any, steps: Any, base: Any) -> Logs:
        """Runs steps of an epoch on batches and a remainder of fixed size."""
        whole, rest = block
        start, stop = steps
        full_steps = sizes[0] // sizes[1]

        # Taking one entry by number is the one cut with which XLA does not compile anew for
        # every number.
        def step(i: Any, _: Any) -> Any:
            return i + 1, self._steps.step(_entry(*whole, epoch * full_steps + i - base))

        def remainder() -> Any:
            return _branch(self._steps.step(_entry(*rest, epoch)))

        full = tf.minimum(stop, full_steps)
        _, carried = tf.while_loop(lambda i, _: i < full, step, [start, self._steps.first_logs])
        if self._has_rest:
            last = tf.cond(stop > full_steps, remainder, lambda: _branch(carried))
            carried = {name: last[name] for name in carried}
        return carried


def layout(block: Any) -> tuple[int, int, bool]:
    """Returns what a trace for XLA depends on besides the kind of rows."""
    whole, rest = block
    _, size, *_ = tf.nest.flatten(whole)[-1].shape
    return len(whole), size, bool(tf.nest.flatten(rest)[-1].shape[1])


def _signature(block: Any, *, jit: bool) -> Any:
    """Returns the types of a block, with all numbers of rows free but that of a whole batch."""

    def free(axes: int) -> Any:
        return lambda t: tf.TensorSpec([*[None] * axes, *t.shape[axes:]], t.dtype)

    if not jit:
        return tf.nest.map_structure(free(1), block)
    *rows, last = block[1]
    rest = [*tf.nest.map_structure(free(1), rows), tf.nest.map_structure(free(2), last)]
    return tf.nest.map_structure(free(1), block[0]), tuple(rest)


def _entry(rows: Any, *numbers: Any) -> Any:
    """Takes an entry by its number; where that is an order, the rows by the numbers in it."""
    *first, last = numbers
    return _batch(rows, tf.gather(first[0], last) if first else last)


def _batch(rows: Any, numbers: tf.Tensor) -> Any:
    """Takes one batch, whose size Keras is not to know, as it does not in its own loop.

    Keras weighs the losses of several outputs by the batch's size where that is known.
    """

    def take(t: tf.Tensor) -> tf.Tensor:
        batch = tf.gather(t, numbers)
        return tf.raw_ops.PlaceholderWithDefault(input=batch, shape=(None, *batch.shape[1:]))

    return tf.nest.map_structure(take, rows)


def _branch(logs: Logs) -> Logs:
    """Returns logs as what a branch gives, which cannot be nothing."""
    return {**logs, "": tf.constant(0)}


def _no_epoch() -> tf.Tensor:
    return tf.zeros((8,), tf.int32)
