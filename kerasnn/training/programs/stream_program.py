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

        def step(done: Any, _: Any, last: Any, carried: Any, digest: Any) -> Any:
            batch = iterator.get_next_as_optional()
            # Apart from the step: what a branch uses costs an operation each.
            own = tf.cond(
                batch.has_value(), lambda: self._is_right(batch.get_value()), lambda: False
            )
            go = own
            if self._has_workers:
                digest = tf.cond(
                    batch.has_value(),
                    lambda: digest_of(batch.get_value(), digest),
                    lambda: digest * 31 + 1,
                )
                go = on_all_workers(self._model, own)
            kept = [carried[name] for name in sorted(carried)]

            def run() -> Any:
                logs = self._steps.step(batch.get_value())
                return [tf.constant(1), *(logs[name] for name in sorted(logs))]

            count, *kept = tf.cond(go, run, lambda: [tf.constant(0), *kept])
            logs = dict(zip(sorted(carried), kept, strict=True))
            return done + count, (go, own), batch, logs, digest

        empty = tf.experimental.Optional.empty(self._spec)
        go = (tf.constant(True), tf.constant(True))
        done, (_, own), last, carried, digest = tf.while_loop(
            lambda done, go, *_: (done < steps) & go[0],
            step,
            [tf.constant(0), go, empty, self._steps.first_logs, tf.constant(0)],
        )
        logs = self._steps.logs(carried)
        return done, logs, self._steps.finite(logs), own | ~last.has_value(), last, digest

    def _is_right(self, batch: Any) -> tf.Tensor:
        right = tf.constant(True) if self._are_right is None else self._are_right(batch)
        if self._rows_needed:
            right &= tf.shape(tf.nest.flatten(batch)[0])[0] >= self._rows_needed
        return right
