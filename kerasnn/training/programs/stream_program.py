"""Program that runs many steps on batches of a `tf.data.Dataset` in one call."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn._core.process.strategy import has_workers
from kerasnn.training.inputs.stream_values import values_are_right
from kerasnn.training.programs.replicas.agreement import digest_of, on_all_workers
from kerasnn.training.programs.replicas.stream_check import rows_needed
from kerasnn.training.programs.train_step import TracedStep


@dataclasses.dataclass(frozen=True)
class StreamCall:
    """What a call of the program did.

    Attributes:
        steps: How many batches it ran a step on.
        logs: Logs by name.
        finite: For each of `guarded_names` whether it was finite.
        wrong: The batch that stopped it, on which no step was run, or None.
        digest: Digest of the batches, for several workers to compare; 0 for one.
    """

    steps: int
    logs: dict[str, np.ndarray]
    finite: np.ndarray
    wrong: Any
    digest: int


class StreamProgram:
    """Runs a step of a model on batch after batch of an iterator inside one TensorFlow graph.

    It stops before a batch whose values cannot be right; several workers stop at the same one.
    The next batch is read while a step runs, so a dataset that fails can leave a step half done.

    Args:
        model: A compiled Keras model whose variables exist.
        spec: The dataset's `element_spec`.
        callbacks: Callbacks that put operations around each step.
        method: `"train_step"` or `"test_step"`.
        allow_nan: Whether inputs may be NaN.
    """

    def __init__(
        self,
        model: Any,
        spec: Any,
        callbacks: Sequence[Any] = (),
        method: str = "train_step",
        *,
        allow_nan: bool = False,
    ) -> None:
        self._steps = TracedStep(model, spec, method, callbacks=callbacks)
        self.guarded_names = self._steps.guarded_names
        self._spec, self._are_right = spec, values_are_right(model, spec, allow_nan=allow_nan)
        self._model = model
        self._has_workers, self._rows_needed = has_workers(model), rows_needed(model)
        # An error in tracing comes here, before any weight has changed.
        self._run = tf.function(
            self._batches,
            input_signature=[
                tf.data.IteratorSpec(spec),
                tf.TensorSpec((), tf.int32),
                tf.TensorSpec((), tf.bool),
            ],
            autograph=False,
        ).get_concrete_function()

    def __call__(self, iterator: Any, steps: int, *, fresh: bool) -> StreamCall:
        """Runs a step on at most `steps` batches."""
        done, logs, finite, right, last, digest = self._run(
            iterator, tf.constant(steps), tf.constant(fresh)
        )
        return StreamCall(
            steps=int(done),
            logs={name: value.numpy() for name, value in logs.items()},
            finite=finite.numpy(),
            wrong=None if right else last.get_value(),
            digest=int(digest),
        )

    def _batches(self, iterator: Any, steps: Any, fresh: Any) -> Any:
        self._steps.reset_metrics_if(fresh)
        empty = tf.experimental.Optional.empty(self._spec)

        def read(done: Any, digest: Any) -> Any:
            batch = tf.cond(done < steps, iterator.get_next_as_optional, lambda: empty)
            own = tf.cond(
                batch.has_value(), lambda: self._is_right(batch.get_value()), lambda: False
            )
            go = own
            if self._has_workers:
                digest = tf.cond(
                    batch.has_value(),
                    lambda: digest_of(batch.get_value(), digest),
                    lambda: tf.where(done < steps, digest * 31 + 1, digest),
                )
                go = on_all_workers(self._model, own)
            return batch, go, own, digest

        def step(done: Any, batch: Any, go: Any, own: Any, digest: Any, _: Any) -> Any:
            # The loop itself has decided to run this step: what a branch around it uses would
            # cost an operation each. The next batch is read and examined beside it.
            logs = self._steps.step(batch.get_value())
            weights = self._model.weights if self._has_workers else []
            # Workers talk of one thing at a time.
            with tf.control_dependencies([tf.identity(v.value) for v in weights]):
                done += 1
            return done, *read(done, digest), logs

        done = tf.constant(0)
        done, last, _, own, digest, carried = tf.while_loop(
            lambda done, batch, go, *_: go,
            step,
            [done, *read(done, tf.constant(0)), self._steps.first_logs],
        )
        logs = self._steps.logs(carried)
        return done, logs, self._steps.finite(logs), own | ~last.has_value(), last, digest

    def _is_right(self, batch: Any) -> tf.Tensor:
        right = tf.constant(True) if self._are_right is None else self._are_right(batch)
        if self._rows_needed:
            right &= tf.shape(tf.nest.flatten(batch)[0])[0] >= self._rows_needed
        return right
