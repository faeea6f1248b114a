"""Many training steps on the batches of a `tf.data.Dataset`, in one call."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.training.programs import programs_of
from kerasnn.training.steps import Steps
from kerasnn.training.stream_values import values_are_right


class StreamProgram:
    """Runs `model.train_step` on batch after batch of an iterator inside one TensorFlow graph.

    It stops before a batch whose values cannot be right.

    Args:
        model: A compiled Keras model whose variables exist.
        spec: The dataset's `element_spec`.
    """

    def __init__(self, model: Any, spec: Any) -> None:
        self._steps = Steps(model, spec, before=programs_of(model).before_step)
        self.guarded_names = self._steps.guarded_names
        self._spec, self._are_right = spec, values_are_right(model, spec)
        # What cannot be traced fails here, before any weight has changed.
        self._run = tf.function(
            self._batches,
            input_signature=[
                tf.data.IteratorSpec(spec),
                tf.TensorSpec((), tf.int32),
                tf.TensorSpec((), tf.bool),
            ],
            autograph=False,
        ).get_concrete_function()

    def __call__(
        self, iterator: Any, steps: int, *, fresh: bool
    ) -> tuple[int, dict[str, np.ndarray], np.ndarray, Any]:
        """Trains on at most `steps` batches.

        Returns:
            How many there were; logs by name; for each of `guarded_names` whether it was finite;
            and the batch that stopped it, which it was not trained on, or None.
        """
        done, logs, finite, right, last = self._run(
            iterator, tf.constant(steps), tf.constant(fresh)
        )
        logs = {name: value.numpy() for name, value in logs.items()}
        return int(done), logs, finite.numpy(), None if right else last.get_value()

    def _batches(self, iterator: Any, steps: Any, fresh: Any) -> Any:
        self._steps.reset_metrics_if(fresh)

        def step(done: Any, _: Any, right: Any, last: Any, carried: Any) -> Any:
            batch = iterator.get_next_as_optional()
            more = batch.has_value()
            kept = [carried[name] for name in sorted(carried)]

            def train(values: Any) -> Any:
                logs = self._steps.step(values)
                return [tf.constant(1), *(logs[name] for name in sorted(logs))]

            def check() -> Any:
                values = batch.get_value()
                if self._are_right is None:
                    return [tf.constant(True), *train(values)]
                right = self._are_right(values)
                return [right, *tf.cond(right, lambda: train(values), lambda: [0, *kept])]

            right, count, *kept = tf.cond(more, check, lambda: [True, 0, *kept])
            logs = dict(zip(sorted(carried), kept, strict=True))
            return done + count, more, right, batch, logs

        empty = tf.experimental.Optional.empty(self._spec)
        done, _, right, last, carried = tf.while_loop(
            lambda done, more, right, *_: (done < steps) & more & right,
            step,
            [tf.constant(0), tf.constant(True), tf.constant(True), empty, self._steps.first_logs],
        )
        logs = self._steps.logs(carried)
        return done, logs, self._steps.finite(logs), right, last
