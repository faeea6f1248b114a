"""One step of training or evaluation, divided between the replicas of a strategy."""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn import optimizers
from kerasnn._core.model import all_layers
from kerasnn._core.process.strategy import are_in_scope
from kerasnn.layers._masks import mask_of
from kerasnn.training.inputs.tensors import show_none

# Odd, so that no two replicas have the same seeds; the first one has those of a single device.
_SEED_STEP = 0x9E3779B1
# An object, the name of an attribute, and its value while a step is traced.
_Attribute = tuple[Any, str, Any]
_CLIPPING = ("clipnorm", "global_clipnorm", "clipvalue")


@dataclasses.dataclass(frozen=True)
class _Share:
    """The rows of a batch that one replica takes.

    Attributes:
        data: x, y and sample weights of its rows.
        rows: Number of its rows; 0 where there are more replicas than rows.
        fraction: Its fraction of the rows of the batch.
        replica: Number of the replica.
        replicas: Number of replicas.
    """

    data: tuple[Any, Any, Any]
    rows: Any
    fraction: Any
    replica: Any
    replicas: int


def divided_step(model: Any, method: str) -> Callable[[Any], dict[str, Any]]:
    """Returns a step on whole batches, to be called outside of the replicas.

    Replica k of K takes the rows from `k n // K` to `(k + 1) n // K` of a batch of n rows.

    Loss:     sum over k of n_k / n * (mean loss of the rows of k), the mean over the batch
    Gradient: that of the loss, summed over the replicas by the optimizer

    Keras's own step gives each replica the same weight, whatever its number of rows. The step here
    consists of what Keras's consists of, in the same order: the model, `compute_loss`,
    the optimizer's `scale_loss` and `apply`, the tracker of the loss, and `compute_metrics`.

    Batch normalization takes its statistics from all replicas. Layers that draw random numbers
    draw others in each replica: their seeds are moved within the step by the replica's number.

    Args:
        model: A compiled Keras model with Keras's own steps, made in the scope of a strategy.
        method: `"train_step"` or `"test_step"`.

    Raises:
        ValueError: If a variable was created outside of the scope of the strategy; and while it
            is traced, if a loss is no mean over rows.
    """
    if not are_in_scope(model, [*model.variables, *model.optimizer.variables]):
        # Each replica would update the same variable.
        raise ValueError("A variable was not created in the scope of the distribution strategy.")
    one = _train if method == "train_step" else _test

    def on_replica(batch: Any) -> None:
        share = _share(batch)
        with _own_seeds(model, share.replica):
            one(model, share)

    def step(batch: Any) -> dict[str, Any]:
        # The replicas are traced at the same time, each in a thread.
        with _attributes([*_synchronized(model), *_divided_limits(model)]):
            model.distribute_strategy.run(on_replica, args=(batch,))
        return {}

    return step


def bounds(replica: Any, replicas: int, rows: Any) -> tuple[Any, Any]:
    """Returns the first row of a batch that a replica takes, and the one that it stops before.

    >>> [bounds(k, 3, 8) for k in range(3)]
    [(0, 2), (2, 5), (5, 8)]
    """
    return replica * rows // replicas, (replica + 1) * rows // replicas


def _share(batch: Any) -> _Share:
    context = tf.distribute.get_replica_context()
    replica, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
    rows = tf.shape(tf.nest.flatten(batch)[0])[0]
    first, stop = bounds(replica, replicas, rows)
    data = show_none(tf.nest.map_structure(lambda t: t[first:stop], batch))
    return _Share(
        data=keras.utils.unpack_x_y_sample_weight(data),
        rows=stop - first,
        fraction=tf.cast(stop - first, tf.float32) / tf.cast(rows, tf.float32),
        replica=replica,
        replicas=replicas,
    )


def _train(model: Any, share: _Share) -> None:
    variables = model.trainable_variables
    with tf.GradientTape() as tape:
        loss, outputs = _loss(model, share, training=True)
        scaled = model.optimizer.scale_loss(loss * tf.cast(share.fraction, loss.dtype))
    if variables:
        _apply(model.optimizer, tape.gradient(scaled, variables), variables)
    _record(model, share, loss, outputs)


def _test(model: Any, share: _Share) -> None:
    loss, outputs = _loss(model, share, training=False)
    _record(model, share, loss, outputs)


def _loss(model: Any, share: _Share, *, training: bool) -> tuple[Any, Any]:
    """Returns the loss as it is on a single device with these rows alone, and the outputs."""
    x, y, sample_weight = share.data
    takes_training = "training" in inspect.signature(model.call).parameters
    outputs = model(x, training=training) if takes_training else model(x)
    loss = model.compute_loss(
        x=x, y=y, y_pred=outputs, sample_weight=sample_weight, training=training
    )
    regularized = [weight for weight in model.trainable_weights if weight.regularizer is not None]
    if len(model.losses) > len(regularized):
        raise ValueError("A loss that a layer adds is not divided between replicas.")
    if any(mask_of(output) is not None for output in keras.tree.flatten(outputs)):
        raise ValueError("A loss of masked outputs is not divided between replicas.")
    # Keras divides all that it adds up by the number of replicas. The mean of no rows is NaN.
    return tf.where(share.rows > 0, loss * share.replicas, 0), outputs


def _record(model: Any, share: _Share, loss: Any, outputs: Any) -> None:
    """Updates the metrics, the tracker of the loss first."""
    x, y, sample_weight = share.data
    model.metrics[0].update_state(loss, sample_weight=tf.cast(share.rows, tf.float32))
    model.compute_metrics(x, y, outputs, sample_weight)


def _apply(optimizer: Any, gradients: list[Any], variables: list[Any]) -> None:
    """Lets the optimizer sum up the gradients of all replicas, and update the weights.

    It clips before it sums up. So that the sum is what is clipped, each replica then gives an equal
    part of the sum, and `_divided_limits` divides the limits likewise.
    """
    clips = any(getattr(optimizer, name) for name in _CLIPPING)
    if any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients):
        _check_sums(optimizer, clips=clips)
        gradients = [g if g is None else tf.convert_to_tensor(g) for g in gradients]
    if not clips:
        optimizer.apply(gradients, variables)
        return
    context = tf.distribute.get_replica_context()
    part = 1.0 / context.num_replicas_in_sync
    known = [i for i, gradient in enumerate(gradients) if gradient is not None]
    sums = context.all_reduce(tf.distribute.ReduceOp.SUM, [gradients[i] for i in known])
    for i, total in zip(known, sums, strict=True):
        gradients[i] = total * tf.cast(part, total.dtype)
    optimizer.apply(gradients, variables)


def _check_sums(optimizer: Any, *, clips: bool) -> None:
    """Raises unless an optimizer makes the same of a sparse gradient and of a dense one.

    TensorFlow cannot collect sparse gradients of different numbers of rows from replicas. Keras's
    Adam and its like square the rows of a sparse gradient one by one, also where several rows
    are of one index of the embedding.
    """
    own = isinstance(optimizer, (optimizers.SGD, optimizers.AdamW))
    if not own and (clips or not isinstance(optimizer, keras.optimizers.SGD)):
        raise ValueError(
            "Replicas sum up the gradient of an embedding over equal indices, which changes the "
            f"steps of {type(optimizer).__name__}, or its clipping. Use "
            "`kerasnn.optimizers.AdamW` or `kerasnn.optimizers.SGD`."
        )


def _synchronized(model: Any) -> list[_Attribute]:
    normalizations = [
        layer for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)
    ]
    return [(layer, "synchronized", True) for layer in normalizations]


def _divided_limits(model: Any) -> list[_Attribute]:
    optimizer, replicas = model.optimizer, model.distribute_strategy.num_replicas_in_sync
    limits = [(name, getattr(optimizer, name)) for name in _CLIPPING]
    return [(optimizer, name, limit / replicas) for name, limit in limits if limit]


@contextlib.contextmanager
def _attributes(values: list[_Attribute]) -> Iterator[None]:
    """Gives objects other attributes while a step is traced."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in values]
    try:
        for owner, name, value in values:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


@contextlib.contextmanager
def _own_seeds(model: Any, replica: Any) -> Iterator[None]:
    """Moves the seeds of layers within a step; after it they are the same in all replicas."""
    states = [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]

    def moved(state: Any, sign: int) -> None:
        move = tf.cast(replica, state.dtype) * tf.constant(sign * _SEED_STEP, state.dtype)
        state.assign(tf.convert_to_tensor(state) + tf.stack([move, tf.zeros_like(move)]))

    for state in states:
        moved(state, 1)
    yield
    for state in states:
        moved(state, -1)
