"""Reasons why a model's batches cannot be divided between replicas."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import all_layers
from kerasnn._core.process.strategy import are_in_scope, strategy_of
from kerasnn.training.programs.graph_program import has_convolutions
from kerasnn.training.programs.train_step import has_keras_metrics, has_keras_step

_OF_A_BATCH = (keras.losses.Dice, keras.losses.Tversky)
_FUNCTIONS_OF_A_BATCH = (keras.losses.dice, keras.losses.tversky)


def why_not_divided(model: Any, *, trains: bool = True) -> str | None:
    """Returns why only Keras's own loop can run a model under its strategy, or None.

    An evaluation (`trains=False`) does not use the optimizer.
    """
    strategy = strategy_of(model)
    if strategy is None:
        return "a distribution strategy runs its own loop"
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    if not are_in_scope(model, variables):
        return "a variable of it was not created in the scope of its distribution strategy"
    own = all(has_keras_step(model, method) for method in ("train_step", "test_step"))
    if not own or type(model).compute_loss is not keras.Model.compute_loss:
        return "a distribution strategy runs a step of the user as it is"
    if not has_keras_metrics(model):
        return "a metric of the user may be no mean over rows, which replicas need"
    return (
        _why_not_loss(model.loss)
        or (_why_not_optimizer(model.optimizer) if trains else None)
        or _why_not_layers(list(all_layers(model)))
    )


def check_optimizer(model: Any) -> None:
    """Raises where Keras's optimizer fails under every distribution strategy, in any loop.

    It then applies gradients inside of a condition, where TensorFlow cannot sum them up.
    """
    optimizer = model.optimizer
    for name, is_used in (
        ("gradient_accumulation_steps", bool(optimizer.gradient_accumulation_steps)),
        ("ema_overwrite_frequency", bool(optimizer.ema_overwrite_frequency and optimizer.use_ema)),
    ):
        if is_used:
            raise _checks.InvalidArgument(
                "optimizer",
                f"be without `{name}` under a distribution strategy, where Keras's optimizers fail",
                optimizer,
                "Leave it out.",
                got=f"{type(optimizer).__name__} with {name}={getattr(optimizer, name)}",
            )


def check_batches(model: Any, parts: Sequence[tuple[int, int]]) -> None:
    """Raises where a replica would have no row of a batch, and the model needs one.

    TensorFlow's pooling ends the process on no rows.

    Args:
        model: The model.
        parts: Number of rows and batch size of each part of the data.
    """
    if strategy_of(model) is None or not needs_rows(model):
        return
    replicas = model.distribute_strategy.num_replicas_in_sync
    for rows, size in parts:
        last = rows % size or min(rows, size)
        if last < replicas:
            raise _checks.InvalidArgument(
                "batch_size",
                f"leave each of the {replicas} replicas a row of each batch, which convolutions "
                "and pooling need",
                size,
                f"Use {size + 1}, or another number of rows.",
                got=f"batch_size={size} for {rows} rows, so that the last batch has {last}",
            )


def needs_rows(model: Any) -> bool:
    """Whether a layer of a model cannot run on no rows."""
    pools = any("Pooling" in type(layer).__name__ for layer in all_layers(model))
    return pools or has_convolutions(model)


def why_not_even(model: Any, parts: Sequence[tuple[int, int]]) -> str | None:
    """Returns why a model of several losses cannot have its batches divided, or None.

    Keras gives all replicas the same weight in the tracker of each loss, whatever their number of
    rows.

    Args:
        model: The model.
        parts: Number of rows and batch size of each part of the data; empty if not known.
    """
    outputs = getattr(model, "outputs", None) or []
    if max(len(keras.tree.flatten(model.loss)), len(outputs)) <= 1:
        return None
    replicas = model.distribute_strategy.num_replicas_in_sync
    counts = [count for rows, size in parts for count in (min(rows, size), rows % size)]
    if counts and all(count % replicas == 0 for count in counts):
        return None
    return "several losses need batches of the same number of rows in each replica"


def why_not_stream(data: Any) -> str | None:
    """Returns why the batches of a stream cannot be divided between replicas, or None."""
    if not isinstance(data, tf.data.Dataset):
        return "Keras reads a generator under a distribution strategy"
    specs = tf.nest.flatten(data.element_spec)
    if any(isinstance(spec, (tf.RaggedTensorSpec, tf.SparseTensorSpec)) for spec in specs):
        return "Keras divides ragged and sparse data between replicas"
    return None


def _why_not_loss(given: Any) -> str | None:
    for loss in keras.tree.flatten(given):
        found = keras.losses.get(loss)
        if found is None:
            continue
        module = getattr(found, "__module__", type(found).__module__)
        reduction = getattr(found, "reduction", "sum_over_batch_size")
        is_of_batch = isinstance(found, _OF_A_BATCH) or found in _FUNCTIONS_OF_A_BATCH
        if (
            module.partition(".")[0] != "keras"
            or is_of_batch
            or reduction not in ("sum_over_batch_size", "mean")
        ):
            return "its loss may be no mean over rows, which replicas need"
    return None


def _why_not_optimizer(optimizer: Any) -> str | None:
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return "loss scaling needs Keras's own step in each replica"
    return None


def _why_not_layers(layers: list[Any]) -> str | None:
    normalizes = any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    if normalizes and any(_makes_mask(layer) for layer in layers):
        return "batch normalization of masked steps has its statistics in each replica"
    return None


def _makes_mask(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Masking) or bool(getattr(layer, "mask_zero", False))
