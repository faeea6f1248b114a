"""Learning of `Standardize` layers from the training rows of the first `fit`."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import State
from kerasnn.layers._adaptation import not_adapted
from kerasnn.training.inputs.arrays import is_irregular, is_stream

_BATCH = 1024


def learn_standardization(
    model: keras.Model,
    x: Any,
    y: Any,
    steps: int | None,
    *,
    checked: Callable[[Any], Any] = lambda x: x,
) -> None:
    """Adapts every `Standardize` layer of a model that has not learned yet.

    Args:
        model: Any Keras model.
        x: Training inputs: arrays, or batches of (inputs, targets).
        y: Training targets, where `x` holds arrays.
        steps: Batches to look at, where `x` is a stream.
        checked: Returns a stream with a check of its batches. Making it takes longer than a small
            epoch, so it is called only if a layer has to learn.
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
