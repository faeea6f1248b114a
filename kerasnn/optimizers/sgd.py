"""Stochastic gradient descent with the semantics of torch, and a proximal L1 step."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasnn import _checks
from kerasnn.schedules import OneCycle


@keras.saving.register_keras_serializable("kerasnn")
class SGD(keras.optimizers.Optimizer):
    """Stochastic gradient descent that takes the same steps as `torch.optim.SGD`.

    Update of a weight w by its gradient g with learning rate r; b is its momentum buffer:

        g = -g                               with `maximize`
        g = g + weight_decay * w
        b = g at the first gradient, momentum * b + (1 - dampening) * g afterwards
        g = g + momentum * b                 with `nesterov`, else g = b
        w = w - r * g
        w = sign(w) * max(abs(w) - r * l1, 0)    on kernels

    The last line is the proximal step of l1 * sum(abs(w)). It gives exact zeros, as the LASSO
    does, while the gradient of an L1 penalty only comes near zero. It is part of the momentum,
    so that momentum converges to the same weights, but faster; with dampening, to those of
    l1 / (1 - dampening). Kernels are the variables named `kernel`, as for Keras's
    `kernel_regularizer`: neither biases nor the weights of `BatchNormalization`.

    Keras's own SGD differs: its weight decay is decoupled; its buffer holds steps instead of
    gradients, so that a change of the rate takes effect late; it has no dampening; and where a
    row of an embedding occurs twice in a batch, it clips both gradients, not their sum.

    Args:
        learning_rate: Number, Keras schedule or callable. Momentum follows a
            `kerasnn.schedules.OneCycle`.
        momentum: Factor of the buffer in each step, at least 0.
        dampening: Fraction by which each gradient after the first is reduced in the buffer.
        weight_decay: Factor of the penalty weight_decay / 2 * sum(w ** 2), at least 0, on all
            weights that `exclude_from_weight_decay` does not name.
        nesterov: Whether to use Nesterov momentum; needs momentum above 0 and dampening 0.
        maximize: Whether to maximise the loss.
        l1: Factor of the L1 penalty in the proximal step, at least 0.
        name: Name of the optimizer; by default Keras gives one.
        clipnorm: Maximum norm of each gradient.
        clipvalue: Maximum absolute value in a gradient.
        global_clipnorm: Maximum norm of all gradients together.
        use_ema: Whether to keep a moving average of the weights. The average of a weight that is
            sometimes 0 is not 0.
        ema_momentum: Factor of the old average at each update.
        ema_overwrite_frequency: Number of steps after which the average replaces the weights.
        loss_scale_factor: Factor by which the loss is multiplied.
        gradient_accumulation_steps: Number of batches per step.

    Raises:
        InvalidArgument: If a number is out of its range, or `nesterov` is used without momentum
            or with dampening, as in torch.
        TypeError: If an argument is unknown.

    Example:
        >>> w = keras.Variable([1.0])
        >>> SGD(0.1, momentum=0.9, weight_decay=0.5).apply([keras.ops.array([0.0])], [w])
        >>> w.numpy()
        array([0.95], dtype=float32)

    Reference:
        Polyak (1964), doi:10.1016/0041-5553(64)90137-5. Nesterov's form: Sutskever et al.
        (2013), On the importance of initialization and momentum in deep learning. Proximal
        step: Beck & Teboulle (2009), doi:10.1137/080716542; with momentum: Ochs et al. (2014),
        arXiv:1404.4805.
    """

    @_checks.known_arguments
    def __init__(
        self,
        learning_rate: Any = 0.01,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        maximize: bool = False,
        l1: float = 0.0,
        name: str | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
    ) -> None:
        if not callable(learning_rate):
            _checks.number("learning_rate", learning_rate, at_least=0)
            learning_rate = float(learning_rate)
        _checks.number("momentum", momentum, at_least=0)
        _checks.number("dampening", dampening)
        _checks.number("weight_decay", weight_decay, at_least=0)
        _checks.number("l1", l1, at_least=0)
        _checks.boolean("nesterov", nesterov)
        _checks.boolean("maximize", maximize)
        _checks.boolean("use_ema", use_ema)
        _checks.number("ema_momentum", ema_momentum, at_least=0, at_most=1)
        for argument, value in (
            ("clipnorm", clipnorm),
            ("clipvalue", clipvalue),
            ("global_clipnorm", global_clipnorm),
            ("loss_scale_factor", loss_scale_factor),
        ):
            if value is not None:
                _checks.number(argument, value, above=0, hint="To switch it off, use None.")
        if ema_overwrite_frequency is not None:
            _checks.integer("ema_overwrite_frequency", ema_overwrite_frequency)
        if gradient_accumulation_steps is not None:
            hint = "For one step per batch, use None."
            _checks.integer(
                "gradient_accumulation_steps", gradient_accumulation_steps, at_least=2, hint=hint
            )
        if nesterov and (momentum == 0 or dampening != 0):
            raise _checks.InvalidArgument(
                "nesterov",
                "be False without momentum or with dampening",
                nesterov,
                "Use, for example, momentum=0.9 and dampening=0, or leave out `nesterov`.",
                got=f"nesterov=True with momentum={momentum!r} and dampening={dampening!r}",
            )
        super().__init__(
            learning_rate=learning_rate,
            name=name,
            weight_decay=_plain(weight_decay),
            clipnorm=_plain(clipnorm),
            clipvalue=_plain(clipvalue),
            global_clipnorm=_plain(global_clipnorm),
            use_ema=use_ema,
            ema_momentum=_plain(ema_momentum),
            ema_overwrite_frequency=_plain(ema_overwrite_frequency),
            loss_scale_factor=_plain(loss_scale_factor),
            gradient_accumulation_steps=_plain(gradient_accumulation_steps),
        )
        self.momentum = _plain(momentum)
        self.dampening = _plain(dampening)
        self.nesterov = nesterov
        self.maximize = maximize
        self.l1 = _plain(l1)
        self.cycle = learning_rate if isinstance(learning_rate, OneCycle) else None

    @property
    def learning_rate(self) -> Any:
        """The rate of the next step. It can be set to a number or a schedule, as in Keras."""
        return super().learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        # The value of a symbolic tensor is not known yet.
        if not callable(learning_rate) and not tf.is_tensor(learning_rate):
            learning_rate = _plain(learning_rate)
            _checks.number("learning_rate", learning_rate, at_least=0)
        keras.optimizers.Optimizer.learning_rate.fset(self, learning_rate)  # type: ignore[attr-defined]
        self.cycle = learning_rate if isinstance(learning_rate, OneCycle) else None

    def build(self, variables: Any) -> None:
        """Creates the momentum buffers."""
        if self.built:
            return
        super().build(variables)
        self._is_kernel = tuple(variable.name == "kernel" for variable in variables)
        if self.momentum:
            self._buffers = self.add_optimizer_variables(variables, "momentum")
        if self.momentum and self.dampening:
            # Flags: the buffer has received its first gradient. A layer may be frozen during the
            # first steps. Without dampening a buffer of zeros gives the same first update.
            self._begun = [self.add_variable((), name=f"{v.name}_begun") for v in variables]

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Updates all weights by their gradients."""
        # The gradient of an embedding is sparse, and one row may occur twice: clip the sum.
        dense = [None if each is None else tf.convert_to_tensor(each) for each in grads]
        super().apply(dense, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one weight, and its buffer."""
        index = self._get_variable_index(variable)
        gradient = ops.cast(gradient, variable.dtype)
        rate: Any = ops.cast(learning_rate, variable.dtype)
        if self.maximize:
            gradient = -gradient
        if self.weight_decay and self._use_weight_decay(variable):
            gradient = gradient + self.weight_decay * variable
        momentum: Any = self.momentum if self.cycle is None else self.cycle.momentum_at(rate)
        buffer = step = gradient
        if self.momentum:
            buffer = momentum * self._buffers[index] + self._factor(index) * gradient
            step = gradient + momentum * buffer if self.nesterov else buffer
        moved = variable - rate * step
        if self.l1 and self._is_kernel[index]:
            taken: Any = ops.clip(moved, -rate * self.l1, rate * self.l1)
            moved = moved - taken
            # Adds the proximal step to the buffer. Otherwise momentum would amplify the gradient
            # but not the penalty.
            taken = tf.math.divide_no_nan(taken, rate)
            if self.nesterov:
                taken = tf.math.divide_no_nan(taken, momentum)
            buffer = buffer + taken
        if self.momentum:
            self.assign(self._buffers[index], buffer)
        self.assign(variable, moved)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        names = ("momentum", "dampening", "nesterov", "maximize", "l1")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _factor(self, index: int) -> Any:
        """Returns the factor of a gradient in its buffer."""
        if not self.dampening:
            return 1.0
        begun = self._begun[index]
        begun_before: Any = ops.cast(begun, self._buffers[index].dtype)
        factor = 1 - self.dampening * begun_before
        self.assign(begun, 1)
        return factor

    def _apply_weight_decay(self, variables: Any) -> None:
        """Does nothing: the decay is part of the gradient; in Keras it is a separate step."""


def _plain(number: Any) -> Any:
    """Returns a NumPy scalar as Python's: its dtype would promote that of the weights."""
    scalar = isinstance(number, (np.generic, np.ndarray)) and number.ndim == 0
    return number.item() if scalar else number
