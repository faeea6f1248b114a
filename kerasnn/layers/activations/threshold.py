"""Threshold activation with surrogate gradients."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn._checks.layers import real_numbers


def _identity(u: Any) -> Any:
    return u


def _triangle(u: Any) -> Any:
    near: Any = ops.clip(u, -1, 1)
    return near - near * ops.abs(near) / 2


# Antiderivatives: the derivative of each function is the surrogate gradient.
_PRIMITIVES = {"identity": _identity, "sigmoid": ops.sigmoid, "triangle": _triangle, "none": None}


@keras.saving.register_keras_serializable("kerasnn")
class Threshold(keras.layers.Layer):
    """Outputs 1 where the input exceeds `theta`, and 0 elsewhere.

    Forward:  y = 1 if z - theta > 0 else 0
    Backward: dy/dz = s(z - theta), dy/dtheta = -s(z - theta)   (chosen, not true: the true
              gradient is 0 almost everywhere), where s(u) is

    | `surrogate` | s(u)                        |
    |-------------|-----------------------------|
    | `identity`  | 1                           |
    | `sigmoid`   | sigmoid(u) (1 - sigmoid(u)) |
    | `triangle`  | max(0, 1 - abs(u))          |
    | `none`      | 0, the true gradient        |

    Args:
        theta: Threshold, in input units.
        surrogate: The gradient used in training.
        trainable: Whether `theta`, one number for the layer, is learned.

    Shape:
        `(batch, ..., units)` -> the same.

    Raises:
        InvalidArgument: If `theta` is not finite or `surrogate` is unknown.

    Example:
        >>> Threshold(theta=1.0)(keras.ops.array([[0.5, 1.0, 1.5]])).numpy()
        array([[0., 0., 1.]], dtype=float32)

    Reference:
        McCulloch & Pitts (1943), doi:10.1007/BF02478259. Rosenblatt (1958),
        doi:10.1037/h0042519. Surrogates: Bengio et al. (2013), arXiv:1308.3432; Neftci et al.
        (2019), arXiv:1901.09948.
    """

    # Name of the output activation, which the package reads from any last layer.
    activation_name = "threshold"

    @_checks.ends_with_caller
    def __init__(
        self,
        theta: float = 0.0,
        *,
        surrogate: str = "identity",
        trainable: bool = False,
        **kwargs: Any,
    ) -> None:
        _checks.number("theta", theta)
        _checks.one_of("surrogate", surrogate, _PRIMITIVES)
        super().__init__(trainable=trainable, **kwargs)
        self.theta = theta
        self.surrogate = surrogate
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=1)
        self.level = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(theta), name="level"
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compares the inputs with the threshold."""
        return step(real_numbers(self, inputs) - self.level, self.surrogate)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "theta": self.theta, "surrogate": self.surrogate}


def step(excess: Any, surrogate: str = "identity") -> Any:
    """Returns 1 where `excess` is above 0 and 0 elsewhere, with a surrogate gradient."""
    output = ops.cast(excess > 0, excess.dtype)
    primitive = _PRIMITIVES[surrogate]
    if primitive is None:
        return output
    # The difference is exactly 0, so it adds the gradient of the primitive and no value.
    value = primitive(excess)
    return output + (value - ops.stop_gradient(value))
