"""What a caller gives, as the arrays that a signature takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn._checks import arrays as _arrays
from kerasnn._checks import conversion as _conversion
from kerasnn.serving.runtime.c_session import Tensor


def fitted(x: Any, inputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Returns input name -> array of the input's type and shape.

    Args:
        x: Rows for the one input, or a dictionary of them by input name.
        inputs: Input name -> what it takes.

    Raises:
        ValueError: If an input lacks, is too many, or cannot be what it should.
    """
    given = x if isinstance(x, Mapping) or len(inputs) > 1 else {next(iter(inputs)): x}
    if not isinstance(given, Mapping) or given.keys() != inputs.keys():
        got = type(given).__name__
        if isinstance(given, Mapping):
            got = ", ".join(map(repr, given)) or "none"
        raise ValueError(
            f"`x` must hold rows for each of {', '.join(map(repr, inputs))}, by name; got {got}."
        )
    return {name: _fitted(name, given[name], tensor) for name, tensor in inputs.items()}


def check_finite(arrays: Mapping[str, np.ndarray]) -> None:
    """Raises where an array holds NaN or infinity, in the words of `kerasnn.Model.predict`."""
    for name, array in arrays.items():
        if array.dtype.kind in "fV" and not np.isfinite(array).all():
            _arrays.finite_range(name, array.astype(np.float64))


def strings(name: str, value: Any) -> np.ndarray:
    """Returns strings as an array of bytes objects; raises where there is anything else."""
    # NumPy's own strings drop zeros at their ends.
    array = np.asarray(value, object)
    texts = np.empty(array.size, object)
    for i, text in enumerate(array.flat):
        if not isinstance(text, (str, bytes)):
            raise ValueError(f"`{name}` must hold strings; got {text!r}.")
        try:
            texts[i] = text.encode() if isinstance(text, str) else bytes(text)
        except UnicodeEncodeError:
            raise ValueError(f"`{name}` must hold strings in UTF-8; got {text!r}.") from None
    return texts.reshape(array.shape)


def _fitted(name: str, value: Any, tensor: Tensor) -> np.ndarray:
    value = _conversion.plain(name, value)
    if tensor.dtype == object:
        array = strings(name, value)
    else:
        try:
            array = np.asarray(value)
        except (ValueError, OverflowError):
            raise ValueError(f"`{name}` must hold rows that are all of one shape.") from None
        if array.dtype != tensor.dtype:
            array = _cast(name, array, tensor.dtype)
    shape = tensor.shape
    if shape is not None and (
        array.ndim != len(shape)
        or any(size not in (None, n) for n, size in zip(array.shape, shape, strict=True))
    ):
        sizes = ["any" if size is None else str(size) for size in shape[1:]]
        wanted = f"({', '.join(['batch', *sizes])})"
        raise ValueError(
            f"`{name}` must have shape {wanted}; got {array.shape}."
            + (f" For one row give `{name}[None]`." if array.ndim + 1 == len(shape) else "")
        )
    return array


def _cast(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if array.dtype.kind in "iu" and dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        if array.size and not bounds.min <= array.min() <= array.max() <= bounds.max:
            raise ValueError(
                f"`{name}` must hold whole numbers from {bounds.min} to {bounds.max}; got "
                f"{array.min()} to {array.max()}."
            )
    elif not np.can_cast(array.dtype, dtype, "same_kind"):
        raise ValueError(f"`{name}` must hold {dtype.name}; got {array.dtype.name}.")
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    # What the caller gives as infinite may stay so; what would become so is another number.
    if dtype.kind not in "iub" and not np.array_equal(np.isfinite(cast), np.isfinite(array)):
        value = array[np.isfinite(array) & ~np.isfinite(cast)][0]
        raise ValueError(f"`{name}` must hold numbers that {dtype.name} can hold; got {value:g}.")
    return cast
