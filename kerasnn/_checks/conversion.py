"""Conversion of users' containers of numbers to NumPy arrays."""

from typing import Any

import numpy as np

from kerasnn._checks.arguments import is_split
from kerasnn._checks.errors import InvalidArgument


def refuse_masked(name: str, data: Any) -> None:
    """Raises if a NumPy masked array, or a list of them, has masked entries.

    `np.asarray` returns what lies below the mask, such as -9999, as if it were data.
    """
    if isinstance(data, dict):
        for key, value in data.items():
            refuse_masked(f"{name}[{key!r}]", value)
        return
    masked = _masked_entries(data)
    if masked:
        entries = "1 masked entry" if masked == 1 else f"{masked} masked entries"
        raise InvalidArgument(
            name,
            "hold a value everywhere",
            data,
            "Drop those rows, or fill them in with `.filled(value)`.",
            got=f"a masked array with {entries}",
        )


def plain(name: str, data: Any) -> Any:
    """Returns Arrow and torch data as NumPy arrays, and anything else as it is.

    Args:
        name: Name of the data in errors.
        data: The data that the user gave.

    Raises:
        InvalidArgument: If entries are masked, or the container cannot be read.
    """
    refuse_masked(name, data)
    try:
        return _plain(data)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _unreadable(name, data, error) from error


def as_array(name: str, data: Any) -> np.ndarray:
    """Returns rows as a NumPy array of numbers or text.

    Args:
        name: Name of the data in errors.
        data: An array, tensor, data frame, Arrow array or table, or a list.

    Raises:
        InvalidArgument: If it cannot be read as one array, or entries are masked or no numbers.
    """
    data = plain(name, data)
    if hasattr(data, "to_numpy"):
        data = data.to_numpy()
    try:
        array = np.asarray(data)
    except (TypeError, ValueError, RuntimeError) as error:
        if "inhomogeneous" in str(error):
            raise _ragged(name, data) from None
        raise _unreadable(name, data, error) from error
    if array.dtype.names:
        raise InvalidArgument(
            name,
            "be an array with one type of number",
            data,
            "Choose the fields and stack them: "
            f"`np.stack([{name}[field] for field in fields], axis=-1)`.",
            got=f"a record array with the fields {', '.join(map(repr, array.dtype.names))}",
        )
    if array.dtype.kind == "V":
        # bfloat16 and its like are no kinds of number to NumPy.
        try:
            array = array.astype(np.float32)
        except (TypeError, ValueError) as error:
            raise _unreadable(name, data, error) from error
    return _numbers(name, data, array) if array.dtype == object else array


def no_rows(name: str, data: Any) -> InvalidArgument:
    """Returns the error for a single value in the place of an array of rows."""
    hint = "Convert it to a dense array, or give a `tf.data.Dataset` of batches."
    got = f"a {type(data).__name__}"
    if is_split(data):
        hint = "Give its parts: `x_train` and `y_train` to train, `x_test` and `y_test` to test."
    elif any(base.__name__ == "Model" for base in type(data).__mro__):
        hint = "Give its predictions, `model.predict(x)`, where they are asked for."
    elif isinstance(data, str):
        hint, got = f"For one row give `[{name}]`.", f"the text {data!r}"
    elif isinstance(data, (int, float, complex, np.generic)):
        hint, got = "", f"the number {data}"
    return InvalidArgument(name, "be an array of rows", data, hint, got=got)


def _numbers(name: str, data: Any, array: np.ndarray) -> np.ndarray:
    """Returns an array of objects as numbers, if all of them are."""
    if array.ndim == 0:
        raise no_rows(name, data)
    entries = array.ravel().tolist()
    if any(isinstance(v, (list, tuple, np.ndarray)) for v in entries):
        if _shapes(entries) != 1:
            raise _ragged(name, entries)
        return np.stack(entries)
    if all(isinstance(v, (int, float, np.number, np.bool_)) for v in entries):
        return array.astype(np.float64)
    return array


def _plain(data: Any) -> Any:
    if isinstance(data, (list, tuple)) and any(map(_is_foreign, data)):
        return [_plain(item) for item in data]
    if not _is_foreign(data):
        return data
    if hasattr(data, "detach"):
        data = data.detach().cpu()
        # NumPy has no bfloat16 of its own.
        return (data.float() if str(data.dtype) == "torch.bfloat16" else data).numpy()
    if hasattr(data, "columns"):
        return np.stack([_plain(column) for column in data.columns], axis=-1)
    # Booleans and columns with nulls take other room in Arrow than in NumPy.
    return data.to_numpy(zero_copy_only=False)


def _is_foreign(data: Any) -> bool:
    """Whether data is a torch tensor, or an array or a table of Arrow."""
    package = type(data).__module__.partition(".")[0]
    return (
        hasattr(data, "detach")
        if package == "torch"
        else (package == "pyarrow" and (hasattr(data, "to_numpy") or hasattr(data, "columns")))
    )


def _masked_entries(data: Any) -> int:
    if isinstance(data, np.ma.MaskedArray):
        return int(np.ma.count_masked(data))
    if isinstance(data, (list, tuple)):
        kinds = (np.ma.MaskedArray, list, tuple)
        return sum(_masked_entries(item) for item in data if isinstance(item, kinds))
    return 0


def _ragged(name: str, rows: Any) -> ValueError:
    """Returns the error for rows of different lengths, with the padding that suits them."""
    kinds = _kinds(rows)
    if kinds & set("US"):
        hint = (
            "Join the words of each row to one text, and split it inside the model with "
            "`keras.layers.TextVectorization`, as `kerasnn.models.text` does."
        )
    else:
        whole = kinds <= set("biu")
        indices = ", or for indices v=0 and `Embedding(..., mask_zero=True)`" if whole else ""
        hint = (
            f"Pad with a `v` that no row holds, `{name}, mask = kerasnn.data.pad({name}, "
            f"mask_value=v)`, and have the padding masked: "
            f"`models.rnn(..., mask_value=v)` or `keras.layers.Masking(v)`{indices}."
        )
    return InvalidArgument(
        name, "have rows of one length", rows, hint, got="rows of different lengths"
    )


def _kinds(rows: Any) -> set[str]:
    """Returns the kinds of NumPy's types that rows hold."""
    try:
        return {np.asarray(row).dtype.kind for row in rows}
    except ValueError:
        return set().union(*(_kinds(row) for row in rows))


def _shapes(rows: list[Any]) -> int:
    """Returns how many shapes rows have; 0 where a row has none, being ragged itself."""
    try:
        return len({np.shape(row) for row in rows})
    except ValueError:
        return 0


def _unreadable(name: str, data: Any, error: Exception) -> ValueError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return InvalidArgument(
        name,
        "be an array, or be readable by NumPy as one",
        data,
        "Convert it to a NumPy array of numbers.",
        got=f"a {type(data).__name__}, for which NumPy reports: {lines[0]}",
    )
