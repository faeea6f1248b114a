"""Robust scaling that is learned once, from the training data, and saved with the model."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.layers._adaptive import AdaptiveLayer, batches


@keras.saving.register_keras_serializable("kerasnn")
class RobustScale(AdaptiveLayer):
    """Gives every feature median 0 and interquartile range 1, and bounds it smoothly.

    Forward: z = (x - median) * scale, y = z / sqrt(1 + (z / clip)**2), where scale is

    | feature                           | scale                    |
    |-----------------------------------|--------------------------|
    | its quartiles differ              | 1 / interquartile range  |
    | they are equal, its range is not 0| 2 / (maximum - minimum)  |
    | constant                          | 0, so that y = 0         |

    Outliers move neither median nor quartiles, and their own values stay within `clip`. Median and
    scale are learned by `adapt`, or by the first `fit` of kerasnn from its training rows; later
    fits leave them alone. Until then the layer is the identity. `reset` makes the next `fit` learn
    anew. Exact quartiles need all rows at once: `adapt` keeps a copy of them in memory.

    Args:
        clip: The bound, above 0; None leaves z as it is.
        skip: Positions in the last axis of columns that stay as they are: the vectors that
            `EmbedColumns` appends.

    Shape:
        `(batch, ..., features)` -> the same; all axes but the last are averaged over.

    Raises:
        InvalidArgument: If an argument is invalid, or if data to adapt to is empty, not finite,
            or of another shape, or if values that differ would be equal in float32.

    Example:
        >>> layer = RobustScale(clip=None)
        >>> layer.adapt([[0.0], [1.0], [2.0], [3.0], [100.0]])
        >>> layer(keras.ops.array([[2.0], [4.0]])).numpy()
        array([[0.], [1.]], dtype=float32)

    Reference:
        Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491.
    """

    @_checks.ends_with_caller
    def __init__(
        self, *, clip: float | None = 3.0, skip: Sequence[int] = (), **kwargs: Any
    ) -> None:
        if clip is not None:
            _checks.number("clip", clip, above=0, hint="For no bound, use None.")
        layers.check_positions("skip", skip)
        # Inputs stay as they are: casting a year to bfloat16 would lose the year.
        super().__init__(autocast=False, **kwargs)
        self.clip = clip
        self.skip = skip
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Creates median, scale, and the count of rows they come from."""
        features = layers.feature_count(self, input_shape)
        layers.check_inside("skip", self.skip, features)
        self._skipped = np.isin(np.arange(features), list(self.skip))
        # By default a layer would cast its weights even though it does not cast its inputs.
        create = {"shape": (features,), "trainable": False, "autocast": False}
        self.median = self.add_weight(name="median", initializer="zeros", **create)
        self.scale = self.add_weight(name="scale", initializer="ones", **create)
        self.count = self.add_count()

    @_checks.ends_with_caller
    def adapt(self, data: Any) -> None:
        """Learns median and scale from all of `data`.

        Args:
            data: An array-like `(batch, ..., features)`, or an iterable of batches such as a
                `tf.data.Dataset`; of a batch that is a tuple the first entry is used.

        Raises:
            InvalidArgument: If the data is empty, not finite, or does not fit the layer, or if
                values that differ would be equal in float32.
        """
        dtype = "float64" if self.variable_dtype == "float64" else "float32"
        variation, parts, rows = _checks.Variation(dtype), [], 0
        for batch, mask in batches(self.name, data):
            if not self.built:
                self.build((None, *batch.shape[1:]))
                self.built = True
            self._check(batch)
            rows += len(batch)
            values = batch.reshape(-1, batch.shape[-1]) if mask is None else batch[mask]
            if len(values):
                variation.add(values, (0,))
                parts.append(values)
        if not parts:
            rule = f"hold at least one row for `{self.name}` to adapt to"
            raise _checks.InvalidArgument("data", rule, rows, got="no rows")
        values = np.concatenate(parts).astype(np.float64)
        if not np.isfinite(values).all():
            rule = f"hold finite numbers for `{self.name}` to adapt to"
            hint = "Drop those rows, or fill them in."
            raise _checks.InvalidArgument("data", rule, data, hint, got="NaN or infinity")
        if variation.lost.any():
            raise _checks.lost_digits(self.name, variation, verb="learn from")
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        width = np.where(high > low, high - low, np.ptp(values, axis=0) / 2)
        known = width > 0
        scale = np.where(known, 1 / np.where(known, width, 1.0), 0.0)
        self._store(np.where(self._skipped, 0.0, median), np.where(self._skipped, 1.0, scale), rows)

    def reset(self) -> None:
        """Discards median and scale: the next `fit` learns them anew."""
        if self.built:
            self._store(np.zeros(self.median.shape), np.ones(self.median.shape), 0)

    def call(self, inputs: Any) -> Any:
        """Scales, and bounds."""
        x: Any = layers.real_numbers(self, inputs, self.variable_dtype)
        z: Any = (x - self.median) * self.scale
        if self.clip is not None:
            far: Any = ops.square(z / self.clip)
            free: Any = ops.logical_or(self._skipped, self.count == 0)
            squares: Any = ops.where(free, 0.0, far)
            z = z * ops.rsqrt(1 + squares)
        return ops.cast(z, self.compute_dtype)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Returns the input's shape in the dtype that `call` gives."""
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "clip": self.clip, "skip": list(self.skip)}

    def _store(self, median: np.ndarray, scale: np.ndarray, count: int) -> None:
        self.median.assign(median)
        self.scale.assign(scale)
        self.count.assign(count)

    def _check(self, batch: np.ndarray) -> None:
        features = self.median.shape[0]
        if batch.ndim < 2 or batch.shape[-1] != features or batch.dtype.kind not in "buif":
            raise _checks.InvalidArgument(
                "data",
                f"hold numbers, {features} in the last axis, for `{self.name}` to adapt to",
                batch,
                got=f"data of shape {batch.shape} and dtype {batch.dtype}",
            )
