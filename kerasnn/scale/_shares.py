"""Rows of Ray Data, divided between workers."""

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import ray
import ray.data
import tensorflow as tf

from kerasnn import _checks
from kerasnn.callbacks.resume import fingerprint
from kerasnn.layers._adaptation import not_adapted
from kerasnn.scale._columns import Arrays, Columns, choose_columns
from kerasnn.scale._files import is_table, table_files
from kerasnn.training.inputs.standardization import learn_standardization
from kerasnn.training.loop.job import Job
from kerasnn.training.programs.replicas.agreement import digest_of_workers
from kerasnn.training.programs.replicas.shares import Share, rows_of_workers

_BATCH = 1024
_NAMES = ("x", "y", "sample_weight")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """Rows in Ray's object store.

    Attributes:
        blocks: References to its blocks, each a dictionary of columns.
        columns: What a model receives of them.
    """

    blocks: list[Any]
    columns: Columns

    def read(self) -> Arrays:
        """Returns inputs, targets and sample weights of all rows, in the memory of this process."""
        # What Ray returns lies in its store as long as an array refers to it.
        blocks: Any = map(ray.get, self.blocks)
        blocks = [self.columns.copied(block) for block in blocks if any(map(len, block.values()))]
        names = self.columns.names
        return self.columns.arrays({n: np.concatenate([b[n] for b in blocks]) for n in names})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learned:
    """What layers that learn once have learned from all rows.

    Attributes:
        build_config: How the model was built.
        weights: Weights of each of these layers.
    """

    build_config: Any
    weights: list[list[np.ndarray]]

    @classmethod
    def of(cls, model: Any, rows: "_Rows") -> "Learned":
        """Lets the layers of a model that have learned nothing yet learn from rows.

        All rows pass through this process, in batches.
        """
        layers = [layer for layer, _ in not_adapted(model)]
        if layers:
            learn_standardization(model, rows.stream(), None, None)
        return cls(
            build_config=model.get_build_config(),
            weights=[layer.get_weights() for layer in layers],
        )

    def restore(self, model: Any) -> None:
        """Gives it to the layers of an equal model."""
        if not model.built:
            model.build_from_config(self.build_config)
        for (layer, _), weights in zip(not_adapted(model), self.weights, strict=True):
            layer.set_weights(weights)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shares:
    """The shares of all workers.

    Attributes:
        tables: The rows of each worker.
        rows: Number of rows of all.
        learned: What layers that learn once have learned from them.
    """

    tables: list[Table]
    rows: int
    learned: Learned

    def read(self, model: Any) -> dict[str, Any]:
        """Returns the rows of this worker, as arguments of a job; all workers call it.

        Layers of the model that learn once have learned afterwards.
        """
        self.learned.restore(model)
        worker, workers = model.distribute_strategy.cluster_resolver.task_id, len(self.tables)
        rows = dict(zip(_NAMES, self.tables[worker].read(), strict=True))
        text = str([fingerprint.of_data(name, array) for name, array in rows.items()])
        digest = digest_of_workers(model, text)
        share = Share(rows=self.rows, worker=worker, workers=workers, digest=digest)
        return {**rows, "share": share}


def divided(inputs: dict[str, Any], model: Any, names: dict[str, Any], workers: int) -> Any:
    """Returns what workers receive where each of them has its share of the rows.

    Args:
        inputs: `data`, paths or a `ray.data.Dataset`, `build`, and `arguments` of `kerasnn.fit`.
        model: The model; layers of it that learn once have learned afterwards.
        names: `target` and `sample_weight`, names of columns.
        workers: Number of workers.

    Raises:
        InvalidArgument: If the rows cannot be read, do not fit the model, or are too few.
    """
    arguments = dict(inputs["arguments"])
    with _Rows("data", inputs["data"], lambda found: choose_columns(model, found, **names)) as rows:
        validation = arguments.get("validation_data")
        if is_table(validation):
            choose = functools.partial(rows.columns.of_table, "validation_data")
            with _Rows("validation_data", validation, choose) as validation_rows:
                arguments["validation_data"] = validation_rows.table()
                first = validation_rows.first()
        else:
            first = validation
        batch_size = _checked(model, rows, workers, {**arguments, "validation_data": first})
        shares = Shares(
            tables=rows.split(rows_of_workers(rows.count, batch_size, workers)),
            rows=rows.count,
            learned=Learned.of(model, rows),
        )
    return {**inputs, "data": shares, "arguments": arguments}


class _Rows:
    """Rows of a table in Ray's object store, in an order that does not change.

    A context, within which Ray Data keeps the order of rows, and is silent.

    Args:
        argument: Name of the argument that gives them, for errors.
        given: Paths, or a `ray.data.Dataset`.
        choose: Returns what a model receives of the columns of these names.

    Attributes:
        count: Number of rows.
        columns: What a model receives of them.
    """

    def __init__(
        self, argument: str, given: Any, choose: Callable[[Sequence[str]], Columns]
    ) -> None:
        self._argument, self._given, self._choose = argument, given, choose
        self._context = contextlib.ExitStack()

    def __enter__(self) -> "_Rows":
        self._context.enter_context(_quiet())
        self._context.enter_context(_ordered(ray.data.DataContext.get_current()))
        try:
            self._data: Any = self._read()
            self._context.enter_context(_ordered(self._data.context))
            self.count = self._data.count()
            if not self.count:
                raise _checks.InvalidArgument(self._argument, "hold rows", None, got="no row")
            self.columns = self._choose(self._data.columns() or [])
        except BaseException:
            self._context.close()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._context.close()

    def first(self) -> Arrays:
        """Returns the first rows."""
        batch = self._data.take_batch(_BATCH, batch_format="numpy")
        return self.columns.arrays(self.columns.copied(batch))

    def table(self) -> Table:
        """Returns all rows."""
        return self._table(self._data)

    def split(self, counts: list[int]) -> list[Table]:
        """Returns tables of so many rows, one after the other."""
        ends = np.cumsum(counts[:-1]).tolist()
        parts = self._data.split_at_indices(ends) if ends else [self._data]
        return [self._table(part) for part in parts]

    def stream(self) -> tf.data.Dataset:
        """Returns the inputs and targets in batches."""
        # Integers are floating-point numbers in a block with missing values.
        specs: Any = keras.tree.map_structure(
            lambda array: tf.TensorSpec(
                (None, *array.shape[1:]), "float64" if array.dtype.kind in "biu" else array.dtype
            ),
            self.first()[:2],
        )

        def batches() -> Iterator[Any]:
            batch: Any
            for batch in self._data.iter_batches(batch_size=_BATCH, batch_format="numpy"):
                arrays = self.columns.arrays(self.columns.copied(batch))[:2]
                yield keras.tree.map_structure(
                    lambda array, spec: array.astype(spec.dtype.as_numpy_dtype), arrays, specs
                )

        return tf.data.Dataset.from_generator(batches, output_signature=specs)

    def _read(self) -> ray.data.Dataset:
        if isinstance(self._given, ray.data.Dataset):
            with _ordered(self._given.context):
                return self._given.materialize()
        files = table_files(self._argument, self._given)
        read = ray.data.read_parquet if files[0].endswith(".parquet") else ray.data.read_csv
        try:
            with _one_thread():
                return read(files).materialize()
        except (pa.ArrowException, OSError, ray.exceptions.RayError) as error:
            raise _checks.InvalidArgument(
                self._argument,
                "name files of one table, with the same columns",
                self._given,
                got=_checks.first_line(getattr(error, "cause", error)).rstrip("."),
            ) from error

    def _table(self, data: Any) -> Table:
        with _ordered(data.context):
            return Table(blocks=data.to_numpy_refs(), columns=self.columns)


def _checked(model: Any, rows: _Rows, workers: int, arguments: dict[str, Any]) -> int:
    """Raises what `kerasnn.fit` would raise in each worker; returns the batch size."""
    given = dict(zip(_NAMES, rows.first(), strict=True))
    share = Share(rows=rows.count, worker=0, workers=workers, digest="")
    job = Job.read(model=model, share=share, **given, **arguments)
    return min(job.step_rows, rows.count)


@contextlib.contextmanager
def _ordered(context: Any) -> Iterator[None]:
    """Lets a data set of Ray keep the order of its rows, without a progress bar."""
    options = context.execution_options
    before = options.preserve_order, context.enable_progress_bars
    options.preserve_order, context.enable_progress_bars = True, False
    try:
        yield
    finally:
        options.preserve_order, context.enable_progress_bars = before


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Lets Ray list Parquet files by its older reader, which has one thread.

    Where aiohttp is not installed, several threads of the newer one find half of a module (Ray
    2.60).
    """
    context = ray.data.DataContext.get_current()
    before = context.use_datasource_v2
    context.use_datasource_v2 = False
    try:
        yield
    finally:
        context.use_datasource_v2 = before


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leaves out what Ray Data says of its progress, and of errors, which it raises too."""
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
