"""Columns of a table as the inputs, targets and sample weights of a model."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.model import is_symbolic, structure

Arrays = tuple[Any, np.ndarray, np.ndarray | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a table a model receives, and how.

    Attributes:
        argument: Name of the argument that gives the table, for errors.
        target: The column to predict.
        sample_weight: The column of the weights of the rows, or None.
        inputs: The other columns: side by side, in this order; or a structure of names, each
            an input of its own.
        by_name: Whether each is an input of its own.
    """

    argument: str
    target: str
    sample_weight: str | None
    inputs: Any
    by_name: bool

    def arrays(self, table: Mapping[str, np.ndarray]) -> Arrays:
        """Returns inputs, targets and sample weights of some rows.

        Args:
            table: Name of a column -> its values.

        Raises:
            InvalidArgument: If a column holds no numbers, or does not go with the others.
        """
        weight = None if self.sample_weight is None else self._numbers(table, self.sample_weight)
        y = self._numbers(table, self.target)
        if self.by_name:
            return keras.tree.map_structure(lambda name: table[name], self.inputs), y, weight
        columns = [self._numbers(table, name) for name in self.inputs]
        if len(columns) == 1:
            [only] = columns
            return (only[:, None] if only.ndim == 1 else only), y, weight
        for name, column in zip(self.inputs, columns, strict=True):
            if column.ndim > 1:
                raise _checks.InvalidArgument(
                    self.argument,
                    "have one number a row in each column, or a single column of arrays beside the "
                    "target",
                    name,
                    "Leave out the others, or give the model an input for each column, by name.",
                    got=f"{len(columns)} columns, of which `{name}` holds arrays of shape "
                    f"{column.shape[1:]}",
                )
        return np.stack(columns, axis=1), y, weight

    @property
    def names(self) -> list[str]:
        """The columns."""
        weight = () if self.sample_weight is None else (self.sample_weight,)
        return [*keras.tree.flatten(self.inputs), self.target, *weight]

    def copied(self, block: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns copies of these columns of some rows.

        Raises:
            InvalidArgument: If the rows come from a file without one of them.
        """
        for name in self.names:
            _check_column(self.argument, "have the same columns in all files", name, list(block))
        return {name: np.array(block[name]) for name in self.names}

    def of_table(self, argument: str, names: Sequence[str]) -> "Columns":
        """Returns the same columns of another table.

        Args:
            argument: Name of the argument that gives it, for errors.
            names: Its columns.

        Raises:
            InvalidArgument: If it lacks one of them.
        """
        for name in self.names:
            _check_column(argument, "have the columns of `data`", name, names)
        return dataclasses.replace(self, argument=argument)

    def _numbers(self, table: Mapping[str, np.ndarray], name: str) -> np.ndarray:
        column = table[name]
        if column.dtype.kind not in "biuf":
            is_target = name == self.target
            raise _checks.InvalidArgument(
                self.argument,
                "hold numbers, which a network learns from",
                name,
                "Number the classes from 0 on."
                if is_target
                else "Leave the column out, or make numbers of it before, as by "
                "`ray.data.Dataset.map_batches`; `kerasnn.data` encodes tables that one process "
                "reads.",
                got=f"a column `{name}` of {_kind(column)}",
            )
        return column


def _kind(column: np.ndarray) -> str:
    if column.dtype.kind in "OSU":
        found = next((value for value in column.tolist() if value is not None), None)
        return "text" if isinstance(found, (str, bytes)) else f"{type(found).__name__} values"
    return str(column.dtype)


def choose_columns(
    model: Any,
    names: Sequence[str],
    target: str,
    sample_weight: str | None,
) -> Columns:
    """Returns which columns of a table a model receives.

    Args:
        model: The model.
        names: The columns of the table.
        target: The column to predict.
        sample_weight: The column of the weights of the rows, or None.

    Raises:
        InvalidArgument: If a column is missing.
    """
    taken = [target] if sample_weight is None else [target, sample_weight]
    for argument, name in zip(("target", "sample_weight"), taken, strict=False):
        if name not in names:
            hint = _checks.did_you_mean(name, names) or f"It has {_listed(names)}."
            raise _checks.InvalidArgument(argument, "be a column of `data`", name, hint)
    inputs = _inputs(model)
    for name in keras.tree.flatten(inputs or ()):
        _check_column("data", "have a column for each input of the model", name, names)
    others = tuple(name for name in names if name not in taken)
    if not others:
        raise _checks.InvalidArgument(
            "data", "have columns beside the target", list(names), got=_listed(names)
        )
    return Columns(
        argument="data",
        target=target,
        sample_weight=sample_weight,
        inputs=inputs or others,
        by_name=bool(inputs),
    )


def _check_column(argument: str, rule: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        hint = _checks.did_you_mean(name, names) or f"It has {_listed(names)}."
        raise _checks.InvalidArgument(argument, rule, name, hint, got=f"none of the name `{name}`")


def _inputs(model: Any) -> Any:
    """Returns the names of a model's inputs in their structure; None for a single one."""
    if not is_symbolic(model):
        return None
    inputs = structure(model, "input")
    if isinstance(inputs, dict):
        return {name: name for name in inputs}
    tensors = keras.tree.flatten(inputs)
    return [tensor.name for tensor in tensors] if len(tensors) > 1 else None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
