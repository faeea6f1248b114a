"""Checks that targets suit the output and the loss that they are compared with."""

from typing import Any

import keras
import numpy as np

from kerasnn._checks.arrays import LIMIT, class_labels, finite_range, numbers_only, position
from kerasnn._checks.structures import match, shown


def kind_of(loss: Any) -> str:
    """Returns what targets a loss wants: classes, one-hot, binary, counts, or real numbers."""
    try:
        known = keras.losses.get(loss)
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


def losses_by_output(
    name: str, y: Any, outputs: Any, output_names: list[str], loss: Any
) -> list[tuple[str, np.ndarray, Any, str]]:
    """Returns (name, array, symbolic output, kind of loss) for every target.

    Args:
        name: What errors call the targets.
        y: Targets: an array or a structure of arrays.
        outputs: The model's symbolic outputs, in their structure.
        output_names: The names that dictionaries use for a list of outputs.
        loss: What `compile` was given.
    """
    flat = keras.tree.flatten(outputs)
    # Dictionaries are flattened in the order of their sorted keys.
    names = sorted(outputs) if isinstance(outputs, dict) else output_names
    if isinstance(loss, dict):
        losses = [loss.get(key) for key in names]
    elif isinstance(loss, (list, tuple)):
        losses = list(loss)
    else:
        losses = [loss] * len(flat)
    without = [key for key, one in zip(names, losses, strict=True) if one is None]
    optional = without if isinstance(outputs, dict) else []
    kinds = {id(tensor): kind_of(one) for tensor, one in zip(flat, losses, strict=True)}
    matched = match(name, y, outputs, output_names, optional)
    return [(leaf, array, tensor, kinds[id(tensor)]) for leaf, array, tensor in matched]


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
        raise ValueError(
            f"`{name}` must hold counts, at least 0; got {array[index]:g} in {position(index)}. "
            "For real numbers use task='regression'."
        )
    if kind in ("binary", "onehot") and (low < least or high > greatest):
        index = tuple(np.argwhere((array < least) | (array > greatest))[0])
        if kind == "onehot":
            cure = "For class numbers use sparse_categorical_crossentropy."
        elif low == -1 and high == 1:
            cure = "For labels of -1 and 1 give (y + 1) / 2."
        else:
            cure = f"For {int(high) + 1} classes use task='multiclass' with that many outputs."
        what = "0 and 1, as the output does" if kind == "binary" else "rows between 0 and 1"
        raise ValueError(
            f"`{name}` must hold {what}; got {array[index]:g} in {position(index)}. {cure}"
        )


def _check_sparse(name: str, array: np.ndarray, tensor: Any, units: int) -> None:
    wanted = tuple(tensor.shape)
    shape = array.shape
    labels_only = len(shape) == len(wanted) - 1 or (len(shape) == len(wanted) and shape[-1] == 1)
    if not labels_only:
        if len(shape) == len(wanted) and shape[-1] == units:
            raise ValueError(
                f"`{name}` must hold class numbers, one a row, for "
                f"sparse_categorical_crossentropy; got rows of {units}, which look one-hot. Give "
                f"`{name}.argmax(axis=-1)`."
            )
        raise ValueError(
            f"`{name}` must hold one class number for each output; got shape {shape} for an "
            f"output of shape {shown(wanted)}."
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
        cure = (
            "It looks like class numbers: compile with sparse_categorical_crossentropy, or give "
            f"`keras.utils.to_categorical({name}, {units})`."
        )
    elif kind == "binary" and units == 1 and len(shape) == len(wanted):
        cure = (
            f"For {shape[-1]} exclusive classes use task='multiclass', for {shape[-1]} labels "
            f"task='multilabel', with outputs={shape[-1]}."
        )
    else:
        cure = (
            "Keras would broadcast one against the other and train on pairs that do not belong "
            "together. Build the model with as many outputs as targets."
        )
    raise ValueError(
        f"`{name}` must have the output's shape, {shown(wanted)}; got {array.shape}. {cure}"
    )


def classes_of(array: np.ndarray) -> set[int]:
    """Returns the class numbers that occur."""
    return set(np.unique(array).astype(int).tolist())


def validation_classes(name: str, train: np.ndarray, validation: np.ndarray) -> None:
    """Raises where a class is to be validated that training never shows."""
    unseen = sorted(classes_of(validation) - classes_of(train))
    if unseen:
        one = len(unseen) == 1
        raise ValueError(
            f"`{name}` must show in training every class that validation holds; "
            f"class{'' if one else 'es'} {', '.join(map(str, unseen))} "
            f"{'is' if one else 'are'} in the validation part only. `validation_split` takes the "
            "last rows: shuffle the rows first, or give a stratified `validation_data`."
        )
