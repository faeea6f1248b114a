"""AdamW with one kernel for each weight."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from kerasnn import _checks


@keras.saving.register_keras_serializable("kerasnn")
class AdamW(keras.optimizers.AdamW):
    """Keras's AdamW, traced and run as one operation for each weight.

    It has the arguments of `keras.optimizers.AdamW` and one more, and its weights to float32
    rounding:

    w <- w - r d w; m <- b1 m + (1 - b1) g; v <- b2 v + (1 - b2) g**2;
    w <- w - r sqrt(1 - b2**t) / (1 - b1**t) m / (sqrt(v) + epsilon)

    with the learning rate r, the weight decay d, the gradient g, and the step t from 1. Keras takes
    some twenty operations for each weight, which TensorFlow traces one by one and runs one by one.
    With `amsgrad=True`, in 16
    bits, and inside a stack of `fit_many` the operations are Keras's.

    Args:
        learning_rate: r, or a schedule.
        decay_factors: Name of a weight -> factor of its weight decay, such as `{"kernel": 1.0}`;
            all others then have none. None is 1 for all. Unlike Keras's
            `exclude_from_weight_decay` it is saved with the model.
        **kwargs: The other arguments of `keras.optimizers.AdamW`, `weight_decay` among them.

    Raises:
        InvalidArgument: If `decay_factors` is not such a dictionary.

    Example:
        >>> weight = keras.Variable([1.0])
        >>> AdamW(0.1, weight_decay=0.5).apply([keras.ops.array([2.0])], [weight])
        >>> weight.numpy().round(3)
        array([0.85], dtype=float32)

    Reference:
        Loshchilov & Hutter (2019), arXiv:1711.05101.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        learning_rate: Any = 0.001,
        *,
        decay_factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if decay_factors is not None:
            if not isinstance(decay_factors, Mapping):
                rule = "be a dictionary: name of a weight -> factor of its decay"
                raise _checks.InvalidArgument("decay_factors", rule, decay_factors)
            for name, factor in decay_factors.items():
                _checks.number(f"decay_factors[{name!r}]", factor, at_least=0)
        super().__init__(learning_rate, **kwargs)
        self.decay_factors = decay_factors

    def build(self, var_list: Any) -> None:
        """Creates the state of all weights."""
        super().build(var_list)
        self._factors = [self.decay_factor(variable.name) for variable in var_list]

    def decay_factor(self, name: str) -> float:
        """Returns the factor of the decay of weights of a name."""
        return 1.0 if self.decay_factors is None else float(self.decay_factors.get(name, 0.0))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one weight, and its state."""
        rate: Any = ops.cast(learning_rate, variable.dtype)
        index = self._get_variable_index(variable)
        decay: Any = self.weight_decay * self._factors[index]
        if decay and self._use_weight_decay(variable):
            self.assign_sub(variable, variable * (rate * decay))
        if self.amsgrad or variable.dtype != "float32" or rate.shape.rank != 0:
            super().update_step(gradient, variable, learning_rate)
            return
        iterations: Any = self.iterations
        step: Any = ops.cast(iterations + 1, "float32")
        tf.raw_ops.ResourceApplyAdam(
            var=_value(variable).handle,
            m=_value(self._momentums[index]).handle,
            v=_value(self._velocities[index]).handle,
            beta1_power=ops.power(self.beta_1, step),
            beta2_power=ops.power(self.beta_2, step),
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        factors = None if self.decay_factors is None else dict(self.decay_factors)
        return {**super().get_config(), "decay_factors": factors}

    def _apply_weight_decay(self, variables: Any) -> None:
        """Does nothing: a step evaluates the learning rate once, and decays with it."""


def _value(variable: Any) -> Any:
    """Returns TensorFlow's variable, which Keras gives to a step in place of its own."""
    return variable.value if isinstance(variable, keras.Variable) else variable
