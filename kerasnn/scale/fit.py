"""`scale.fit`: training by several workers that Ray Train starts."""

import contextlib
import inspect
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import keras

from kerasnn import _checks, training
from kerasnn._core.model import variables_of
from kerasnn._core.optimizers import build_slots
from kerasnn._core.process.extras import missing
from kerasnn._core.random_state import seeded
from kerasnn.callbacks import Resume
from kerasnn.scale._files import are_paths, is_table, table_files
from kerasnn.training.loop.job import Job

#: Packages of the extra `ray`.
NEEDED = ("ray", "pandas", "pyarrow", "pydantic")
_OWN = ("model", "x", "y", "sample_weight", "seed")
_MOST_STORED = 1 << 30


def fit(
    build: Callable[[], keras.Model],
    data: Any,
    *,
    target: str | None = None,
    sample_weight: str | None = None,
    workers: int = 2,
    address: str | None = None,
    directory: str | os.PathLike[str] | None = None,
    cpus_per_worker: int = 1,
    gpus_per_worker: int = 0,
    max_failures: int = 3,
    seed: int = 0,
    **arguments: Any,
) -> tuple[keras.Model, keras.callbacks.History]:
    """Trains a model by several workers, each a process of Ray Train, on one machine or on many.

    Each worker runs `build` in the scope of a `tf.distribute.MultiWorkerMirroredStrategy`, and
    then `kerasnn.fit`, which divides each batch of `batch_size` rows between the workers: weights
    and `History` are those of one process to float32 rounding. After each epoch the whole state is
    saved by a `kerasnn.callbacks.Resume` in `directory`. When a worker dies, Ray Train starts all
    workers again, and they go on after the last saved epoch, with the bits of a run in which none
    has died; so does the same call in a new process, when this one was killed. A run that has ended
    is not trained again: the same call returns its model.

    A table is divided by ranges of rows, in the order of the files and of their rows: together the
    workers train on each row once an epoch, in batches of `batch_size` rows, the last one smaller.
    Each shuffles the rows of its own range, from which its part of each batch comes, so that the
    batches are others than those of one process; where the order says something, as in a file that
    is sorted, shuffle the rows before. Layers that learn once, such as `Standardize`, learn in this
    process, which reads all rows in batches. Metrics are of all rows; `class_weight` and
    `validation_split` do not go with a table. The runs after a kill need the same rows in the same
    order, as from files that have not changed.

    Args:
        build: Makes and compiles the model. It is pickled, and called in each worker and here.
        data: `(x, y)` or `(x, y, sample_weight)`, arrays in the structure of the model's inputs and
            outputs; or a function without arguments that returns them, which each worker calls,
            such as one that reads a file that all machines have: all workers receive all rows. Or a
            table of which each worker has a share of the rows, in its memory: a
            `ray.data.Dataset`, or paths of Parquet or CSV files, which all machines can read: a
            file, a folder, a pattern such as `"rows-*.parquet"`, or a list of these.
        target: Name of the column to predict, for a table. A model with one input receives the
            other columns side by side, in their order, or a single column of arrays; one with
            several receives the columns of their names.
        sample_weight: Name of the column with the weights of the rows, for a table.
        workers: Number of workers.
        address: Address of a Ray cluster, such as `"10.0.0.1:6379"`, or `"auto"` for the one that
            this machine belongs to. By default one is started on this machine, and ended
            afterwards; it runs as many workers as are asked for, whatever the number of cores.
        directory: Where the state is saved, and Ray Train's own files; all workers must be able to
            read it. By default a temporary one, and a run whose first process is killed begins
            anew.
        cpus_per_worker: CPUs of the cluster that each worker takes, and its number of threads.
        gpus_per_worker: GPUs of each worker. It was never run on GPUs.
        max_failures: Number of times that lost workers are replaced.
        seed: Seed of weights, dropout and the order of the rows, as
            `keras.utils.set_random_seed(seed)` before `build`.
        **arguments: Other arguments of `kerasnn.fit`: `epochs`, `batch_size`, `validation_data`
            and so on. With a table `validation_data` may be one too, with the same columns, which
            each worker reads as a whole. Callbacks are pickled, and each worker has its own, which
            sees the rows of the worker; those given here stay as they are. They run in a directory
            of Ray's, and need absolute paths.

    Returns:
        The trained model, which belongs to no strategy, with the state of its optimizer; and the
        `History`, as `kerasnn.fit` returns it.

    Raises:
        ImportError: If the packages of `kerasnn[ray]` are missing.
        InvalidArgument: If an argument or the data cannot be right, or the cluster is too small,
            does not answer, or has other versions of Python, Keras, TensorFlow or kerasnn.
        RuntimeError: If workers were lost more often than `max_failures` allows.
        TimeoutError: If other programs leave no room on the cluster.
        TypeError: If an argument is unknown.
        Exception: What `build`, `data` or training raises in a worker; it is raised here.

    Example:
        >>> from kerasnn import data, models, scale
        >>> iris = data.load("iris")
        >>> build = lambda: models.mlp(4, 3, task="multiclass")
        >>> net, history = scale.fit(  # doctest: +SKIP
        ...     build, (iris.x_train, iris.y_train), workers=2, directory="/shared/iris", epochs=20
        ... )
    """
    lacking = missing("ray", NEEDED)
    if lacking:
        raise ImportError(lacking)
    _check_numbers(workers, cpus_per_worker, gpus_per_worker, max_failures)
    _check_arguments(arguments)
    _checks.integer("seed", seed, at_least=0)
    with seeded(seed):
        model = _built(build)
    inputs = {"build": build, "data": data, "arguments": {"verbose": 0, **arguments}}
    names = {"target": target, "sample_weight": sample_weight}
    if is_table(data):
        _check_table(data, names, arguments)
    else:
        _check_no_table(names, arguments)
        _check_data(model, data, arguments)
    _check_pickles(inputs)
    # Ray is imported where it is used alone.
    from kerasnn.scale import _ray_train, _shares

    def prepared(inputs: dict[str, Any]) -> dict[str, Any]:
        return _shares.divided(inputs, model, names, workers) if is_table(data) else inputs

    needs = _ray_train.Needs(
        workers=workers,
        cpus=cpus_per_worker,
        gpus=gpus_per_worker,
        data_bytes=_size(inputs),
    )
    with _directory(directory) as folder:
        settings = _ray_train.Settings(
            address=address,
            needs=needs,
            directory=folder,
            is_shared=directory is not None,
            max_failures=max_failures,
            quiet=not inputs["arguments"]["verbose"],
        )
        try:
            trained = _ray_train.run(settings, inputs, seed, prepared)
        except _checks.InvalidArgument as error:
            if pathlib.Path(str(error.value)).parent != folder:
                raise
            # The file of `Resume`.
            hint = "Give another directory, or delete this one to train anew."
            raise error.about("directory", hint) from error
    return model, _put_back(model, trained)


def _check_numbers(workers: int, cpus: int, gpus: int, max_failures: int) -> None:
    _checks.integer("workers", workers)
    _checks.integer("cpus_per_worker", cpus)
    _checks.integer("gpus_per_worker", gpus, at_least=0)
    _checks.integer("max_failures", max_failures, at_least=0)


def _check_arguments(arguments: dict[str, Any]) -> None:
    names = [name for name in inspect.signature(training.fit).parameters if name not in _OWN]
    for name in arguments:
        if name not in names:
            hint = _checks.did_you_mean(name, names) or f"It takes {', '.join(names)}."
            raise TypeError(f"`scale.fit` has no argument `{name}`. {hint}")
    callbacks = keras.tree.flatten(arguments.get("callbacks") or [])
    if any(isinstance(callback, Resume) for callback in callbacks):
        raise _checks.InvalidArgument(
            "callbacks",
            "hold no `Resume`, which `scale.fit` adds",
            callbacks,
            "Give its directory as `directory`.",
            got="`Resume`",
        )


def _built(build: Callable[[], keras.Model]) -> Any:
    """Returns the model that `build` makes here, which shows errors before workers start."""
    is_function = callable(build) and not isinstance(build, keras.Model)
    made: Any = build() if is_function else None
    if not isinstance(made, keras.Model) or not made.compiled:
        raise _checks.InvalidArgument(
            "build",
            "be a function that returns a compiled Keras model",
            build,
            "Make and compile the model inside of it: each worker calls it.",
        )
    return made


def _check_pickles(inputs: dict[str, Any]) -> None:
    """Raises unless functions and callbacks can be sent to workers."""
    from ray import cloudpickle

    given = {"build": inputs["build"], "data": inputs["data"], **inputs["arguments"]}
    # Tuples hold arrays.
    sent = {k: v for k, v in given.items() if not (isinstance(v, tuple) or is_table(v))}
    for name in sent:
        try:
            cloudpickle.dumps(given[name])
        except Exception as error:
            raise _checks.InvalidArgument(
                name,
                "be what Python can pickle, since each worker receives a copy",
                given[name],
                "Make models, locks, files and generators inside of functions.",
                got=f"{type(given[name]).__name__}: {_checks.first_line(error)}",
            ) from error


def _check_data(model: Any, data: Any, arguments: dict[str, Any]) -> None:
    """Raises what `kerasnn.fit` would raise in each worker."""
    if callable(data):
        return
    if not isinstance(data, tuple) or not 2 <= len(data) <= 3:
        raise _checks.InvalidArgument(
            "data",
            "be `(x, y)`, `(x, y, sample_weight)`, or a function that returns them",
            type(data).__name__,
            "A `tf.data.Dataset` can be made inside of such a function. A table is a "
            "`ray.data.Dataset`, or paths of files.",
        )
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    bound = inspect.signature(training.fit).bind(
        model, x, y, sample_weight=sample_weight, **arguments
    )
    bound.apply_defaults()
    Job.read(**bound.arguments)


def _check_table(data: Any, names: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Raises what is known to be wrong before a table is read."""
    for name, value in names.items():
        if not isinstance(value, str) and (name == "target" or value is not None):
            raise _checks.InvalidArgument(
                name, "be the name of a column where `data` is a table", value
            )
    refused = {
        "validation_split": "Give `validation_data`.",
        "class_weight": "Give a column of weights by `sample_weight`.",
    }
    for name, hint in refused.items():
        if arguments.get(name):
            raise _checks.InvalidArgument(
                name, "be left out where `data` is a table", arguments[name], hint
            )
    for name, table in (("data", data), ("validation_data", arguments.get("validation_data"))):
        if are_paths(table):
            table_files(name, table)


def _check_no_table(names: dict[str, Any], arguments: dict[str, Any]) -> None:
    for name, value in names.items():
        if value is not None:
            raise _checks.InvalidArgument(
                name,
                "be left out unless `data` is a table: paths, or a `ray.data.Dataset`",
                value,
                "Give targets and weights in `data`: `(x, y, sample_weight)`.",
            )
    if is_table(arguments.get("validation_data")):
        raise _checks.InvalidArgument(
            "validation_data",
            "be a table only where `data` is one",
            arguments["validation_data"],
            "Give `(x, y)`.",
        )


def _size(inputs: dict[str, Any]) -> int:
    if are_paths(inputs["data"]):
        # What does not fit Ray writes to the disk.
        files = table_files("data", inputs["data"])
        return min(sum(map(os.path.getsize, files)), _MOST_STORED)
    return sum(getattr(leaf, "nbytes", 0) for leaf in keras.tree.flatten(inputs))


@contextlib.contextmanager
def _directory(given: str | os.PathLike[str] | None) -> Iterator[pathlib.Path]:
    """Yields the directory, which exists; a temporary one where none is given."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="kerasnn-") as name:
            yield pathlib.Path(name)
        return
    is_path = isinstance(given, (str, os.PathLike))
    _checks.file_name("directory", pathlib.Path(given) / "resume.state" if is_path else given)
    path = pathlib.Path(given).absolute()
    path.mkdir(parents=True, exist_ok=True)
    yield path


def _put_back(model: Any, trained: Any) -> keras.callbacks.History:
    """Gives a model what the workers have learned; returns their history."""
    if not model.built:
        model.build_from_config(trained.build_config)
    build_slots(model.optimizer, model.trainable_variables)
    for variable, value in zip(variables_of(model), trained.variables, strict=True):
        variable.assign(value)
    history: Any = keras.callbacks.History()
    history.set_model(model)
    history.history, history.epoch = trained.history, trained.epoch
    history.engine, history.reason = trained.engine, trained.reason
    model.history = history
    return history
