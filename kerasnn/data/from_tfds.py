"""Data sets of TensorFlow Datasets."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data._tfds import choose_splits, prepared_builder
from kerasnn.data.images import decoding
from kerasnn.data.images.resizing import resized
from kerasnn.data.rows.batching import batches
from kerasnn.data.rows.partition import check_partition, partition_of_data_set, split_arrays
from kerasnn.data.split import Split
from kerasnn.data.tables.targets import encode_target
from kerasnn.tasks import Task

_BLOCK_ROWS = 256
_READ_OTHERWISE = "Read it with tensorflow_datasets.load, and give arrays to `fit`."


@_checks.known_arguments
def from_tfds(
    name: str,
    *,
    split: str | Sequence[str] | None = None,
    image_size: tuple[int, int] | None = None,
    test_size: float = 0.2,
    seed: int = 0,
    task: Task | str | None = None,
    data_dir: str | os.PathLike | None = None,
    in_memory: bool = True,
    batch_size: int = 32,
) -> Split:
    """Reads a supervised data set of TensorFlow Datasets into a training and a test part.

    A data set that is not prepared is downloaded and prepared first. Without a network that raises
    an error within seconds, which says how to prepare it on another machine. A prepared data set
    needs no network.

    uint8 inputs, such as images, stay as they are; other numbers become float32; several named
    numbers become the columns of x, with their names in `split.features`; text stays bytes.

    Args:
        name: Name, optionally with configuration and version: "mnist", "cifar10:3.0.2".
        split: Two splits in TFDS's syntax, a training and a test split, such as
            ("train[:80%]", "test"); or one, which is divided with `test_size` and `seed`; or None:
            ("train", "test") if the data set has both, and otherwise its only split.
        image_size: (height, width) in pixels to stretch images to. Required if they differ.
        test_size: Fraction of the rows in the test part, in (0, 1), if one split is divided.
            Classes have the same fractions of both parts.
        seed: Seed of that division, and of the shuffle with `in_memory=False`.
        task: A `kerasnn.tasks.Task` or its name; None takes it from the class labels or, by
            `kerasnn.tasks.infer`, from the values.
        data_dir: Folder of prepared data sets; None is TFDS's default, `~/tensorflow_datasets`.
        in_memory: False gives batches in a `tf.data.Dataset` that reads the files in each epoch.
        batch_size: Rows in a batch. Not used for arrays in memory.

    Raises:
        InvalidArgument: If there is no such data set or split, two splits share rows, the data
            set has no single target or no inputs that fit into one array, or an argument breaks
            its rule.
        ConnectionError: If the data set is not prepared and cannot be downloaded.

    Example:
        >>> import tensorflow_datasets as tfds
        >>> from kerasnn import data
        >>> with tfds.testing.mock_data(num_examples=8):  # Random images, and no download.
        ...     data.from_tfds("mnist", split=("train[:10%]", "test"))
        Split(multiclass, x_train=(8, 28, 28, 1) uint8, y_train=(8,) int64,
              x_test=(8, 28, 28, 1) uint8, y_test=(8,) int64,
              classes=0, 1, 2, ... (10), features=None)
    """
    if image_size is not None:
        decoding.check_size(image_size)
    _checks.integer("batch_size", batch_size)
    check_partition(test_size, seed)
    builder = prepared_builder(name, data_dir)
    inputs, target = _supervised_keys(builder)
    parts = choose_splits(builder, split)
    sets: list[Any] = [builder.as_dataset(split=part, as_supervised=True) for part in parts]
    x_of, features = _inputs(builder.info.features, inputs, sets[0].element_spec[0], image_size)
    y_of, task, classes = _target(builder.info.features[target], target, task, sets)
    sets = [
        rows.map(lambda x, y: (x_of(x), y_of(y)), num_parallel_calls=tf.data.AUTOTUNE)
        for rows in sets
    ]

    if in_memory:
        x, y = _arrays(sets[0])
        _check_labels(y, classes, target)
        if len(sets) == 1:
            return split_arrays(x, y, task, classes, features, test_size=test_size, seed=seed)
        x_test, y_test = _arrays(sets[1])
        _check_labels(y_test, classes, target)
        return Split(x, y, x_test, y_test, task, classes, features)

    if len(sets) == 1:
        (y,) = _arrays(sets[0].map(lambda _, y: (y,)))
        _check_labels(y, classes, target)
        chosen = partition_of_data_set(y, classes, test_size=test_size, seed=seed)
        sets = [_rows(sets[0], indices, len(y)) for indices in chosen]
    x_train = batches(sets[0], len(sets[0]), batch_size, shuffle_seed=seed)
    x_test = batches(sets[1], len(sets[1]), batch_size)
    return Split(x_train, None, x_test, None, task, classes, features)


def _supervised_keys(builder: Any) -> tuple[Any, str]:
    keys = builder.info.supervised_keys
    if keys is None or len(keys) != 2 or not isinstance(keys[1], str):
        raise _checks.InvalidArgument(
            "name",
            "be a data set with one target",
            builder.info.name,
            _READ_OTHERWISE,
            got=f"{builder.info.name!r}, whose supervised_keys are {keys}",
        )
    return keys


def _inputs(
    kinds: Mapping, keys: Any, spec: Any, image_size: tuple[int, int] | None
) -> tuple[Callable, tuple[str, ...] | None]:
    """Returns a function from TFDS's inputs to x, and the names of the columns of x."""
    if isinstance(spec, Mapping):
        # The names are features of the data set, or of one of its features.
        named = kinds[keys] if isinstance(keys, str) else {n: kinds[keys[n]] for n in spec}
        return _named_inputs({name: named[name] for name in spec}, spec)
    if image_size is not None:
        if spec.shape.rank != 3 or spec.dtype != tf.uint8:
            raise _checks.InvalidArgument(
                "image_size",
                "stay None for a data set whose inputs are not uint8 images",
                image_size,
            )
        return lambda x: resized(x, image_size), None
    if not spec.shape.is_fully_defined():
        raise _checks.InvalidArgument(
            "image_size",
            f"be (height, width) for inputs that differ in shape, {spec.shape}",
            image_size,
        )
    if spec.dtype in (tf.uint8, tf.string):
        return lambda x: x, None
    return lambda x: tf.cast(x, tf.float32), None


def _named_inputs(kinds: Mapping, spec: Mapping) -> tuple[Callable, tuple[str, ...]]:
    odd = [n for n in spec if spec[n].shape.rank != 0 or spec[n].dtype == tf.string]
    if odd:
        raise _checks.InvalidArgument(
            "name",
            "be a data set whose named inputs are single numbers",
            odd,
            _READ_OTHERWISE,
            got=f"inputs that are not: {', '.join(map(repr, odd))}",
        )
    labels = {name: _label_names(kind) for name, kind in kinds.items()}

    def column(name: str, cell: tf.Tensor) -> tf.Tensor:
        classes = labels[name]
        return (
            tf.cast(cell, tf.float32)[None] if classes is None else tf.one_hot(cell, len(classes))
        )

    features = (
        [name] if classes is None else [f"{name}={label}" for label in classes]
        for name, classes in labels.items()
    )
    return (
        lambda x: tf.concat([column(name, x[name]) for name in labels], axis=0),
        tuple(itertools.chain.from_iterable(features)),
    )


def _target(
    kind: Any, name: str, task: Task | str | None, sets: Sequence[Any]
) -> tuple[Callable, Task, tuple[str, ...] | None]:
    """Returns a function from TFDS's target to y, the task and the classes."""
    classes = _label_names(kind)
    if classes is not None:
        fitting = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
        task = fitting if task is None else Task(task)
        if task not in (fitting, Task.MULTICLASS):
            raise _checks.InvalidArgument(
                "task", f"be {fitting.value!r} for the classes in {name!r}", task
            )
        return lambda y: tf.cast(y, tf.int64), task, classes
    spec = sets[0].element_spec[1]
    if spec.shape.rank not in (0, 1) or not spec.shape.is_fully_defined():
        raise _checks.InvalidArgument(
            "name",
            "be a data set whose target is one number or several",
            name,
            _READ_OTHERWISE,
            got=f"the target {name!r}, {spec}",
        )
    values = np.concatenate([_arrays(rows.map(lambda _, y: (y,)))[0] for rows in sets])
    _, task, classes = encode_target(values, task, name=name, argument="name")
    if classes is None:
        return lambda y: tf.cast(y, tf.float32), task, None
    # In float64 different integers of 16 digits could be one class.
    kind = np.float64 if values.dtype.kind == "f" else np.int64
    known = np.unique(values).astype(kind)
    return (
        lambda y: tf.searchsorted(known, [tf.cast(y, kind)], out_type=tf.int64)[0],
        task,
        classes,
    )


def _label_names(kind: Any) -> tuple[str, ...] | None:
    import tensorflow_datasets as tfds

    return tuple(kind.names) if isinstance(kind, tfds.features.ClassLabel) else None


def _check_labels(y: np.ndarray, classes: Sequence[str] | None, name: str) -> None:
    if classes is not None and y.min() < 0:
        raise _checks.InvalidArgument(
            "split",
            "name rows whose labels are published",
            name,
            "Choose another split, as in split='train'.",
            got=f"the target {name!r}, which is {y.min()} in {(y < 0).sum()} rows",
        )


def _arrays(rows: Any) -> tuple[np.ndarray, ...]:
    parts = zip(*rows.batch(_BLOCK_ROWS).as_numpy_iterator(), strict=True)
    return tuple(np.concatenate(part) for part in parts)


def _rows(rows: Any, indices: np.ndarray, count: int) -> Any:
    """Returns the rows with some indices, in the order of the data set."""
    mask = tf.constant(np.isin(np.arange(count), indices))
    chosen = rows.enumerate().filter(lambda index, _: mask[index]).map(lambda _, row: row)
    return chosen.apply(tf.data.experimental.assert_cardinality(len(indices)))
