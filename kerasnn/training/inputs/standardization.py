"""Learning of `Standardize` layers from the training rows of the first `fit`."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import State
from kerasnn.layers._adaptation import adapted_to_inputs, not_adapted
from kerasnn.training.inputs.arrays import is_irregular, is_stream

_BATCH = 1024
# Standard deviations of targets with which training was seen to work: with 1e-6 no network of
# `models` learns, and with 1e8 the squares of gradients leave float32 in some.
_LEAST_UNIT, _LARGEST_UNIT = 1e-4, 1e7
# Relative difference from a mean that rounding makes.
_SAME = 1e-5
_LISTED = 8


def learn_standardization(
    model: keras.Model,
    x: Any,
    y: Any,
    steps: int | None,
    *,
    checked: Callable[[Any], Any] = lambda x: x,
    in_units: bool = True,
) -> None:
    """Adapts every `Standardize` layer of a model that has not learned yet.

    Args:
        model: Any Keras model.
        x: Training inputs: arrays, or batches of (inputs, targets).
        y: Training targets, where `x` holds arrays.
        steps: Batches to look at, where `x` is a stream.
        checked: Returns a stream with a check of its batches. Making it takes longer than a small
            epoch, so it is called only if a layer has to learn.
        in_units: Whether the loss is of targets in their own units, on which gradients depend.
    """
    fresh = not_adapted(model)
    irregular = not is_stream(x) and is_irregular(x)
    divided = isinstance(x, tf.distribute.DistributedDataset)
    if fresh and (irregular or divided or hasattr(x, "__next__")):
        name = fresh[0][0].name
        raise _checks.InvalidArgument(
            "x",
            f"be dense data that can be read twice, since `{name}` has learned nothing yet",
            x,
            f"Call `model.get_layer({name!r}).adapt(...)` before `fit`.",
            got="ragged or sparse data" if irregular else f"a {type(x).__name__}",
        )
    if not (irregular or is_stream(x)):
        _warn_of_constants(model, x, y)
    x = checked(x) if fresh else x
    for layer, read in fresh:
        # The layers in front of it run, and may draw random numbers or count their calls.
        before = State(model, but=layer.variables)
        try:
            layer.adapt(read(*batch) for batch in _batches(x, y, steps))
        except _checks.InvalidArgument as error:
            if error.argument != "data":
                raise
            hint = error.hint
            if "finite" in error.rule:  # NaN in x, if the user allows it.
                hint = (
                    f"`{layer.name}` learns from the training rows. Put the layer that fills in "
                    "missing values in front of it, or use `normalize=False`."
                )
            raise error.about("y" if layer.learns_targets else "x", hint) from error
        finally:
            before.restore()
        if layer.learns_targets and in_units:
            _warn_of_units(layer)


def _warn_of_units(layer: Any) -> None:
    """Warns of targets in units in which training goes wrong."""
    deviations = np.sqrt(np.asarray(layer.variance, np.float64)).ravel()
    odd = (deviations > 0) & ((deviations < _LEAST_UNIT) | (deviations > _LARGEST_UNIT))
    if odd.any():
        deviation = f"{deviations[odd][0]:.1g}"
        _checks.warn(
            f"`y` has a standard deviation of {deviation}. The gradients of a squared loss grow "
            "with its square: small ones vanish beside the epsilon of Adam, 1e-7, and large ones "
            f"leave float32. Divide `y` by {deviation}, and multiply the predictions by it."
        )


def _warn_of_constants(model: Any, x: Any, y: Any) -> None:
    """Warns of columns that were constant when a layer learned them, and no longer are."""
    for layer, read in adapted_to_inputs(model):
        constant = np.asarray(getattr(layer, "variance", 1.0)) == 0
        if not constant.any():
            continue
        mean = np.asarray(layer.mean, np.float64)
        varies = np.zeros(mean.shape[-1], bool)
        for batch in _batches(x, y, None):
            far = np.abs(np.asarray(read(*batch), np.float64) - mean) > _SAME * np.abs(mean)
            varies |= (far & constant).reshape(-1, mean.shape[-1]).any(axis=0)
        if varies.any():
            places = [str(i) for i in np.flatnonzero(varies)]
            listed = ", ".join(places[:_LISTED]) + (", ..." if len(places) > _LISTED else "")
            _checks.warn(
                f"`{layer.name}` learned in an earlier `fit` on {int(layer.count)} rows that "
                f"columns of `x` are constant, and makes them 0, though they vary now (columns "
                f"{listed}): the network cannot see them. Before `fit` call "
                f"`model.get_layer({layer.name!r}).reset()`, or build the model anew."
            )


def _batches(x: Any, y: Any, steps: int | None) -> Iterator[tuple[Any, Any]]:
    if is_stream(x):
        source = x
        if isinstance(x, keras.utils.PyDataset):
            source = (x[i] for i in range(steps or x.num_batches))
        for i, batch in enumerate(source):
            if i == steps:
                return
            inputs, targets, _ = keras.utils.unpack_x_y_sample_weight(batch)
            yield inputs, targets
        return
    count = next(len(array) for array in keras.tree.flatten(x) if array is not None)
    for start in range(0, count, _BATCH):
        rows = slice(start, start + _BATCH)
        part: Any = keras.tree.map_structure(
            lambda a, rows=rows: None if a is None else a[rows], (x, y)
        )
        yield part
