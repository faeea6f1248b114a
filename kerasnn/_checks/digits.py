"""Checks that a cast to Keras's float type keeps the differences between numbers."""

from collections.abc import Iterable

import numpy as np

from kerasnn._checks.errors import InvalidArgument

# Rounding errors above this part of a column's deviation are refused: the type then has fewer
# than 15 values within one standard deviation.
_LOST = 0.02
# Deviations below this part of the mean are the roundoff of float64, not what was measured.
_ROUNDOFF = 1e-13
_SAMPLE_NUMBERS = 1 << 15
_SAMPLE_ROWS = 256
_CHUNK_BYTES = 1 << 22


def may_round(array: np.ndarray, dtype: str) -> bool:
    """Whether a cast to `dtype` may change numbers of the array's type."""
    kept = np.finfo(dtype).nmant + 1
    if array.dtype.kind == "f":
        return np.finfo(array.dtype).nmant + 1 > kept
    return array.dtype.kind in "iu" and 8 * array.dtype.itemsize > kept


class Variation:
    """Mean, variance and rounding error by column, merged batch by batch.

    Args:
        dtype: The type that the numbers will be cast to.

    Attributes:
        count: Numbers of each column.
        mean: Mean of each column, in float64, of the shape of a batch with size 1 on the axes
            that are averaged.
        squares: Sum of the squared deviations from it.

    Reference:
        Chan, Golub & LeVeque (1983), doi:10.1080/00031305.1983.10483115.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.count = self.mean = self.squares = np.zeros(())
        self._errors = np.zeros(())
        self._whole = np.ones((), bool)

    # Of infinity and NaN, which are refused with their place, NumPy would warn besides.
    @np.errstate(over="ignore", invalid="ignore")
    def add(self, batch: np.ndarray, axes: tuple[int, ...], mask: np.ndarray | None = None) -> None:
        """Adds a batch.

        Args:
            batch: Numbers.
            axes: The axes to average over.
            mask: Which numbers count, with an axis less or of the batch's shape; None for all.
        """
        kept = None
        if mask is not None:
            kept = mask.reshape(mask.shape + (1,) * (batch.ndim - mask.ndim))
            kept = np.broadcast_to(kept, batch.shape)
            batch = np.where(kept, batch, np.zeros((), batch.dtype))
        rounds = may_round(batch, self.dtype)
        exact = not may_round(batch, "float64") or _fits(batch, "float64")
        values = batch.astype(np.float64 if exact else np.longdouble)
        if kept is None:
            n = np.full((), values.size // max(1, _size(values, axes)))
        else:
            n = kept.sum(axis=axes, keepdims=True)
        if rounds:
            error = values - values.astype(self.dtype)
            self._errors = self._errors + _sum(error**2, axes)
            self._whole = self._whole & (values == np.floor(values)).all(axis=axes, keepdims=True)
        mean = _sum(values, axes) / np.maximum(n, 1)
        values -= mean
        if kept is not None:
            values *= kept
        squares = _sum(np.square(values, out=values), axes)
        total = self.count + n
        weight = n / np.maximum(total, 1)
        delta = mean - self.mean
        self.mean = self.mean + delta * weight
        self.squares = self.squares + squares + delta**2 * (self.count * weight)
        self.count = total

    @property
    def variance(self) -> np.ndarray:
        """Variance of each column, 0 where there are no numbers."""
        return self.squares / np.maximum(self.count, 1)

    @property
    def lost(self) -> np.ndarray:
        """Which columns lose a relevant part of their variation in the cast."""
        deviation = np.sqrt(self.variance)
        error = np.sqrt(self._errors / np.maximum(self.count, 1))
        roundoff = np.where(self._whole, 1e-15, _ROUNDOFF) * np.abs(self.mean)
        return (error > _LOST * deviation) & (deviation > roundoff)

    def loss(self) -> str:
        """Describes the loss of the first column that is lost, for an error."""
        index = tuple(np.argwhere(self.lost)[0])
        mean = float(self.mean[index])
        step = float(np.spacing(np.asarray(abs(mean), self.dtype)))
        return (
            f"a standard deviation of {float(np.sqrt(self.variance[index])):.3g} around "
            f"{mean:.10g}, where {self.dtype} has steps of {step:.3g}"
        )


def digits(name: str, array: np.ndarray, dtype: str) -> None:
    """Raises if a column's values differ by what a cast to `dtype` drops.

    Rounding errors are compared with the column's standard deviation; and of integers at equal
    distances in the column, three quarters have to stay different. Some rows are looked at first:
    all are where these raise a doubt.

    Args:
        name: Name of the array in the error.
        array: Finite numbers, `(batch, ..., columns)` or `(batch,)`.
        dtype: Keras's float type.
    """
    if not may_round(array, dtype):
        return
    rows = array[:: _step(len(array), max(2, _SAMPLE_NUMBERS // max(1, array[:1].size)))]
    sample = _columns(rows)
    if array.dtype.kind in "iu" and _fits(sample, dtype):
        return
    suspects = np.flatnonzero(_variation([sample], dtype).lost | _merge(sample, dtype))
    for column in suspects:
        whole = array if array.ndim == 1 else array[..., column]
        size = max(1, _CHUNK_BYTES // max(1, whole[:1].nbytes))
        parts = (whole[i : i + size].reshape(-1, 1) for i in range(0, len(whole), size))
        if _variation(parts, dtype).lost.any() or _merge(_columns(whole.ravel()), dtype).any():
            before = len(np.unique(whole))
            after = len(np.unique(whole.astype(dtype)))
            if after == before:
                continue  # Few values, which all stay apart.
            where = "" if sample.shape[1] == 1 else f" in column {column}"
            raise InvalidArgument(
                name,
                f"have values that stay different in {dtype}, which the model computes in",
                before - after,
                lost_digits_hint(dtype),
                got=f"{before} different values{where}, of which {dtype} keeps {after}",
            )


def lost_digits(
    name: str, variation: Variation, hint: str = "", *, verb: str = "hold"
) -> InvalidArgument:
    """Returns the error of a column that a type cannot keep.

    Args:
        name: Name of the column, or of the layer that learns from it.
        variation: The variation of its columns, one of which is lost.
        hint: What else can be done.
        verb: What it does with the values.
    """
    return InvalidArgument(
        name,
        f"{verb} values that stay different in {variation.dtype}",
        variation,
        f"{lost_digits_hint(variation.dtype)} {hint}".rstrip(),
        got=variation.loss(),
    )


def lost_digits_hint(dtype: str) -> str:
    """Returns the hint on digits that a type drops."""
    text = "Subtract an offset, such as the least value; of a target, add it to the predictions."
    if dtype == "float64":
        return text
    return (
        f"{text} Or compute in float64: call `keras.config.set_floatx('float64')` and "
        "`keras.config.set_dtype_policy('float64')` before the model is built."
    )


def _variation(parts: Iterable[np.ndarray], dtype: str) -> Variation:
    variation = Variation(dtype)
    for part in parts:
        variation.add(part, (0,))
    return variation


def _columns(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, 1 if array.ndim == 1 else array.shape[-1])


def _step(rows: int, most: int) -> int:
    return -(-rows // most)


def _fits(array: np.ndarray, dtype: str) -> bool:
    most = 2 ** (np.finfo(dtype).nmant + 1)
    return bool(array.min() >= -most and array.max() <= most)


def _merge(array: np.ndarray, dtype: str) -> np.ndarray:
    """Returns in which columns of integers more than a quarter of different values merge."""
    rows = np.sort(array[:: _step(len(array), _SAMPLE_ROWS)], axis=0)
    kept = rows.astype(dtype)
    before, after = ((a[1:] != a[:-1]).sum(axis=0) + 1 for a in (rows, kept))
    return (4 * after < 3 * before) & (rows == np.floor(rows)).all(axis=0)


def _size(values: np.ndarray, axes: tuple[int, ...]) -> int:
    return int(np.prod([n for a, n in enumerate(values.shape) if a not in axes]))


def _sum(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return values.sum(axis=axes, keepdims=True).astype(np.float64)
