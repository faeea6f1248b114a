"""The data set of a configuration: rows to train and test on, and the plane they are drawn on."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn import _checks, data
from kerasnn.data.split import Split
from kerasnn.playground.configuration import BINARY_SETS, REGRESSION_SETS, Configuration
from kerasnn.playground.points import generated
from kerasnn.playground.points.plane import Plane, plane_of
from kerasnn.playground.points.tables import Table, TableColumn
from kerasnn.tasks import Task

#: Playground's name of a set -> that of `kerasnn.data.load`.
LOADED = {"circle": "circles", "xor": "xor", "gaussian": "gaussians", "spiral": "spirals"}

_POINTS, _POINTS_OF_REGRESSION = 500, 1200
_MOST_CLASSES = 12


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """Rows to train and test on.

    Attributes:
        split: The data set.
        y_train: Targets as they are trained on: class indices, or numbers.
        y_test: The same of the test rows.
        units: Mean and standard deviation that a table's numbers to predict were divided by; None
            where the targets are those of `split`.
        plane: What is drawn.
        table: The table, or None.
    """

    split: Split
    y_train: np.ndarray
    y_test: np.ndarray
    units: tuple[float, float] | None
    plane: Plane
    table: Table | None

    @property
    def task(self) -> Task:
        """The task."""
        return self.split.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty for regression."""
        return self.split.classes or ()

    @property
    def inputs(self) -> int:
        """Number of the network's inputs."""
        return self.split.x_train.shape[1]


def arguments(configuration: Configuration) -> dict[str, Any]:
    """Returns the arguments, but for the name, of the function that loads a generated set."""
    given: dict[str, Any] = {}
    if configuration.dataset in ("clusters", "rings"):
        given["classes"] = configuration.classes
    is_regression = configuration.dataset in REGRESSION_SETS
    given["samples"] = _POINTS_OF_REGRESSION if is_regression else _POINTS
    given["noise"] = configuration.noise / 100
    return given | division(configuration)


def division(configuration: Configuration) -> dict[str, Any]:
    """Returns the arguments that divide the rows into a training part and a test part."""
    test_size = round(1 - configuration.train_ratio / 100, 2)
    return {"test_size": test_size, "seed": configuration.data_seed}


def read(configuration: Configuration, tables: Mapping[str, Table]) -> Data:
    """Returns the data set of a configuration.

    Args:
        configuration: The configuration.
        tables: Tables by identifier.

    Raises:
        InvalidArgument: If a table or a column is unknown, or the table cannot be learned from.
    """
    name = configuration.dataset
    table = None
    if name in BINARY_SETS:
        split = data.load(LOADED[name], **arguments(configuration))
    elif name != "table":
        split = generated.load(name, **arguments(configuration))
    else:
        table, split = _read_table(configuration, tables)
    y_train, y_test = split.y_train, split.y_test
    units = None
    if table is not None and split.task is Task.REGRESSION:
        units = float(y_train.mean()), float(y_train.std()) or 1.0
        y_train, y_test = (y_train - units[0]) / units[1], (y_test - units[0]) / units[1]
    return Data(
        split=split,
        y_train=y_train,
        y_test=y_test,
        units=units,
        plane=plane_of(configuration, split),
        table=table,
    )


def _read_table(configuration: Configuration, tables: Mapping[str, Table]) -> tuple[Table, Split]:
    table = tables.get(configuration.table or "")
    if table is None:
        raise _checks.InvalidArgument(
            "table", "be a table that the server has", configuration.table, "Upload the file again."
        )
    target = table.column(configuration.target)
    if target is None:
        hint = _checks.did_you_mean(configuration.target, [each.name for each in table.columns])
        raise _checks.InvalidArgument(
            "target", "be a column of the table", configuration.target, hint
        )
    task = _task(configuration, target)
    if task is not Task.REGRESSION and not 2 <= target.values <= _MOST_CLASSES:
        raise _checks.InvalidArgument(
            "target",
            f"have 2 to {_MOST_CLASSES} different values where they are classes",
            target.name,
            _advice(target),
            got=f"{target.values} in {target.name!r}",
        )
    given = {"task": task, "missing": "mean", "verbose": 0, **division(configuration)}
    try:
        return table, data.from_csv(table.path, target.name, **given)
    except _checks.InvalidArgument as error:
        # The file lies where nobody looks for it; a user knows its name.
        raise _checks.from_text(str(error).replace(str(table.path), table.name)) from None


def _advice(target: TableColumn) -> str:
    """Returns what to do about a column that has too many values for classes, or too few."""
    if target.values < 2:
        return "A column with one value leaves nothing to predict: choose another one."
    if target.kind == "numeric":
        return "Numbers can be predicted with task='regression'."
    return "So many texts are names rather than classes: choose another column."


def _task(configuration: Configuration, target: TableColumn) -> Task:
    """Returns the task: by default, more than a few different numbers are numbers to predict."""
    many = target.kind == "numeric" and target.values > _MOST_CLASSES
    if configuration.task == "regression" or (configuration.task is None and many):
        return Task.REGRESSION
    return Task.BINARY if target.values == 2 else Task.MULTICLASS
