"""A set of TensorFlow Datasets as a `Split`."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data import _images
from kerasnn.data._batching import batches
from kerasnn.data._partition import check_partition, partition, split_arrays
from kerasnn.data._targets import encode_target
from kerasnn.data._tfds import choose_splits, prepared_builder
from kerasnn.data.split import Split
from kerasnn.tasks import Task

_BLOCK_ROWS = 256


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
    """Returns a supervised set of TensorFlow Datasets as a training and a test part.

    A set that is not prepared is downloaded and prepared first; without a network that is an
    error within seconds, which says how to prepare it elsewhere. A prepared set needs no network.

    uint8 inputs, which images are, stay as they are; other numbers become float32; several named
    numbers become the columns of x, with their names in `split.features`; text stays bytes.

    Args:
        name: The set's name, also with a configuration and a version: "mnist", "cifar10:3.0.2".
        split: Two splits in TFDS's own syntax, one to train and one to test, such as
            ("train[:80%]", "test"); or one, which `test_size` and `seed` divide; or None, which is
            ("train", "test") where the set has both and otherwise its only split.
        image_size: (height, width) in pixels to stretch images to. Needed where they differ.
        test_size: Share of the rows that tests where one split is divided, in (0, 1). Classes keep
            their shares in both parts.
        seed: Seed of that division, and of the shuffle under `in_memory=False`.
        task: What there is to predict; None takes it from the set's class labels, or has
            `kerasnn.tasks.infer` name it from the values.
        data_dir: Where prepared sets are; None is TFDS's own place, `~/tensorflow_datasets`.
        in_memory: False gives batches in a `tf.data.Dataset` that reads the set's files as it goes.
        batch_size: Rows in a batch. In-memory arrays have no batches and leave it unused.

    Raises:
        ValueError: If there is no such set or split, the set has no single target, its inputs
            differ in shape, the two splits share rows, or an argument breaks a rule above.
        ConnectionError: If the set is not prepared and no network answers.

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
        _images.check_size(image_size)
    _checks.whole_number("batch_size", batch_size)
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
        chosen = partition(
            len(y),
            test_size=test_size,
            seed=seed,
            labels=None if classes is None else y,
            classes=classes or (),
        )
        sets = [_rows(sets[0], numbers, len(y)) for numbers in chosen]
    x_train = batches(sets[0], len(sets[0]), batch_size, shuffle_seed=seed)
    x_test = batches(sets[1], len(sets[1]), batch_size)
    return Split(x_train, None, x_test, None, task, classes, features)


def _supervised_keys(builder: Any) -> tuple[Any, str]:
    keys = builder.info.supervised_keys
    if keys is None or len(keys) != 2 or not isinstance(keys[1], str):
        raise ValueError(
            f"{builder.info.name!r} has no single target (its supervised_keys are {keys}). Read "
            "it with tensorflow_datasets.load and give `fit` the arrays of your choice."
        )
    return keys


def _inputs(
    kinds: Mapping, keys: Any, spec: Any, image_size: tuple[int, int] | None
) -> tuple[Callable, tuple[str, ...] | None]:
    """Returns how to turn TFDS's inputs into x, and the names of x's columns."""
    if isinstance(spec, Mapping):
        # The names are the set's own features, or those inside one of them.
        named = kinds[keys] if isinstance(keys, str) else {n: kinds[keys[n]] for n in spec}
        return _named_inputs({name: named[name] for name in spec}, spec)
    if image_size is not None:
        if spec.shape.rank != 3 or spec.dtype != tf.uint8:
            raise _checks.InvalidArgument(
                "image_size", "stay None for a set whose inputs are not uint8 images", image_size
            )
        return lambda x: _images.resize(x, image_size), None
    if not spec.shape.is_fully_defined():
        raise ValueError(
            f"The set's inputs differ in shape, {spec.shape}. Images fit into one array with "
            "image_size=(height, width)."
        )
    if spec.dtype in (tf.uint8, tf.string):
        return lambda x: x, None
    return lambda x: tf.cast(x, tf.float32), None


def _named_inputs(kinds: Mapping, spec: Mapping) -> tuple[Callable, tuple[str, ...]]:
    odd = [n for n in spec if spec[n].shape.rank != 0 or spec[n].dtype == tf.string]
    if odd:
        raise ValueError(
            f"The set's inputs {', '.join(map(repr, odd))} are not single numbers. Read it with "
            "tensorflow_datasets.load and give `fit` the arrays of your choice."
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
    """Returns how to turn TFDS's target into y, the task and the classes."""
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
        raise ValueError(f"The target {name!r} must be one number or several; it is {spec}.")
    values = np.concatenate([_arrays(rows.map(lambda _, y: (y,)))[0] for rows in sets])
    _, task, classes = encode_target(values, task, name=name)
    if classes is None:
        return lambda y: tf.cast(y, tf.float32), task, None
    # In float64 integers of 16 digits and more would be one class.
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
        raise ValueError(
            f"The target {name!r} is {y.min()} in {(y < 0).sum()} rows: the set keeps these labels "
            "to itself. Choose another split, as in split='train'."
        )


def _arrays(rows: Any) -> tuple[np.ndarray, ...]:
    parts = zip(*rows.batch(_BLOCK_ROWS).as_numpy_iterator(), strict=True)
    return tuple(np.concatenate(part) for part in parts)


def _rows(rows: Any, numbers: np.ndarray, count: int) -> Any:
    """Returns the rows of these numbers, in the order of the set."""
    mask = tf.constant(np.isin(np.arange(count), numbers))
    chosen = rows.enumerate().filter(lambda number, _: mask[number]).map(lambda _, row: row)
    return chosen.apply(tf.data.experimental.assert_cardinality(len(numbers)))
