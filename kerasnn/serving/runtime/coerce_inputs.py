"""Types of a signature's inputs, and conversion of a caller's rows to them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn._checks import arrays as _arrays
from kerasnn._checks import conversion as _conversion
from kerasnn._checks.errors import InvalidArgument
from kerasnn._core import raw_rows
from kerasnn._core.raw_rows import Tensor as Tensor

#: The input of the signature that takes files of images.
FILES = "image_bytes"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """A signature of a SavedModel.

    Attributes:
        name: Its name.
        inputs: Input name -> type.
        outputs: Output name -> type.
        is_table: Whether the inputs are the columns of a table, whose values may be missing: the
            program says what becomes of NaN and of an empty text.
    """

    name: str
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    is_table: bool = False


def fitted(x: Any, inputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Returns input name -> array of the input's type and shape.

    Args:
        x: Rows for the one input, or a dictionary of them by input name.
        inputs: Input name -> its type.

    Raises:
        InvalidArgument: If an input is missing, unknown, or cannot be converted.
    """
    given = x if isinstance(x, Mapping) or len(inputs) > 1 else {next(iter(inputs)): x}
    if not isinstance(given, Mapping) or given.keys() != inputs.keys():
        got = type(given).__name__
        if isinstance(given, Mapping):
            got = ", ".join(map(repr, given)) or "none"
        names = ", ".join(map(repr, inputs))
        raise InvalidArgument("x", f"hold rows for each of {names}, by name", x, got=got)
    return {name: coerce(name, given[name], tensor) for name, tensor in inputs.items()}


def rows_of(x: Any, signature: Signature, *, allow_nan: bool = False) -> dict[str, np.ndarray]:
    """Returns input name -> array of a caller's rows, as the signature takes them.

    Args:
        x: Rows for the one input, or a dictionary of them by input name. For a table, columns by
            name in any of the forms of `raw_rows.columns_of`.
        signature: The signature.
        allow_nan: Whether numbers may be NaN; for a table they may.

    Raises:
        InvalidArgument: If an input is missing, unknown, or cannot be converted; if a number is
            infinite, or, where the signature is of no table, NaN.
    """
    if signature.is_table:
        return fitted(raw_rows.columns_of(x, signature.inputs), signature.inputs)
    arrays = fitted(x, signature.inputs)
    check_finite(arrays, allow_nan=allow_nan)
    return arrays


def check_finite(arrays: Mapping[str, np.ndarray], *, allow_nan: bool = False) -> None:
    """Raises where an array holds infinity, or NaN unless allowed, as `Model.predict` does."""
    for name, array in arrays.items():
        if array.dtype.kind in "fV" and not np.isfinite(array).all():
            values = array.astype(np.float64)
            _arrays.finite_range(
                name, np.where(np.isnan(values), 0, values) if allow_nan else values
            )


def strings(name: str, value: Any) -> np.ndarray:
    """Returns strings as an array of bytes objects; raises where there is anything else."""
    # NumPy's own strings drop zeros at their ends.
    array = np.asarray(value, object)
    texts = np.empty(array.size, object)
    for i, text in enumerate(array.flat):
        if not isinstance(text, (str, bytes)):
            raise InvalidArgument(name, "hold strings", text, got=repr(text))
        try:
            texts[i] = text.encode() if isinstance(text, str) else bytes(text)
        except UnicodeEncodeError:
            raise InvalidArgument(name, "hold strings in UTF-8", text, got=repr(text)) from None
    return texts.reshape(array.shape)


def coerce(name: str, value: Any, tensor: Tensor) -> np.ndarray:
    """Returns rows as an array of the type and shape of `tensor`; `name` is for errors."""
    value = _conversion.plain(name, value)
    if tensor.dtype == object:
        array = strings(name, value)
        # Of an image's bytes, and not of a text, whose input has another name.
        if name == FILES and any(isinstance(each, str) for each in np.asarray(value, object).flat):
            raise InvalidArgument(
                name,
                "hold the bytes of image files",
                value,
                "Read each file: `pathlib.Path(file).read_bytes()`.",
                got="text, such as a path",
            )
    else:
        try:
            array = np.asarray(value)
        except (ValueError, OverflowError):
            steps = (tensor.shape or (None, None))[1:2]
            given = f", maxlen={steps[0]}" if steps and steps[0] else ""
            raise InvalidArgument(
                name,
                "hold rows that are all of one shape",
                value,
                f"Pad sequences to one length, as in training: `kerasnn.data.pad(rows{given})`.",
                got=f"a {type(value).__name__} of others",
            ) from None
        if array.dtype != tensor.dtype:
            array = _cast(name, array, tensor.dtype)
    shape = tensor.shape
    if shape is not None and (
        array.ndim != len(shape)
        or any(size not in (None, n) for n, size in zip(array.shape, shape, strict=True))
    ):
        sizes = ["any" if size is None else str(size) for size in shape[1:]]
        hint = _arrays.past_steps(name, array.shape, shape)
        if array.shape == shape[1:]:
            row = f"[{name}]" if tensor.dtype == object else f"{name}[None]"
            hint = f"For one row give `{row}`."
        raise InvalidArgument(
            name,
            f"have shape ({', '.join(['batch', *sizes])})",
            array.shape,
            hint,
            got=str(array.shape),
        )
    return array


def _cast(name: str, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if array.dtype.kind in "iu" and dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        if array.size and not bounds.min <= array.min() <= array.max() <= bounds.max:
            got = f"{array.min()} to {array.max()}"
            rule = f"hold integers from {bounds.min} to {bounds.max}"
            raise InvalidArgument(name, rule, array, got=got)
    elif not np.can_cast(array.dtype, dtype, "same_kind"):
        raise InvalidArgument(name, f"hold {dtype.name}", array, got=_arrays.values_of(array))
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    # Infinities of the caller stay; a finite number must not become one.
    if dtype.kind not in "iub" and not np.array_equal(np.isfinite(cast), np.isfinite(array)):
        value = array[np.isfinite(array) & ~np.isfinite(cast)][0]
        rule = f"hold numbers that {dtype.name} can hold"
        raise InvalidArgument(name, rule, value, got=f"{value:g}")
    return cast
