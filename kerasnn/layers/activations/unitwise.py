"""Separate activation functions for the units of a layer."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.layers.activations.threshold import step

_NAMES = sorted(
    name
    for name, value in vars(keras.activations).items()
    if callable(value) and name not in ("get", "serialize", "deserialize")
)
# These combine several units, or change their number.
_JOINT = ("glu", "log_softmax", "softmax", "sparsemax")
_THRESHOLD = "threshold"


@keras.saving.register_keras_serializable("kerasnn", _THRESHOLD)
def _threshold(x: Any) -> Any:
    return step(x, "triangle")


@keras.saving.register_keras_serializable("kerasnn")
class UnitwiseActivation(keras.layers.Layer):
    """Applies a separate activation to every unit.

    Forward:  y[..., i] = f_i(x[..., i])
    Backward: dy[..., i]/dx[..., i] = f_i'(x[..., i]), 0 between different units

    Units with the same activation are computed together, so that many units with few different
    activations are cheap.

    Args:
        activations: One activation for each unit: a Keras name, an elementwise function, or
            `"threshold"`, which is `Threshold(surrogate="triangle")`. To be saved, a custom
            function must be registered with Keras.

    Shape:
        `(batch, ..., units)` -> the same.

    Raises:
        InvalidArgument: If `activations` is empty, holds something other than elementwise
            activations, or has another length than the inputs have units.

    Example:
        >>> layer = UnitwiseActivation(["relu", "linear", "tanh"])
        >>> layer(keras.ops.array([[-1.0, -1.0, 0.0]])).numpy()
        array([[ 0., -1.,  0.]], dtype=float32)
    """

    @_checks.ends_with_caller
    def __init__(self, activations: Sequence[str | Callable[[Any], Any]], **kwargs: Any) -> None:
        if not isinstance(activations, (tuple, list)) or not activations:
            hint = "One activation for all units is `keras.layers.Activation`."
            rule = "be a list with one activation for each unit"
            raise _checks.InvalidArgument("activations", rule, activations, hint)
        super().__init__(**kwargs)
        self.activations = [_function(i, given) for i, given in enumerate(activations)]
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Checks that there is one activation for each unit."""
        if input_shape[-1] != len(self.activations):
            count = len(self.activations)
            raise _checks.InvalidArgument(
                "activations",
                "hold one activation for each unit",
                count,
                got=f"{count} activations for inputs of shape {tuple(input_shape)}",
            )
        layers.feature_count(self, input_shape)

    def call(self, inputs: Any) -> Any:
        """Applies to every unit its activation."""
        inputs = layers.real_numbers(self, inputs)
        units: dict[Any, list[int]] = {}
        for i, function in enumerate(self.activations):
            units.setdefault(function, []).append(i)
        if len(units) == 1:
            return self.activations[0](inputs)
        parts = [function(ops.take(inputs, own, axis=-1)) for function, own in units.items()]
        together = [i for own in units.values() for i in own]
        order = sorted(range(len(together)), key=together.__getitem__)
        return ops.take(ops.concatenate(parts, axis=-1), order, axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "activations": [keras.activations.serialize(f) for f in self.activations],
        }


def _function(index: int, given: Any) -> Callable[[Any], Any]:
    """Returns an activation, given as a name, a configuration or a function."""
    argument = f"activations[{index}]"
    if isinstance(given, str) and ">" not in given:
        # Keras's own function of this name takes two more arguments.
        known = {*_NAMES, _THRESHOLD} - {*_JOINT}
        _checks.one_of(argument, given, sorted(known))
        if given == _THRESHOLD:
            return _threshold
    elif not callable(given) and not isinstance(given, (str, dict)):
        raise _checks.InvalidArgument(argument, "be the name of an activation or a function", given)
    function = keras.activations.get(given)
    if function in [getattr(keras.activations, name) for name in _JOINT]:
        rule = "be an elementwise function, not one over several units"
        raise _checks.InvalidArgument(argument, rule, function.__name__)
    return function
