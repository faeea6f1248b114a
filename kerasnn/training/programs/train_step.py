"""Train step of a model inside a program: its logs, its variables, its test for NaN."""

import functools
import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._core.model import all_layers, is_symbolic, structure
from kerasnn._core.optimizers import build_slots
from kerasnn._core.process.strategy import scope_of, strategy_of
from kerasnn.training.inputs.tensors import hide_none, show_none
from kerasnn.training.programs.replicas.step import divided_step

Logs = dict[str, Any]


class TracedStep:
    """Calls a model's `train_step` or `test_step` inside a program, and tests its weights for NaN.

    Args:
        model: A compiled Keras model whose variables exist.
        spec: Structure of `tf.TensorSpec` for one batch.
        method: `"train_step"` or `"test_step"`.
        callbacks: Callbacks that put operations around each step.
    """

    def __init__(
        self, model: Any, spec: Any, method: str = "train_step", callbacks: Sequence[Any] = ()
    ) -> None:
        self._model, self._callbacks = model, callbacks
        self._step, self.first_logs = _step_of(model, method), {}
        if not has_keras_step(model, method):
            # Only a trace shows which variables a step of the user creates and what it returns.
            # The trace is the step from then on.
            traced = tf.function(self._step, autograph=False).get_concrete_function(spec)
            logs = traced.structured_outputs.items()
            self.first_logs = {name: tf.zeros(value.shape, value.dtype) for name, value in logs}
            self._step = self._step if model.run_eagerly else traced
            model.reset_metrics()
        self._guarded = [v for v in model.weights if tf.as_dtype(v.dtype).is_floating]
        self.log_shapes = self.logs(self.first_logs)

    @property
    def guarded_names(self) -> list[str]:
        """The paths of the weights that are tested, and last the loss."""
        return [*(v.path for v in self._guarded), "loss"]

    def step(self, batch: Any) -> Logs:
        """Runs one step; returns the logs that a loop has to carry to its end."""
        for callback in self._callbacks:
            callback.before_step(self._model)
        logs = self._step(batch)
        for callback in self._callbacks:
            callback.after_step(self._model)
        return {name: tf.cast(logs[name], first.dtype) for name, first in self.first_logs.items()}

    def logs(self, carried: Logs) -> Logs:
        """Returns the logs after some steps, by Keras's rule for steps of the user."""
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
    """Returns logs as Keras passes them on: sorted by name, each number a Python float.

    An array of one entry, which `F1Score` gives for one output, is a number too.
    """
    return {name: as_number(value) for name, value in sorted(logs.items())}


def as_number(value: Any) -> Any:
    """Returns a number, or an array of one, as a Python float, and anything else as it is."""
    array = np.asarray(value)
    return float(array.item()) if array.size == 1 and array.dtype.kind not in "OSU" else value


class NumbersInLogs(keras.callbacks.Callback):
    """Makes the logs of Keras's own loop those of `as_python`, for all later callbacks."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Changes the logs, which all callbacks share."""
        if logs is not None:
            logs.update(as_python(logs))


def has_keras_step(model: Any, method: str = "train_step") -> bool:
    """Whether steps are Keras's own, so that logs are the metrics' results."""
    return getattr(getattr(model, method), "__func__", None) is getattr(keras.Model, method)


def build(model: Any, spec: Any, method: str = "train_step") -> None:
    """Creates the variables that a step needs, and changes no other state.

    Nothing that could hold state runs: a layer that is random in inference, a counter or an
    annealed loss would advance once more than in Keras. Only metrics of Keras run, on zeros, and
    are reset; everything else is traced. The optimizer's state is created from the weights before
    they change, with every engine.

    Args:
        model: A compiled Keras model.
        spec: Structure of `tf.TypeSpec` for one batch.
        method: `"train_step"` or `"test_step"`.
    """
    if not has_keras_step(model, method):
        return  # `TracedStep` traces it, and needs no variable before.
    training = method == "train_step"
    data = keras.utils.unpack_x_y_sample_weight(show_none(spec))
    if strategy_of(model) is None:
        _build_losses_and_metrics(model, *data, training=training)
    else:
        with scope_of(model):
            _build_on_replicas(model, *data)
    if training:
        build_slots(model.optimizer, model.trainable_variables)
    model.reset_metrics()


def build_eagerly(model: Any, batch: Any) -> None:
    """Creates the variables that a step needs, for a model that cannot be traced.

    The model runs once in inference: the caller restores the state.

    Args:
        model: A compiled Keras model.
        batch: Structure of tensors.
    """
    data = keras.utils.unpack_x_y_sample_weight(show_none(batch))
    _losses_and_metrics(model, *data, training=False)
    build_slots(model.optimizer, model.trainable_variables)
    model.reset_metrics()


def _losses_and_metrics(model: Any, x: Any, y: Any, sample_weight: Any, *, training: bool) -> None:
    outputs = _outputs(model, x, training=training)
    _loss(model, x, y, outputs, sample_weight, training=training)
    model.compute_metrics(x, y, outputs, sample_weight)


def _outputs(model: Any, x: Any, *, training: bool) -> Any:
    return model(x, training=training) if _takes_training(model.call) else model(x)


def _loss(model: Any, x: Any, y: Any, outputs: Any, sample_weight: Any, *, training: bool) -> None:
    """Computes the loss; one of the user need not have an argument `training`."""
    given = {"training": training} if _takes_training(model.compute_loss) else {}
    model.compute_loss(x=x, y=y, y_pred=outputs, sample_weight=sample_weight, **given)


def _takes_training(function: Any) -> bool:
    return "training" in inspect.signature(function).parameters


def _build_losses_and_metrics(
    model: Any, x: Any, y: Any, sample_weight: Any, *, training: bool
) -> None:
    outputs = _output_specs(model)
    if outputs is None:
        call = functools.partial(_losses_and_metrics, model, training=training)
        _trace(call, x, y, sample_weight)
        return
    is_single = len(keras.tree.flatten(outputs)) == 1 and not keras.tree.is_nested(model.loss)
    if not (is_single and _is_keras(type(model).compute_loss)):
        # Where there are several losses each has a metric, which `compute_loss` makes.
        call = functools.partial(_loss, model, training=training)
        _trace(call, x, y, outputs, sample_weight)
    data: Any = (x, y, outputs, sample_weight)
    known = all(spec is None or _is_known(spec) for spec in keras.tree.flatten(data))
    if known and has_keras_metrics(model):
        # Tracing takes ten times as long.
        zeros: Any = keras.tree.map_structure(_zeros, data)
        model.compute_metrics(*zeros)
    else:
        _trace(model.compute_metrics, *data)


def _build_on_replicas(model: Any, x: Any, y: Any, sample_weight: Any) -> None:
    """Creates what losses and metrics need in the scope of a strategy.

    Losses and metrics are Keras's own, and run on zeros. No variable is updated, which outside of
    a replica those of metrics cannot be.
    """
    outputs = _output_specs(model)
    if outputs is None:
        outputs = _trace(functools.partial(_outputs, model, training=False), x).structured_outputs
    data: Any = keras.tree.map_structure(_zeros, (x, y, outputs, sample_weight))
    # The penalties of weights ask for their values.
    values = [(w, tf.convert_to_tensor(w)) for w in model.trainable_variables if w.regularizer]
    with keras.StatelessScope(state_mapping=values):
        _loss(model, *data, training=False)
        model.compute_metrics(*data)


def _output_specs(model: Any) -> Any:
    """Returns the types of the outputs, or None where only a call of the model shows them."""
    is_built = is_symbolic(model) and all(layer.built for layer in all_layers(model))
    # A `call` of the user may return something else than the model's graph.
    if not is_built or not _is_keras(type(model).call):
        return None
    regularized = [w for w in model.trainable_weights if w.regularizer is not None]
    if len(model.losses) > len(regularized):
        return None  # Losses that a layer adds belong to one call of the model.
    return keras.tree.map_structure(
        lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), structure(model, "output")
    )


def _is_known(spec: Any) -> bool:
    is_dense = isinstance(spec, tf.TensorSpec) and spec.dtype != tf.string
    return is_dense and spec.shape.rank is not None and None not in spec.shape[1:]


def _zeros(spec: Any) -> Any:
    return None if spec is None else tf.zeros([2, *(n or 1 for n in spec.shape[1:])], spec.dtype)


def has_keras_metrics(model: Any) -> bool:
    """Whether all metrics are Keras's own, which hold no state that a reset leaves."""
    if not _is_keras(type(model).compute_metrics):
        return False
    try:
        with warnings.catch_warnings():
            # Keras warns of a lambda, as it would be unsafe in a file.
            warnings.simplefilter("ignore")
            config = model.get_compile_config()
        return all(_is_of_keras(config[name]) for name in ("metrics", "weighted_metrics"))
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError):
        return False  # An object of the user has no configuration.


def _is_of_keras(config: Any) -> bool:
    """Whether all objects in a configuration are Keras's."""
    if isinstance(config, dict):
        parts = [v for name, v in config.items() if name != "module"]
        if config.get("class_name") == "__lambda__":
            return False
        return _in_keras(config.get("module") or "keras") and all(map(_is_of_keras, parts))
    return not isinstance(config, (list, tuple)) or all(map(_is_of_keras, config))


def _is_keras(function: Any) -> bool:
    return _in_keras(function.__module__)


def _in_keras(module: str) -> bool:
    return module.partition(".")[0] == "keras"


def _trace(function: Any, *specs: Any) -> Any:
    def with_none(*arguments: Any) -> Any:
        return function(*show_none(arguments))

    return tf.function(with_none, autograph=False).get_concrete_function(*hide_none(specs))


def _step_of(model: Any, method: str) -> Any:
    """Returns a model's step on a batch without None, as `hide_none` makes it.

    Training is traced as one step for all replicas. For one replica of several, Keras's
    optimizers trace a sum over them, whose gradient TensorFlow registers for ever, together with
    the graph and all its variables. Loss scaling wants to be in a replica, though, and so may a
    step of the user. With a distribution strategy each replica runs a part of the step.
    """
    if strategy_of(model) is not None:
        return divided_step(model, method)
    own_step = getattr(model, method)

    def step(batch: Any) -> Any:
        return own_step(show_none(batch))

    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    if method != "train_step" or scaled or not has_keras_step(model):
        return step
    return lambda batch: tf.distribute.get_replica_context().merge_call(lambda _: step(batch))
