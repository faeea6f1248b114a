"""Checks of targets against the output and the loss."""

from typing import Any

import numpy as np

from kerasnn._checks.arrays import LIMIT, class_labels, finite_range, numbers_only, position
from kerasnn._checks.errors import InvalidArgument
from kerasnn._checks.structures import align, flatten, is_nested, match, shown

# Numbers above are hardly those of classes.
_MANY_CLASSES = 50


def kind_of(loss: Any) -> str:
    """Returns the kind of targets of a loss: classes, one-hot, binary, counts, or real."""
    from keras import losses

    try:
        known = losses.get(loss)
    except ValueError:
        return "custom"
    if getattr(known, "ignore_class", None) is not None or getattr(known, "axis", -1) != -1:
        # Such labels may lie beyond the units, or the units on another axis.
        return "custom"
    name = getattr(known, "__name__", type(known).__name__).replace("_", "").lower()
    kinds = {
        "sparsecategoricalcrossentropy": "classes",
        "categoricalcrossentropy": "onehot",
        "categoricalfocalcrossentropy": "onehot",
        "binarycrossentropy": "binary",
        "binaryfocalcrossentropy": "binary",
        "poisson": "counts",
        "meansquarederror": "real",
        "meanabsoluteerror": "real",
        "meansquaredlogarithmicerror": "real",
        "meanabsolutepercentageerror": "real",
        "huber": "real",
        "logcosh": "real",
    }
    return kinds.get(name, "custom")


def value_range(kind: str, units: int) -> tuple[float, float]:
    """Returns the least and the greatest value of targets of a kind; both finite in float32."""
    ranges = {"classes": (0, units - 1), "onehot": (0, 1), "binary": (0, 1), "counts": (0, LIMIT)}
    return ranges.get(kind, (-LIMIT, LIMIT))


def targets_by_output(
    name: str, y: Any, outputs: Any, output_names: list[str], loss: Any
) -> list[tuple[str, Any, Any, str]]:
    """Returns (name, array, symbolic output, kind of loss) for every output.

    The array is None for an output without a target, which only one without a loss may be.

    Args:
        name: Name of the targets in errors.
        y: Targets: an array or a structure of arrays.
        outputs: The model's symbolic outputs, in their structure.
        output_names: Their names, in the order of `keras.tree.flatten`.
        loss: The `loss` of `compile`.
    """
    kinds = kinds_by_output(outputs, output_names, loss)
    required = [kind is not None for kind in kinds]
    hint = "For an output that is not to be trained, compile with None as its loss."
    match(name, y, outputs, output_names, required, hint)
    aligned = align(name, y, outputs, output_names, required)
    ends = zip(aligned, flatten(outputs), kinds, strict=True)
    return [(leaf, array, tensor, kind or "custom") for (leaf, array), tensor, kind in ends]


def losses_by_output(
    name: str, y: Any, outputs: Any, output_names: list[str], loss: Any
) -> list[tuple[str, np.ndarray, Any, str]]:
    """Returns what `targets_by_output` does, for every target that there is."""
    found = targets_by_output(name, y, outputs, output_names, loss)
    return [target for target in found if target[1] is not None]


def kinds_by_output(outputs: Any, names: list[str], loss: Any) -> list[str | None]:
    """Returns the kind of targets of each output's loss; None without a loss."""
    if not is_nested(loss):
        return [None if loss is None else kind_of(loss)] * len(names)
    if isinstance(loss, dict) and not isinstance(outputs, dict):
        if set(loss) != set(names):
            wanted, got = (", ".join(map(repr, keys)) for keys in (names, loss))
            raise InvalidArgument(
                "loss",
                "have one key for each output of the model",
                loss,
                f"Expected keys: {wanted}. For an output without a loss give None.",
                got=got,
            )
        loss = [loss[key] for key in names]
    return _kinds(outputs, loss)


def _kinds(outputs: Any, loss: Any) -> list[str | None]:
    count = len(flatten(outputs))
    if loss is None:
        return [None] * count
    if not is_nested(loss):
        # One loss of several outputs knows itself what to compare.
        return ["custom" if is_nested(outputs) else kind_of(loss)] * count
    if isinstance(loss, dict) and isinstance(outputs, dict):
        parts = [(outputs[key], loss.get(key)) for key in sorted(outputs)]
        return [kind for part in parts for kind in _kinds(*part)]
    if isinstance(loss, (list, tuple)):
        # As in Keras, a flat list goes with the outputs in the order of `keras.tree.flatten`.
        if len(loss) == count and not any(map(is_nested, loss)):
            return [None if one is None else kind_of(one) for one in loss]
        if isinstance(outputs, (list, tuple)) and len(loss) == len(outputs):
            parts = list(zip(outputs, loss, strict=True))
            return [kind for part in parts for kind in _kinds(*part)]
    return ["custom"] * count


def fits_output(name: str, array: np.ndarray, tensor: Any, kind: str) -> None:
    """Raises unless targets have the shape and the values that output and loss call for."""
    numbers_only(name, array)
    if kind == "custom":
        finite_range(name, array)
        return
    units = tensor.shape[-1] or 0
    if kind == "classes":
        _check_sparse(name, array, tensor, units)
        return
    _check_shape(name, array, tensor, kind, units)
    low, high = finite_range(name, array)
    least, greatest = value_range(kind, units)
    if kind == "counts" and low < least:
        index = tuple(np.argwhere(array < least)[0])
        raise InvalidArgument(
            name,
            "hold counts, at least 0",
            array[index],
            "For real numbers use task='regression'.",
            got=f"{array[index]:g} in {position(index)}",
        )
    if kind in ("binary", "onehot") and (low < least or high > greatest):
        index = tuple(np.argwhere((array < least) | (array > greatest))[0])
        if kind == "onehot":
            hint = "For class numbers use sparse_categorical_crossentropy."
        elif low < high and np.isin(array, (low, high)).all():
            hint = f"For labels of {low:g} and {high:g} give `{name} == {high:g}`."
        elif units > 1 or low < 0 or high > _MANY_CLASSES or not float(array[index]).is_integer():
            hint = "For numbers use task='regression'."
        else:
            hint = f"For {int(high) + 1} classes use task='multiclass' with that many outputs."
        what = "0 and 1, as the output does" if kind == "binary" else "rows between 0 and 1"
        got = f"{array[index]:g} in {position(index)}"
        raise InvalidArgument(name, f"hold {what}", array[index], hint, got=got)


def _check_sparse(name: str, array: np.ndarray, tensor: Any, units: int) -> None:
    wanted = tuple(tensor.shape)
    shape = array.shape
    labels_only = len(shape) == len(wanted) - 1 or (len(shape) == len(wanted) and shape[-1] == 1)
    if not labels_only:
        if len(shape) == len(wanted) and shape[-1] == units:
            raise InvalidArgument(
                name,
                "hold class numbers, one a row, for sparse_categorical_crossentropy",
                shape,
                f"Give `{name}.argmax(axis=-1)`.",
                got=f"rows of {units}, which look one-hot",
            )
        raise InvalidArgument(
            name,
            "hold one class number for each output",
            shape,
            got=f"shape {shape} for an output of shape {shown(wanted)}",
        )
    class_labels(name, array, units)


def _check_shape(name: str, array: np.ndarray, tensor: Any, kind: str, units: int) -> None:
    wanted = tuple(tensor.shape)
    shape = array.shape
    if len(shape) == len(wanted) - 1 and units == 1:
        shape = (*shape, 1)
    if len(shape) == len(wanted) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    fits = len(shape) == len(wanted) and all(
        n is None or n == size for n, size in zip(wanted[1:], shape[1:], strict=True)
    )
    if fits:
        return
    if kind == "onehot" and (len(shape) < len(wanted) or shape[-1] == 1):
        hint = (
            "It looks like class numbers: compile with sparse_categorical_crossentropy, or give "
            f"`keras.utils.to_categorical({name}, {units})`."
        )
    elif kind == "binary" and units == 1 and len(shape) == len(wanted):
        hint = (
            f"For {shape[-1]} exclusive classes use task='multiclass', for {shape[-1]} labels "
            f"task='multilabel', with outputs={shape[-1]}."
        )
    else:
        hint = (
            "Keras would broadcast one against the other and train on pairs that do not belong "
            "together. Build the model with as many outputs as targets."
        )
    rule = f"have the output's shape, {shown(wanted)}"
    raise InvalidArgument(name, rule, tuple(array.shape), hint, got=str(tuple(array.shape)))


def classes_of(array: np.ndarray) -> set[int]:
    """Returns the class numbers that occur."""
    return set(np.unique(array).astype(int).tolist())


def validation_classes(name: str, train: np.ndarray, validation: np.ndarray) -> None:
    """Raises if the validation rows hold a class that the training rows do not."""
    unseen = sorted(classes_of(validation) - classes_of(train))
    if unseen:
        raise InvalidArgument(
            name,
            "hold every class of the validation rows among the training rows",
            unseen,
            "`validation_split` takes the last rows: shuffle the rows first, or give a stratified "
            "`validation_data`.",
            got=f"only validation rows of class {', '.join(map(str, unseen))}",
        )
