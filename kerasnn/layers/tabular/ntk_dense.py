"""Dense layer in the neural tangent parametrisation."""

import math
import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.layers._adaptive import AdaptiveLayer, batches
from kerasnn.layers.tabular.rates import Divided, check_factor

# Rows that data-driven weights are computed from, at most.
_ROWS = 8192
# Rows whose average is the point at which a unit is 0.
_POINTS = 5
# Standard deviations below this part of the largest number are rounding errors.
_ROUNDING = 1e-6


@keras.saving.register_keras_serializable("kerasnn")
class NTKDense(AdaptiveLayer):
    """Dense layer whose kernel has entries of order one, whatever the number of inputs.

    Forward:  y = g(x W / sqrt(n) + f v), with n inputs, the kernel W and the bias b = f v
    Backward: with z = x W / sqrt(n) + f v: dz/dx = W^T / sqrt(n), dz/dW = x / sqrt(n), dz/dv = f

    In `keras.layers.Dense` the entries of a kernel are of order 1 / sqrt(n), and a step of Adam
    changes all of them by the learning rate. Here the factor 1 / sqrt(n) stands in the formula, so
    that the same learning rate suits layers of all widths, and is larger by the order of sqrt(n).
    The bias is stored divided by f = `bias_rate_factor`, which acts under Adam as a factor of its
    learning rate; see `Scale`.

    With `data_driven=True` the first `fit` of kerasnn, or `adapt`, sets the weights by the training
    rows: each column of W is divided by the standard deviation of its x W / sqrt(n), and each bias
    becomes -(x W / sqrt(n)) at a random average of 5 rows. Units then differ in where among the
    data they change, and all outputs have the same spread, also where the inputs are correlated.
    Later fits leave the weights alone; `reset` makes the next one set them again.

    Args:
        units: Number of outputs.
        activation: g, the name of a Keras activation or a function; None is linear.
        bias_rate_factor: f, above 0: the factor of the learning rate of the bias under Adam.
        kernel_initializer: Initializer of W; None is a normal distribution with deviation 1.
        bias_initializer: Initializer of b; None is a normal distribution with deviation 1.
        data_driven: Whether the first `fit` sets the weights by the training rows.
        seed: Seed of the choice of rows. The default takes one from Python's `random`, which
            `keras.utils.set_random_seed` seeds.

    Shape:
        `(batch, ..., inputs)` -> `(batch, ..., units)`.

    Raises:
        InvalidArgument: If an argument is invalid.

    Example:
        >>> layer = NTKDense(1, kernel_initializer="ones", bias_initializer="zeros")
        >>> layer(keras.ops.ones((1, 4))).numpy()
        array([[2.]], dtype=float32)

    Reference:
        Jacot, Gabriel & Hongler (2018), arXiv:1806.07572. In networks for tables, and weights by
        data: Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491; Steinwart (2019),
        arXiv:1903.11482.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        units: int,
        *,
        activation: str | Callable[[Any], Any] | None = None,
        bias_rate_factor: float = 0.1,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        data_driven: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        _checks.integer("units", units)
        _checks.boolean("data_driven", data_driven)
        seed = layers.seed_or_none(seed)
        check_factor("bias_rate_factor", bias_rate_factor)
        function = layers.from_keras("activation", keras.activations.get, activation)
        kernel, bias = (
            keras.initializers.RandomNormal(stddev=1.0)
            if given is None
            else layers.from_keras(name, keras.initializers.get, given)
            for name, given in (
                ("kernel_initializer", kernel_initializer),
                ("bias_initializer", bias_initializer),
            )
        )
        super().__init__(**kwargs)
        self.units = units
        self.activation: Any = function
        self.bias_rate_factor = bias_rate_factor
        self.kernel_initializer: Any = kernel
        self.bias_initializer: Any = bias
        self.data_driven = data_driven
        self.seed = seed
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        inputs = layers.feature_count(self, input_shape)
        self._root = math.sqrt(inputs)
        self.kernel = self.add_weight(
            name="kernel", shape=(inputs, self.units), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.units,),
            initializer=Divided(self.bias_initializer, self.bias_rate_factor),
        )
        if self.data_driven:
            self.count = self.add_count()

    @property
    def adapted(self) -> bool:
        """Whether the weights were set by data, or are not to be."""
        return not self.data_driven or super().adapted

    @_checks.ends_with_caller
    def adapt(self, data: Any) -> None:
        """Sets the weights by data; only with `data_driven=True`.

        Args:
            data: An array-like `(batch, ..., inputs)`, or an iterable of batches. Of more than
                8,192 rows every second, fourth, ... is used.

        Raises:
            InvalidArgument: If the data is empty, not finite or of another shape.
            ValueError: If the layer is not data-driven.
        """
        if not self.data_driven:
            raise ValueError(f"`{self.name}` learns from no data. Build it with data_driven=True.")
        rows, seen = self._sample(data)
        z = rows @ self.kernel.numpy().astype(np.float64) / self._root
        spread = z.std(axis=0)
        # That of a unit whose inputs do not vary is the rounding error.
        spread = np.where(spread > _ROUNDING * np.abs(z).max(axis=0), spread, 1.0)
        generator = np.random.default_rng(
            random.getrandbits(32) if self.seed is None else self.seed
        )
        chosen = generator.integers(len(z), size=(_POINTS, self.units))
        part = generator.dirichlet(np.ones(_POINTS), self.units).T
        points = (np.take_along_axis(z / spread, chosen, axis=0) * part).sum(axis=0)
        self.kernel.assign(self.kernel.numpy() / spread)
        self.bias.assign(-points / self.bias_rate_factor)
        self.count.assign(seen)

    def reset(self) -> None:
        """Makes the next `fit` set the weights anew, from those that there are."""
        if self.built and self.data_driven:
            self.count.assign(0)

    def _sample(self, data: Any) -> tuple[np.ndarray, int]:
        """Returns some rows, evenly spread over all of them, and the number of all."""
        kept: list[np.ndarray] = []
        every, seen = 1, 0
        for batch, mask in batches(self.name, data):
            if not self.built:
                self.build((None, *batch.shape[1:]))
                self.built = True
            width = self.kernel.shape[0]
            if batch.ndim < 2 or batch.shape[-1] != width or batch.dtype.kind not in "buif":
                rule = f"hold numbers, {width} in the last axis, for `{self.name}` to adapt to"
                got = f"data of shape {batch.shape} and dtype {batch.dtype}"
                raise _checks.InvalidArgument("data", rule, batch, got=got)
            rows = batch.reshape(-1, width) if mask is None else batch[mask]
            kept.append(rows[-seen % every :: every])
            seen += len(rows)
            while sum(map(len, kept)) > _ROWS:
                kept, every = [np.concatenate(kept)[::2]], 2 * every
        found = np.concatenate(kept) if kept else np.zeros((0, 0))
        if not len(found) or not np.isfinite(found).all():
            rule = f"hold finite numbers, and at least one row, for `{self.name}` to adapt to"
            raise _checks.InvalidArgument("data", rule, data, got="NaN, infinity, or no rows")
        return found.astype(np.float64), seen

    def call(self, inputs: Any) -> Any:
        """Computes the outputs."""
        inputs = layers.real_numbers(self, inputs)
        z: Any = ops.matmul(inputs, self.kernel)
        return self.activation(z / self._root + self.bias_rate_factor * self.bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape with units in the last axis."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "bias_rate_factor": self.bias_rate_factor,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "data_driven": self.data_driven,
            "seed": self.seed,
        }
