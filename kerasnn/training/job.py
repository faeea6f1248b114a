"""One call of `fit`: its arguments, checked, and its data, read."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.training import rows
from kerasnn.training.stream_shapes import check_stream_shapes

_ENGINES = ("auto", "xla", "graph", "keras")


@dataclasses.dataclass(kw_only=True)
class Job:
    """What an engine needs to train. Making one raises on all that cannot be right.

    The fields are the arguments of `kerasnn.fit`. `train` holds the training rows, and is None
    for a stream; `validation` holds the validation rows, and is None for a stream or nothing.
    """

    model: Any
    x: Any
    y: Any
    batch_size: Any
    epochs: int
    verbose: Any
    callbacks: Any
    validation_split: float
    validation_data: Any
    shuffle: Any
    class_weight: Any
    sample_weight: Any
    initial_epoch: int
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: Any
    engine: str
    seed: int | None
    train: rows.Rows | None = dataclasses.field(init=False, default=None)
    validation: rows.Rows | None = dataclasses.field(init=False, default=None)

    def __post_init__(self) -> None:
        _check_arguments(self)
        if rows.is_stream(self.x):
            _check_stream(self)
            check_stream_shapes(self.model, self.x, ("x", "y"))
            if self.class_weight is not None:
                _checks.class_weights(self.class_weight, None, set())
        else:
            self._read_rows()
        self._read_validation()
        if self.train is not None:
            self._check_classes(self.train)

    @property
    def step_rows(self) -> int:
        """Rows to a step; Keras's default where there is no `batch_size`."""
        return self.batch_size or 32

    @property
    def endless(self) -> bool:
        """Whether the data is a stream that may never end."""
        return _may_never_end(self.x)

    def validates_after(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, ends with a validation."""
        if self.validation_data is None:
            return False
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq

    def _read_rows(self) -> None:
        train = rows.read(self.model, self.x, self.y, self.sample_weight)
        rows.require_targets(self.model, "y", self.y)
        if self.validation_split and self.validation_data is None:
            train, self.validation = train.split(self.validation_split)
        self.train = train
        self.x, self.y, self.sample_weight = train.x, train.y, train.sample_weight
        if self.batch_size == "full":
            self.batch_size = train.count

    def _read_validation(self) -> None:
        data = self.validation_data
        if data is not None and not rows.is_stream(data):
            if not isinstance(data, (tuple, list)) or not 1 <= len(data) <= 3:
                raise ValueError(
                    "`validation_data` must be (x, y), (x, y, sample_weight) or a stream of "
                    f"batches; got {type(data).__name__}."
                )
            names = ("validation_data[0]", "validation_data[1]", "validation_data[2]")
            self.validation = rows.read(self.model, *data, names=names)
            rows.require_targets(self.model, names[1], self.validation.y)
        if data is not None:
            check_stream_shapes(self.model, data, ("validation_data[0]", "validation_data[1]"))
        if _may_never_end(data) and self.validation_steps is None:
            raise ValueError(
                "`validation_steps` must be given where `validation_data` is a "
                f"{type(data).__name__} that may never end; got validation_steps=None. Give the "
                "number of batches to a validation."
            )
        if self.validation is not None:
            held = self.validation
            self.validation_data = (held.x, held.y, held.sample_weight)

    def _check_classes(self, train: rows.Rows) -> None:
        held = {} if self.validation is None else self.validation.labels
        for name, labels in train.labels.items():
            if labels.classes is not None and name in held:
                _checks.validation_classes(f"y{name}", labels.numbers, held[name].numbers)
        if self.class_weight is None:
            return
        if self.sample_weight is not None:
            raise ValueError(
                "`class_weight` and `sample_weight` cannot both be given. Put the product of both "
                "into `sample_weight`."
            )
        if len(train.labels) != 1:
            raise ValueError(
                "`class_weight` must go with one target of one class a row; this model has "
                f"{len(train.labels)}. Use `sample_weight` instead."
            )
        [labels] = train.labels.values()
        present = _checks.classes_of(labels.numbers)
        _checks.class_weights(self.class_weight, labels.classes, present)
        table = np.zeros(max(self.class_weight) + 1, keras.config.floatx())
        for label, weight in self.class_weight.items():
            table[label] = weight
        # As in Keras: one weight a row, from there on the same as a sample weight.
        self.sample_weight = table[labels.numbers.astype(int)]


def _may_never_end(data: Any) -> bool:
    if isinstance(data, tf.data.Dataset):
        return bool(data.cardinality() == tf.data.INFINITE_CARDINALITY)
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    return hasattr(data, "__next__")


def _check_arguments(job: Job) -> None:
    if not isinstance(job.model, keras.Model):
        raise _checks.wrong("model", "be a Keras model", job.model)
    if not job.model.compiled:
        raise ValueError(
            f"`{job.model.name}` must be compiled before it is trained. Call "
            "`model.compile(optimizer=..., loss=..., metrics=[...])`."
        )
    _checks.one_of("engine", job.engine, _ENGINES)
    _checks.whole_number("epochs", job.epochs)
    _checks.whole_number("initial_epoch", job.initial_epoch, at_least=0)
    _checks.rate("validation_split", job.validation_split, "To validate on nothing, use 0.")
    if job.verbose not in (0, 1, 2, "auto"):
        raise _checks.wrong("verbose", 'be 0, 1, 2 or "auto"', job.verbose)
    if job.shuffle not in (True, False, "batch"):
        raise _checks.wrong("shuffle", 'be True, False or "batch"', job.shuffle)
    if job.seed is not None:
        _checks.whole_number("seed", job.seed, at_least=0)
    if isinstance(job.validation_freq, (int, float)):
        _checks.whole_number("validation_freq", job.validation_freq)
    for name in ("steps_per_epoch", "validation_steps", "validation_batch_size"):
        if getattr(job, name) is not None:
            _checks.whole_number(name, getattr(job, name))
    if job.batch_size is not None and job.batch_size != "full":
        _checks.whole_number(
            "batch_size", job.batch_size, cure='For batch gradient descent use batch_size="full".'
        )


def _check_stream(job: Job) -> None:
    x, kind = job.x, type(job.x).__name__
    for name in ("y", "sample_weight"):
        if getattr(job, name) is not None:
            raise ValueError(
                f"`{name}` must be left out where `x` is a {kind}: it yields (x, y) or "
                "(x, y, sample_weight) itself."
            )
    if job.batch_size is not None:
        raise _checks.wrong(
            "batch_size", f"be left out where `x` is a {kind}, which has batches", job.batch_size
        )
    if job.validation_split:
        raise _checks.wrong(
            "validation_split",
            f"be 0 where `x` is a {kind}, which has no last rows",
            job.validation_split,
            "Give `validation_data`.",
        )
    if isinstance(x, tf.data.Dataset) and x.cardinality() == 0:
        raise ValueError("`x` must hold at least one batch; got an empty tf.data.Dataset.")
    if job.endless and job.steps_per_epoch is None:
        raise ValueError(
            f"`steps_per_epoch` must be given where `x` is a {kind} that may never end; got "
            "steps_per_epoch=None. Give the number of batches to an epoch."
        )
