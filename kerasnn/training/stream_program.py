"""Many training steps on the batches of a `tf.data.Dataset`, in one call."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.training.programs import programs_of
from kerasnn.training.steps import Steps


class StreamProgram:
    """Runs `model.train_step` on batch after batch of an iterator inside one TensorFlow graph.

    Args:
        model: A compiled Keras model whose variables exist.
        spec: The dataset's `element_spec`.
    """

    def __init__(self, model: Any, spec: Any) -> None:
        self._steps = Steps(model, spec, before=programs_of(model).before_step)
        self.guarded_names = self._steps.guarded_names
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
    ) -> tuple[int, dict[str, np.ndarray], np.ndarray]:
        """Trains on at most `steps` batches.

        Returns:
            How many there were; logs by name; and for each of `guarded_names` whether it was
            finite.
        """
        done, logs, finite = self._run(iterator, tf.constant(steps), tf.constant(fresh))
        return int(done), {name: value.numpy() for name, value in logs.items()}, finite.numpy()

    def _batches(self, iterator: Any, steps: Any, fresh: Any) -> Any:
        self._steps.reset_metrics_if(fresh)

        def step(done: Any, _: Any, carried: Any) -> Any:
            batch = iterator.get_next_as_optional()
            more = batch.has_value()
            kept = [carried[name] for name in sorted(carried)]

            def train() -> Any:
                logs = self._steps.step(batch.get_value())
                return [tf.constant(1), *(logs[name] for name in sorted(logs))]

            count, *kept = tf.cond(more, train, lambda: [tf.constant(0), *kept])
            return done + count, more, dict(zip(sorted(carried), kept, strict=True))

        done, _, carried = tf.while_loop(
            lambda done, more, _: (done < steps) & more,
            step,
            [tf.constant(0), tf.constant(True), self._steps.first_logs],
        )
        logs = self._steps.logs(carried)
        return done, logs, self._steps.finite(logs)
