"""`Split`: the training part and the test part of a data set."""

import collections
import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.display.blocks import Facts
from kerasnn._core.display.rendering import for_notebook
from kerasnn.data import _split_view
from kerasnn.tasks import Task


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Training part and test part of one data set.

    `model.fit(split.x_train, split.y_train)` and `model.evaluate(split.x_test, split.y_test)`
    work for both forms: arrays in memory, or (`in_memory=False`) batched `tf.data.Dataset`s of
    `(x, y)` in `x_train` and `x_test`, with `y_train` and `y_test` None. Such a dataset shuffles
    itself; `keras.Model.fit` warns about that unless it is called with `shuffle=False`.

    Args:
        x_train: `(rows, ...)` array, or a dataset of `(x, y)` batches.
        y_train: `(rows,)` or `(rows, outputs)` array, or None beside a dataset.
        x_test: As `x_train`.
        y_test: As `y_train`.
        task: A `kerasnn.tasks.Task` or its name.
        classes: Class names in the order of the class indices; None if there are no classes.
        features: Names of the columns of x; None if they have no names.
        encoder: The `data.Encoder` from raw columns to x; None if x is no table's.
        raw_train: The raw columns of the training rows, in the order of x, which the encoder
            takes: name -> array of numbers, with NaN for a missing one, or of texts. None without
            an encoder, and with `in_memory=False`.
        raw_test: As `raw_train`, of the test rows.
        groups_train: Group of each training row, where `groups` divided the rows of a table.
        rows_train: Index of each training row in the table, from 0 for the row below the header;
            with `windows` that of the row whose target it is. None where x is no table's, and
            with `in_memory=False`, whose training rows are shuffled.
        rows_test: As `rows_train`, of the test rows, with `in_memory=False` too.
        files_train: Path of each training image of a folder, an array of strings in the order of
            x; with `in_memory=False` of all files that the batches shuffle. None for other data.
        files_test: As `files_train`, of the test images, which no batches shuffle.
        resize: How images of a folder came to one size: "stretch", "crop" or "pad". None for other
            data. `serving.export(model, path, split=split)` has the server do the same.
        target: Name of the column that y is; None where it has no name.
        row_numbers: Names of columns that count the rows of the table, from which nothing about
            new rows can be learned.
        rows_left_out: Number of rows of the table that are in neither part, since they lack a value
            (`missing="drop"`, `drop_missing_target=True`).

    Example:
        >>> from kerasnn import data
        >>> data.load("iris")
        Split(multiclass, x_train=(120, 4) float32, y_train=(120,) int64,
              x_test=(30, 4) float32, y_test=(30,) int64,
              classes=setosa, versicolor, virginica,
              features=sepal length (cm), sepal width (cm), petal length (cm), ... (4))
        >>> split = data.load("digits")
        >>> split.input_shape, split.outputs
        ((8, 8, 1), 10)
    """

    x_train: Any
    y_train: Any
    x_test: Any
    y_test: Any
    task: Task
    classes: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    encoder: Any = None
    raw_train: Any = None
    raw_test: Any = None
    groups_train: Any = None
    rows_train: Any = None
    rows_test: Any = None
    files_train: Any = None
    files_test: Any = None
    resize: str | None = None
    target: str | None = None
    row_numbers: tuple[str, ...] = ()
    rows_left_out: int = 0

    def __post_init__(self) -> None:
        """Accepts the task by name, too."""
        object.__setattr__(self, "task", Task(self.task))

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of one example without the batch axis: `input_shape` of the builders."""
        return _shapes(self.x_train, self.y_train)[0][1:]

    @property
    def outputs(self) -> int:
        """Number of output units: `outputs` of the builders."""
        if self.task is Task.BINARY:
            return 1
        if self.task is Task.MULTICLASS and self.classes is not None:
            return len(self.classes)
        shape = _shapes(self.x_train, self.y_train)[1]
        return shape[1] if len(shape) > 1 else 1

    @property
    def embeddings(self) -> dict[int, int]:
        """Position of each column of indices in x -> number of indices: `embeddings` of `mlp`."""
        return {} if self.encoder is None else self.encoder.embeddings

    @property
    def _counted_classes(self) -> tuple[str, ...] | None:
        """Names of the classes, with the numbers of training and test images of a folder."""
        if self.classes is None or self.files_train is None:
            return self.classes
        train, test = (
            collections.Counter(pathlib.Path(file).parent.name for file in files)
            for files in (self.files_train, self.files_test)
        )
        return tuple(f"{name} ({train[name]} + {test[name]})" for name in self.classes)

    def __repr__(self) -> str:
        """Returns names and shapes, without the data."""
        arrays = ("x_train", "y_train", "x_test", "y_test")
        parts = [str(self.task)] + ([f"target={self.target}"] if self.target is not None else [])
        parts += [f"{name}={_described(getattr(self, name))}" for name in arrays]
        parts += [f"classes={_listed(self._counted_classes)}", f"features={_listed(self.features)}"]
        parts += [f"row_numbers={_listed(self.row_numbers)}"] if self.row_numbers else []
        parts += [f"rows_left_out={self.rows_left_out}"] if self.rows_left_out else []
        return f"Split({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """Returns sizes, targets, columns and the first rows, for a notebook; reads no stream."""
        facts = [
            ("training part", _size(self.x_train)),
            ("test part", _size(self.x_test)),
            ("one input", _words(self.input_shape)),
        ]
        if self.target is not None:
            facts.insert(0, ("target", self.target))
        if self.rows_left_out:
            facts.append(("left out", f"{self.rows_left_out:,} rows that lack a value"))
        blocks: list[Any] = [Facts(facts)]
        if self.y_train is not None:
            blocks += _split_view.blocks(self)
        else:
            named = (("classes", self._counted_classes), ("columns", self.features))
            blocks.append(Facts([(what, _listed(n, 20)) for what, n in named if n is not None]))
        return for_notebook(f"Split, {self.task}", blocks)


def refuse_split(argument: str, rule: str, value: Any, hint: str) -> None:
    """Raises InvalidArgument where a `Split` stands in the place of another argument."""
    if isinstance(value, Split):
        raise _checks.InvalidArgument(argument, rule, value, hint, got="a Split")


def check_is_split(argument: str, value: Any) -> None:
    """Raises InvalidArgument unless `value` is a `Split`."""
    if not isinstance(value, Split):
        raise _checks.InvalidArgument(
            argument,
            "be a `kerasnn.data.Split`",
            value,
            "Make one of arrays, `Split(x_train, y_train, x_test, y_test, task)`.",
            got=type(value).__name__,
        )


def _size(x: Any) -> str:
    if isinstance(x, tf.data.Dataset):
        return _described(x)
    return f"{len(x):,} rows of {x.dtype}"


def _words(shape: Sequence[int | None]) -> str:
    sizes = ["any" if size is None else f"{size:,}" for size in shape]
    return f"{sizes[0]} numbers" if len(sizes) == 1 else " x ".join(sizes)


def _shapes(x: Any, y: Any) -> tuple[tuple, tuple]:
    if isinstance(x, tf.data.Dataset):
        specs: Any = x.element_spec
        x, y = specs
    return tuple(x.shape), tuple(y.shape)


def _described(part: Any) -> str:
    if part is None:
        return "None"
    if isinstance(part, tf.data.Dataset):
        specs: Any = part.element_spec
        return f"{len(part)} batches of {tuple(specs[0].shape)} {specs[0].dtype.name}"
    return f"{part.shape} {part.dtype}"


def _listed(names: Sequence[str] | None, most: int = 3) -> str:
    if names is None:
        return "None"
    return ", ".join(names[:most]) + (f", ... ({len(names)})" if len(names) > most else "")
