"""`freeze_to` and `unfreeze`."""

import numbers
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.transfer._model_graph import head_index
from kerasnn.transfer.freezing.parameter_counts import Counts
from kerasnn.transfer.freezing.trainability import leaves, train_from, with_weights


@_checks.known_arguments
def freeze_to(model: keras.Model, where: str | int, *, batch_norm: bool = False) -> Counts:
    """Freezes all layers of a model before a layer, and trains that layer and all after it.

    It takes effect at once, also on a compiled model: the optimizer keeps its rate, its count of
    steps, the state of variables that stay trainable, and exclusions from weight decay. Prints
    the counts.

    Args:
        model: A built Keras model; layers of nested models count as its layers.
        where: The first layer to train: its name, the name of its block (`"block5"` for layers
            named `block5_...`), `"head"` for the last pooling or Flatten, or how many layers
            with weights to freeze. A negative number counts from the end: -2 trains the last
            two.
        batch_norm: Whether batch normalisations before the head train too. By default they keep
            their statistics.

    Returns:
        The counts of `trainable` and `frozen` parameters, and of the `layers` that train.

    Raises:
        InvalidArgument: If there is no such layer, no such number of layers, or no weights are
            left to train.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import models
        >>> cnn = models.cnn((8, 8, 1), 10, task="multiclass", filters=(2, 4), hidden=())
        >>> counts = freeze_to(cnn, "block2")
        246 parameters trainable, in 2 layers; 23 frozen

    Reference:
        Howard & Ruder (2018), arXiv:1801.06146. The name is fastai's.
    """
    counts = train_from(model, first_to_train(model, where), batch_norm=batch_norm)
    print(counts)
    return counts


def first_to_train(model: Any, where: Any) -> int:
    """Returns the index, among the leaves of a model, of the layer that `where` names."""
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument("model", "be a Keras model", model)
    if not model.built:
        raise _checks.InvalidArgument(
            "model",
            "be built, so that its weights are known",
            model,
            "Give it a `keras.Input`, or call it once.",
            got=f"`{model.name}`",
        )
    layers = leaves(model)
    if isinstance(where, numbers.Integral) and not isinstance(where, bool):
        return _by_count(layers, int(where))
    if not isinstance(where, str):
        raise _checks.InvalidArgument(
            "where", "be the name of a layer or block, a number of layers, or 'head'", where
        )
    names = [layer.name for layer in layers]
    if where == "head" and where not in names:
        return head_index(layers)
    for index, name in enumerate(names):
        if name == where or name.startswith(f"{where}_"):
            return index
    blocks = dict.fromkeys(name.partition("_")[0] for name in names)
    hint = _checks.did_you_mean(where, [*names, *blocks])
    raise _checks.InvalidArgument(
        "where", f"name a layer or a block of `{model.name}`, or be 'head'", where, hint
    )


def _by_count(layers: list[keras.layers.Layer], count: int) -> int:
    indices = list(with_weights(layers))
    if not -len(indices) <= count < len(indices):
        raise _checks.InvalidArgument(
            "where",
            f"leave layers to train: there are {len(indices)} with weights",
            count,
            f"Use {len(indices) - 1} to train the last one alone, or 0 to train all.",
        )
    return indices[count]


@_checks.known_arguments
def unfreeze(model: keras.Model, *, batch_norm: bool = False) -> Counts:
    """Makes all layers of a model trainable.

    It takes effect at once, also on a compiled model: the optimizer keeps its rate, its count of
    steps, and the state of variables that were trainable before. Prints the counts.

    Args:
        model: A built Keras model.
        batch_norm: Whether batch normalisations before the head train too. By default they keep
            their statistics, which a few images would change too much.

    Returns:
        The counts of `trainable` and `frozen` parameters, and of the `layers` that train.

    Raises:
        InvalidArgument: If `model` is not a built Keras model.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import models
        >>> counts = unfreeze(models.mlp(4, 3, task="multiclass", hidden=(), normalize=False))
        15 parameters trainable, in 1 layer; 0 frozen
    """
    counts = train_from(model, first_to_train(model, 0), batch_norm=batch_norm)
    print(counts)
    return counts
