"""Standardisation that is learned once, from the training data, and saved with the model."""

import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.layers._adaptive import AdaptiveLayer, batches


@keras.saving.register_keras_serializable("kerasnn")
class Standardize(AdaptiveLayer):
    """Gives every feature mean 0 and variance 1.

    Forward: y = (x - mean) / sqrt(variance), and y = 0 where the feature is constant
             y = x * sqrt(variance) + mean    with `invert=True`
             y = sign(z) * c * (1 + log(abs(z) / c)) where abs(z) > c, with `compress=c` and z the
             standardised value

    Mean and variance are learned by `adapt`, or by the first `fit` of kerasnn from its
    training rows; later fits leave them alone, and warn where a feature that was constant then
    varies now, since the layer makes it 0. Until they are learned the layer is the identity. A
    later `adapt` learns anew; `reset` makes the next `fit` learn anew. They are computed in
    float64, and applied in the layer's variable dtype also under mixed precision, so that a large
    mean costs no digits. A feature counts as constant where its standard deviation is below the
    resolution of float32 at its mean.

    Targets keep their units in the loss, and its gradients grow with the square of them: `fit`
    warns of a standard deviation below 1e-4 or above 1e7.

    Args:
        axis: The axis or axes with statistics for each index; all others are averaged over.
        invert: Whether to undo the standardisation: multiply by the standard deviation and add
            the mean. As the last layer it learns from the targets, so that the network works on
            numbers of order one and still predicts in the target's units.
        skip: Positions in the last axis of columns that stay as they are: the vectors that
            `EmbedColumns` appends. Only with `axis=-1`.
        compress: Number of standard deviations, above 0, beyond which values grow by their
            logarithm only. The function is smooth and strictly increasing. A feature that is
            nearly always the same may be forty standard deviations off where it is not, and
            dominate all others. None leaves all values as they are.

    Shape:
        `(batch, ..., features)` -> the same.

    Raises:
        InvalidArgument: If an argument is invalid, or if data to adapt to is empty, not finite,
            or of another shape.
        ValueError: If means or variances do not fit into float32.

    Example:
        >>> layer = Standardize()
        >>> layer.adapt([[1.0, 7.0], [3.0, 7.0]])
        >>> layer(keras.ops.array([[1.0, 7.0], [3.0, 7.0]])).numpy()
        array([[-1., 0.], [ 1., 0.]], dtype=float32)

    Reference:
        Chan, Golub & LeVeque (1983), doi:10.1080/00031305.1983.10483115: the merging of means
        and variances in one pass. Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491:
        networks for tables gain by smooth bounds on standardised inputs, from three on.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        *,
        invert: bool = False,
        skip: Sequence[int] = (),
        compress: float | None = None,
        **kwargs: Any,
    ) -> None:
        axes = axis if isinstance(axis, Sequence) and axis else [axis]
        if not all(isinstance(a, numbers.Integral) and not isinstance(a, bool) for a in axes):
            raise _checks.InvalidArgument("axis", "be an integer or a sequence of integers", axis)
        _checks.boolean("invert", invert)
        if compress is not None:
            _checks.number(
                "compress", compress, above=0, hint="To leave values as they are, use None."
            )
            if invert:
                raise _checks.InvalidArgument("compress", "be None with `invert=True`", compress)
        layers.check_positions("skip", skip)
        if skip and list(axes) != [-1]:
            raise _checks.InvalidArgument("skip", "be empty unless `axis` is -1", skip)
        # Inputs stay as they are: casting a year to bfloat16 would lose the year.
        super().__init__(autocast=False, **kwargs)
        self.axis = axis
        self.invert = invert
        self.skip = skip
        self.compress = compress
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Creates mean, variance, and the count of rows they come from."""
        rank = len(input_shape)
        axes = np.atleast_1d(self.axis).tolist()
        kept = {a % rank for a in axes}
        exist = all(-rank <= a < rank for a in axes)
        if not exist or 0 in kept or any(input_shape[a] is None for a in kept):
            raise _checks.InvalidArgument(
                "axis",
                "name axes of fixed size other than the batch axis",
                self.axis,
                got=f"axis={self.axis} for inputs of shape {tuple(input_shape)}",
            )
        self.input_spec = keras.layers.InputSpec(
            ndim=rank, axes={a: input_shape[a] for a in sorted(kept)}
        )
        layers.check_inside("skip", self.skip, input_shape[-1])
        self._averaged = tuple(a for a in range(rank) if a not in kept)
        features = input_shape[-1] if self.skip else 1
        self._skipped = np.isin(np.arange(features), list(self.skip))
        shape = tuple(input_shape[a] if a in kept else 1 for a in range(rank))
        # By default a layer would cast its weights even though it does not cast its inputs.
        create = {"shape": shape, "trainable": False, "autocast": False}
        self.mean = self.add_weight(name="mean", initializer="zeros", **create)
        self.variance = self.add_weight(name="variance", initializer="ones", **create)
        self.count = self.add_count()

    def reset(self) -> None:
        """Discards mean and variance: the next `fit` learns them anew."""
        if self.built:
            self._store(np.zeros(self.mean.shape), np.ones(self.mean.shape), 0)

    @property
    def learns_targets(self) -> bool:
        """Whether it learns from the targets, not from its inputs."""
        return self.invert

    def inverse(self) -> "Standardize":
        """Returns an adapted layer that undoes this one.

        A constant feature is restored as its mean.

        Raises:
            ValueError: If this layer has learned nothing yet, or compresses.
        """
        if self.compress is not None:
            raise ValueError(
                f"`{self.name}` compresses beyond {self.compress:g} standard deviations, and has "
                "no inverse. Build it with compress=None."
            )
        if not self.adapted:
            raise ValueError(
                f"`{self.name}` has learned no mean and variance, and has no inverse. Call "
                "`adapt` first."
            )
        other = Standardize(
            self.axis, invert=not self.invert, skip=self.skip, dtype=self.dtype_policy
        )
        shape = [
            size if i not in self._averaged else None for i, size in enumerate(self.mean.shape)
        ]
        other.build(tuple(shape))
        other.set_weights(self.get_weights())
        return other

    @_checks.ends_with_caller
    def adapt(self, data: Any) -> None:
        """Learns mean and variance from all of `data`, in one pass.

        Args:
            data: An array-like `(batch, ..., features)`, or an iterable of batches such as a
                `tf.data.Dataset`; of a batch that is a tuple the first entry is used. Of a
                tensor with a Keras mask, as in `adapt(keras.layers.Masking()(x))`, only what the
                mask keeps is used.

        Raises:
            InvalidArgument: If the data is empty, masked as a whole, not finite, or of another
                shape or type than the layer's inputs, if values that differ would be equal in
                float32, or if mean or variance do not fit into float32.
        """
        # NumPy has no bfloat16, and data comes in float32 at least.
        dtype = "float64" if self.variable_dtype == "float64" else "float32"
        variation = _checks.Variation(dtype)
        rows = 0
        for batch, mask in batches(self.name, data):
            if not self.built:
                self.build((None, *batch.shape[1:]))
                self.built = True
            self._check(batch)
            rows += batch.shape[0]
            if batch.shape[0] > 0:
                variation.add(batch, self._averaged, mask)
        mean, variance = variation.mean, variation.variance
        if rows == 0 or not np.any(variation.count):
            got = "data that is masked as a whole" if rows else "no rows"
            rule = f"hold at least one row for `{self.name}` to adapt to"
            raise _checks.InvalidArgument("data", rule, rows, got=got)
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            raise _checks.InvalidArgument(
                "data",
                f"hold finite numbers for `{self.name}` to adapt to",
                mean,
                "Drop those rows, or fill them in.",
                got="NaN or infinity",
            )
        mean, variance = np.where(self._skipped, 0.0, mean), np.where(self._skipped, 1.0, variance)
        resolution = np.finfo(dtype).eps * np.abs(mean)
        variance = np.where(variance <= resolution**2, 0.0, variance)
        _check_range(self.name, mean, variance)
        if variation.lost.any():
            raise _checks.lost_digits(self.name, variation, verb="learn from")
        self._store(mean, variance, rows)

    def call(self, inputs: Any) -> Any:
        """Standardises, or undoes it."""
        x: Any = layers.real_numbers(self, inputs, self.variable_dtype)
        deviation: Any = ops.sqrt(self.variance)
        if self.invert:
            # The targets' units are kept in full precision: they feed the loss.
            return x * deviation + self.mean
        known = self.variance > 0
        divisor: Any = ops.where(known, deviation, 1.0)
        scale = ops.where(known, 1 / divisor, 0.0)
        z: Any = (x - self.mean) * scale
        if self.compress is not None:
            compressed = self._compressed(z)
            z = ops.where(self._skipped, z, compressed) if self.skip else compressed
        return ops.cast(z, self.compute_dtype)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Returns the input's shape in the dtype that `call` gives."""
        dtype = self.variable_dtype if self.invert else self.compute_dtype
        return keras.KerasTensor(inputs.shape, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "skip": list(self.skip),
            "compress": self.compress,
        }

    def _compressed(self, z: Any) -> Any:
        c: Any = self.compress
        size: Any = ops.abs(z)
        log: Any = ops.log(ops.maximum(size / c, 1.0))
        far = ops.logical_and(size > c, self.count > 0)
        return ops.where(far, ops.sign(z) * c * (1 + log), z)

    def _store(self, mean: np.ndarray, variance: np.ndarray, count: int) -> None:
        self.mean.assign(mean)
        self.variance.assign(variance)
        self.count.assign(count)

    def _check(self, batch: np.ndarray) -> None:
        kept = self.mean.shape
        fits = len(batch.shape) == len(kept) and all(
            a in self._averaged or size == kept[a] for a, size in enumerate(batch.shape)
        )
        if not fits or batch.dtype.kind not in "buif":
            raise _checks.InvalidArgument(
                "data",
                f"hold numbers that fit the statistics of `{self.name}`, of shape {kept}",
                batch,
                got=f"data of shape {batch.shape} and dtype {batch.dtype}",
            )


def _check_range(name: str, mean: np.ndarray, variance: np.ndarray) -> None:
    limits = np.finfo(np.float32)
    for what, values, outside in (
        (
            "standard deviation",
            np.sqrt(variance),
            ((variance > 0) & (variance < limits.tiny)) | (variance > limits.max),
        ),
        ("mean", mean, np.abs(mean) > limits.max),
    ):
        if outside.any():
            place = np.argwhere(outside)[0]
            raise _checks.InvalidArgument(
                "data",
                "have means below 3.4e38 and standard deviations from 1.1e-19 to 1.8e19, which "
                f"`{name}` can keep in float32",
                values[tuple(place)],
                "Measure that feature in another unit.",
                got=f"a {what} of {values[tuple(place)]:.1e} in feature {place[-1]}",
            )
