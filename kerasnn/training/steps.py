"""What every program has in common: the step, its logs, and the finite guard."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn._optimizers import build_slots
from kerasnn.training.tensors import show_none

Logs = dict[str, Any]


class Steps:
    """Calls a model's `train_step` or `test_step` inside a program, and watches over its weights.

    Args:
        model: A compiled Keras model whose variables exist.
        spec: Structure of `tf.TensorSpec` for one batch.
        method: `"train_step"` or `"test_step"`.
        before: Callbacks that put operations ahead of each step.
    """

    def __init__(
        self, model: Any, spec: Any, method: str = "train_step", before: Sequence[Any] = ()
    ) -> None:
        self._model, self._before = model, before
        self._step = _step_of(model, method)
        self._guarded = [v for v in model.weights if tf.as_dtype(v.dtype).is_floating]
        # A step of the user's own returns what it likes, known only once it was traced.
        self.first_logs = {} if has_keras_step(model, method) else _traced_logs(self._step, spec)
        self.log_shapes = self.logs(self.first_logs)

    @property
    def guarded_names(self) -> list[str]:
        """The paths of the weights that are tested, and last the loss."""
        return [*(v.path for v in self._guarded), "loss"]

    def step(self, batch: Any) -> Logs:
        """Runs one step; returns what a loop has to carry to its end."""
        for callback in self._before:
            callback.before_step(self._model)
        logs = self._step(batch)
        for callback in self._before:
            if hasattr(callback, "after_step"):
                callback.after_step(self._model)
        return {name: tf.cast(logs[name], first.dtype) for name, first in self.first_logs.items()}

    def logs(self, carried: Logs) -> Logs:
        """Returns the logs after some steps, by Keras's rule for steps of the user's own."""
        metrics = self._model.get_metrics_result()
        return metrics if not carried or set(metrics) == set(carried) else carried

    def reset_metrics_if(self, condition: Any) -> None:
        """Starts the metrics anew where a tensor is true."""

        def reset() -> int:
            self._model.reset_metrics()
            return 0

        tf.cond(condition, reset, lambda: 0)

    def finite(self, logs: Logs) -> tf.Tensor:
        """Returns for each of `guarded_names` whether it is finite."""
        values = [v.value for v in self._guarded]
        values.append(tf.cast(logs.get("loss", 0.0), tf.float32))
        return tf.stack([tf.reduce_all(tf.math.is_finite(v)) for v in values])


def as_python(logs: Logs) -> Logs:
    """Returns logs as Keras passes them on: sorted by name, each number a Python float."""
    return {name: float(v) if v.ndim == 0 else v for name, v in sorted(logs.items())}


def has_keras_step(model: Any, method: str = "train_step") -> bool:
    """Whether steps are Keras's own, so that logs are the metrics' results."""
    return getattr(getattr(model, method), "__func__", None) is getattr(keras.Model, method)


def build(model: Any, batch: Any, method: str = "train_step") -> None:
    """Creates the variables that a step needs, and changes none.

    Args:
        model: A compiled Keras model.
        batch: Structure of tensors; of `tf.TypeSpec` where there are none yet.
        method: `"train_step"` or `"test_step"`.
    """
    is_spec = isinstance(tf.nest.flatten(batch)[0], tf.TypeSpec)
    if is_spec or not has_keras_step(model, method):
        spec = batch if is_spec else tf.nest.map_structure(tf.TensorSpec.from_tensor, batch)
        tf.function(_step_of(model, method), autograph=False).get_concrete_function(spec)
    else:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(show_none(batch))
        outputs = model(x, training=False)
        model.compute_loss(x, y, outputs, sample_weight, training=False)
        model.compute_metrics(x, y, outputs, sample_weight)
        if method == "train_step":
            build_slots(model.optimizer, model.trainable_variables)
    model.reset_metrics()


def _step_of(model: Any, method: str) -> Any:
    """Returns a model's step on a batch without None, as `hide_none` makes it.

    Training is traced as one step for all replicas.
    For one replica of several, Keras's optimizers trace a sum over them, whose gradient TensorFlow
    registers for ever, together with the graph and all its variables. Loss scaling wants to be
    in a replica, though, and so may a step of the user's own.
    """
    own_step = getattr(model, method)

    def step(batch: Any) -> Any:
        return own_step(show_none(batch))

    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    if method != "train_step" or scaled or not has_keras_step(model):
        return step
    return lambda batch: tf.distribute.get_replica_context().merge_call(lambda _: step(batch))


def _traced_logs(step: Any, spec: Any) -> Logs:
    """Returns zeros in place of what the user's own step returns."""
    logs = tf.function(step, autograph=False).get_concrete_function(spec).structured_outputs
    return {name: tf.zeros(value.shape, value.dtype) for name, value in logs.items()}
