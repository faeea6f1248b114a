"""Programs that run many training steps on rows in memory in one call."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.training.compilation_cache.process_cache import process_cache
from kerasnn.training.programs.graph_program import GraphProgram
from kerasnn.training.programs.nameless_function import without_names
from kerasnn.training.programs.train_step import Logs, TracedStep

# The eight integers of a call: see `ArrayProgram.__call__`.
_PLAN = tf.TensorSpec((8,), tf.int32)


class ArrayProgram:
    """Runs `model.train_step` on batch after batch of a block inside one TensorFlow program.

    A block of `RowBlocks` holds rows, and the order in which they are to be trained on. Batches are
    taken from it inside the program, so Python is called once for many batches instead of once for
    each.

    After each epoch weights and loss are tested; if one is not finite, no further epoch is run.

    Args:
        model: A compiled Keras model whose variables exist.
        spec: Structure of `tf.TensorSpec` for one batch.
        block: The first block.
        callbacks: Callbacks that put operations around each step.
    """

    def __init__(self, model: Any, spec: Any, block: Any, callbacks: Sequence[Any] = ()) -> None:
        self._steps = TracedStep(model, spec, callbacks=callbacks)
        self.guarded_names = self._steps.guarded_names
        self._run = self._compile(model, block)

    def _compile(self, model: Any, block: Any) -> Callable[..., Any]:
        """Returns the compiled `_epochs`."""
        raise NotImplementedError

    def _room(self, block: Any, last: tf.Tensor) -> Any:
        """Returns for how many epochs there is room in the logs."""
        raise NotImplementedError

    def _train(self, block: Any, sizes: Any, epoch: Any, steps: Any, base: Any) -> Logs:
        """Runs some steps of an epoch of a block, whose first step has the number `base`."""
        raise NotImplementedError

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
            sizes: Number of rows, and batch size.
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
        room = self._room(block, last)

        def epoch(number: Any, history: Any, _: Any) -> Any:
            self._steps.reset_metrics_if((fresh > 0) | (number > first))
            logs = self._steps.logs(self._train(block, (count, size), number, (start, stop), base))
            finite = self._steps.finite(logs)
            history = {
                name: tf.tensor_scatter_nd_update(
                    values, [[number]], tf.cast(logs[name], values.dtype)[None]
                )
                for name, values in history.items()
            }
            return number + 1, history, finite

        history = {
            name: tf.zeros([room, *np.shape(value)], value.dtype)
            for name, value in self._steps.log_shapes.items()
        }
        return tf.while_loop(
            lambda number, _, finite: (number < last) & tf.reduce_all(finite),
            epoch,
            [first, history, tf.ones([len(self.guarded_names)], tf.bool)],
        )


class GraphArrayProgram(ArrayProgram):
    """Trains on rows in memory as one TensorFlow graph, which leaves all sizes free."""

    def _compile(self, model: Any, block: Any) -> Callable[..., Any]:
        signature = [tf.nest.map_structure(_free(1), block), _PLAN]
        return GraphProgram(model, self._epochs, signature, (block, _no_epoch()))

    def _room(self, block: Any, last: tf.Tensor) -> Any:
        return last

    def _train(self, block: Any, sizes: Any, epoch: Any, steps: Any, base: Any) -> Logs:
        """Runs steps of an epoch on batches cut from an order."""
        rows, order = block
        count, size = sizes
        start, stop = steps
        first = epoch * count - base * size

        def step(i: Any, _: Any) -> Any:
            begin, end = first + i * size, first + tf.minimum((i + 1) * size, count)
            return i + 1, self._steps.step(_batch(rows, order[begin:end]))

        return tf.while_loop(lambda i, _: i < stop, step, [start, self._steps.first_logs])[1]


class XlaArrayProgram(ArrayProgram):
    """Trains on rows in memory as a program that is compiled by XLA.

    XLA needs to know all sizes, so the remainder of an epoch is a step of its own. The trace leaves
    all sizes free; XLA compiles it for each, by `compile_for`.

    Attributes:
        compiled: Keys of the sizes that it has been compiled for.
    """

    def _compile(self, model: Any, block: Any) -> Callable[..., Any]:
        self.compiled: set[Any] = set()
        self._has_rest = bool(tf.nest.flatten(block[1])[-1].shape[1])
        *rows, last = block[1]
        rest = [*tf.nest.map_structure(_free(1), rows), tf.nest.map_structure(_free(2), last)]
        whole = tf.nest.map_structure(_free(1), block[0])
        traced = tf.function(
            self._epochs,
            input_signature=[(whole, tuple(rest)), _PLAN],
            jit_compile=True,
            autograph=False,
        ).get_concrete_function()
        self._traced: Callable[..., Any] | None = traced
        return without_names(traced)

    def compile_for(self, key: Any, block: Any) -> None:
        """Compiles for the sizes of a block; an error comes here, before any weight changes.

        Args:
            key: Key of the sizes in `compiled`.
            block: A block of these sizes.
        """
        if key not in self.compiled:
            with process_cache.compiling():
                self._compile_now(block)
            self.compiled.add(key)

    def _compile_now(self, block: Any) -> None:
        try:
            self._run(block, _no_epoch())
        except tf.errors.OpError:
            if self._traced is None:
                raise
            # Its error names the layer that XLA cannot compile.
            self._run = self._traced
            self._run(block, _no_epoch())
        self._traced = None

    def _room(self, block: Any, last: tf.Tensor) -> Any:
        # A size that XLA knows: there is one remainder for each epoch.
        return tf.shape(tf.nest.flatten(block[1])[-1])[0]

    def _train(self, block: Any, sizes: Any, epoch: Any, steps: Any, base: Any) -> Logs:
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


def _free(axes: int) -> Callable[[Any], tf.TensorSpec]:
    """Returns a function that gives the type of a tensor whose first axes may have any size."""
    return lambda t: tf.TensorSpec([*[None] * axes, *t.shape[axes:]], t.dtype)


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
