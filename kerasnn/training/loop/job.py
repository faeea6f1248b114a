"""One call of `fit`: its arguments, checked, and its data, read."""

import dataclasses
import numbers
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import State
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.generators import KeptBatches
from kerasnn.training.inputs.stream_shapes import check_stream_end, check_stream_shapes, is_endless
from kerasnn.training.inputs.stream_values import BatchCheck

_ENGINES = ("auto", "xla", "graph", "keras")
_NAMES = ("x", "y", "sample_weight")
_VALIDATION_NAMES = ("validation_data[0]", "validation_data[1]", "validation_data[2]")


@dataclasses.dataclass(frozen=True)
class Told:
    """A model, and its data in memory, (x, y, sample_weight) each; None for a stream or nothing."""

    model: Any
    train: Any
    validation: Any


@dataclasses.dataclass(kw_only=True)
class Job:
    """What an engine needs to train. Making one raises on all that cannot be right.

    The fields are the arguments of `kerasnn.fit`. `train` holds the training rows, and is None
    for a stream; `validation` holds the validation rows, and is None for a stream or nothing.
    `told` is what callbacks are told of where the model is a part of another one, and `bar` a
    callback that shows progress in place of Keras's.
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
    told: Told | None = None
    bar: keras.callbacks.Callback | None = None
    train: arrays.Rows | None = dataclasses.field(init=False, default=None)
    validation: arrays.Rows | None = dataclasses.field(init=False, default=None)
    # What streams to train and to validate on are checked by.
    check: BatchCheck = dataclasses.field(init=False)
    validation_check: BatchCheck = dataclasses.field(init=False)
    # What the model has again where a batch turns out to be wrong; None where no stream is read.
    before: State | None = dataclasses.field(init=False, default=None)

    def __post_init__(self) -> None:
        _check_arguments(self)
        if arrays.is_stream(self.x):
            _check_stream(self)
            check_stream_shapes(self.model, self.x, _NAMES)
            if self.class_weight is not None:
                _check_class_weight_of_stream(self)
        elif arrays.is_irregular(self.x):
            self._read_irregular()
        else:
            self._read_rows()
        self._read_validation()
        if self.train is not None:
            self._check_classes(self.train)
        self.check = BatchCheck(self.model, _NAMES)
        self.validation_check = BatchCheck(self.model, _VALIDATION_NAMES)
        if self.train is None or (self.validation_data is not None and self.validation is None):
            self.before = State(self.model, metrics=True)
        if hasattr(self.x, "__next__"):
            self.x = self.check.batches(self.x)
        validation = self.validation_data
        if validation is not None and hasattr(validation, "__next__"):
            self.validation_data = self.validation_check.batches(validation)
            if self.validation_steps is None:
                self.validation_data = KeptBatches(
                    "validation_data", self.validation_data, "validation_steps"
                )

    @property
    def step_rows(self) -> int:
        """Rows to a step; Keras's default where there is no `batch_size`."""
        return self.batch_size or 32

    @property
    def endless(self) -> bool:
        """Whether the data is a stream without an end."""
        return is_endless(self.x)

    @property
    def validates(self) -> bool:
        """Whether any epoch ends with a validation, if there is an epoch at all."""
        first, last, every = self.initial_epoch, self.epochs, self.validation_freq
        if self.validation_data is None or first >= last:
            return self.validation_data is not None
        if isinstance(every, numbers.Integral):
            return last // int(every) > first // int(every)
        return any(first < epoch <= last for epoch in every)

    @property
    def shown(self) -> Told:
        """What callbacks are told of."""
        if self.told is not None:
            return self.told
        train = None if self.train is None else (self.x, self.y, self.sample_weight)
        return Told(self.model, train, None if self.validation is None else self.validation_data)

    def validates_after(self, epoch: int) -> bool:
        """Whether an epoch, counted from 0, ends with a validation."""
        if self.validation_data is None:
            return False
        if isinstance(self.validation_freq, numbers.Integral):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq

    @property
    def batch_error(self) -> ValueError | None:
        """The error of a batch of a stream that was found wrong."""
        return next(iter([*self.check.errors, *self.validation_check.errors]), None)

    def bad_batch(self) -> ValueError | None:
        """Returns, after training has failed, the error of a batch of a stream that is why."""
        return (
            self.batch_error
            or self.check.again(self.x)
            or self.validation_check.again(self.validation_data)
        )

    def _read_rows(self) -> None:
        train = arrays.read(self.model, self.x, self.y, self.sample_weight, learn=True)
        arrays.require_targets(self.model, "y", self.y)
        if self.validation_split and self.validation_data is None:
            train, self.validation = train.split(self.validation_split)
        self.train = train
        self.x, self.y, self.sample_weight = train.x, train.y, train.sample_weight
        if self.batch_size == "full":
            self.batch_size = train.count

    def _read_irregular(self) -> None:
        self.x, self.y, self.sample_weight = arrays.read_irregular(
            self.model, self.x, self.y, self.sample_weight
        )
        arrays.require_targets(self.model, "y", self.y)
        if self.class_weight is not None:
            _checks.class_weights(self.class_weight, None, set())
        if self.batch_size == "full":
            self.batch_size = len(keras.tree.flatten(self.y)[0])

    def _read_validation(self) -> None:
        data = self.validation_data
        if data is not None and not arrays.is_stream(data):
            if not isinstance(data, (tuple, list)) or not 1 <= len(data) <= 3:
                raise ValueError(
                    "`validation_data` must be (x, y), (x, y, sample_weight) or a stream of "
                    f"batches; got {type(data).__name__}."
                )
            if arrays.is_irregular(data[0]):
                data = arrays.read_irregular(self.model, *data, names=_VALIDATION_NAMES)
                self.validation_data = data
            else:
                self.validation = arrays.read(self.model, *data, names=_VALIDATION_NAMES)
            y = data[1] if len(data) > 1 else None
            arrays.require_targets(self.model, _VALIDATION_NAMES[1], y)
        if data is not None:
            check_stream_shapes(self.model, data, _VALIDATION_NAMES)
            check_stream_end(
                "validation_data", data, "validation_steps", self.validation_steps, "a validation"
            )
        if self.validation is not None:
            held = self.validation
            self.validation_data = (held.x, held.y, held.sample_weight)

    def _check_classes(self, train: arrays.Rows) -> None:
        held = {} if self.validation is None else self.validation.labels
        for name, labels in train.labels.items():
            if labels.classes is not None and name in held:
                _checks.validation_classes(f"y{name}", labels.numbers, held[name].numbers)
        if self.class_weight is None:
            return
        if self.sample_weight is not None:
            raise _both_weights()
        targets = _checks.named_leaves("y", train.y)
        if len(targets) > 1:
            raise _one_target(self.class_weight, len(targets))
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


def check_model(model: Any) -> None:
    """Raises unless `model` is a Keras model that can be trained."""
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument("model", "be a Keras model", model)
    if not model.compiled:
        raise ValueError(
            f"`{model.name}` must be compiled before it is trained or evaluated. Call "
            "`model.compile(optimizer=..., loss=..., metrics=[...])`."
        )


def _check_arguments(job: Job) -> None:
    check_model(job.model)
    _checks.one_of("engine", job.engine, _ENGINES)
    _checks.whole_number("epochs", job.epochs, at_least=0)
    _checks.whole_number("initial_epoch", job.initial_epoch, at_least=0)
    _checks.rate("validation_split", job.validation_split, "To validate on nothing, use 0.")
    if not _checks.is_one_of(job.verbose, 0, 1, 2, "auto"):
        raise _checks.InvalidArgument("verbose", 'be 0, 1, 2 or "auto"', job.verbose)
    if not _checks.is_one_of(job.shuffle, True, False, "batch"):
        raise _checks.InvalidArgument("shuffle", 'be True, False or "batch"', job.shuffle)
    if job.seed is not None:
        _checks.whole_number("seed", job.seed, at_least=0)
    _check_validation_freq(job.validation_freq)
    for name in ("steps_per_epoch", "validation_steps", "validation_batch_size"):
        if getattr(job, name) is not None:
            _checks.whole_number(name, getattr(job, name))
    if job.batch_size is not None and not _checks.is_one_of(job.batch_size, "full"):
        _checks.whole_number(
            "batch_size", job.batch_size, hint='For batch gradient descent use batch_size="full".'
        )


def _check_validation_freq(value: Any) -> None:
    if isinstance(value, (list, tuple, set, range)) and value:
        for epoch in value:
            _checks.whole_number("validation_freq", epoch)
    elif not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise _checks.InvalidArgument(
            "validation_freq", "be a whole number of at least 1, or a list of epochs", value
        )


def _check_class_weight_of_stream(job: Job) -> None:
    """Raises where Keras could not weigh a stream by classes, or would weigh what is no class."""
    weights, kind = job.class_weight, type(job.x).__name__
    if not isinstance(job.x, (tf.data.Dataset, keras.utils.PyDataset)):
        raise _checks.InvalidArgument(
            "class_weight",
            f"be left out where `x` is a {kind}, as in Keras",
            weights,
            "Let it yield (x, y, sample_weight).",
        )
    _checks.class_weights(weights, None, set())
    known = arrays.trains_as_keras(job.model) and arrays.is_symbolic(job.model)
    outputs = arrays.structure(job.model, "output") if known else []
    kinds = arrays.kinds_by_output(job.model, outputs) if known else []
    if isinstance(job.x, tf.data.Dataset):
        _, y, sample_weight = keras.utils.unpack_x_y_sample_weight(job.x.element_spec)
        if sample_weight is not None:
            raise _both_weights()
        if keras.tree.is_nested(y):
            raise _one_target(weights, len(keras.tree.flatten(y)))
    compared = zip(keras.tree.flatten(outputs), kinds, strict=True)
    compared = [(output, kind) for output, kind in compared if kind is not None]
    if len(compared) > 1:
        raise _one_target(weights, len(compared))
    for output, kind in compared:
        if kind in ("real", "counts") or (kind == "binary" and output.shape[-1] != 1):
            raise ValueError(
                "`class_weight` must go with one target of one class a row; this model has 0. "
                "Yield sample weights instead."
            )


def _one_target(class_weight: Any, count: int) -> ValueError:
    return _checks.InvalidArgument(
        "class_weight",
        f"go with a model of one target, as in Keras; this one has {count}",
        class_weight,
        "It would weigh every output's loss by the classes of one. Give a `sample_weight` with "
        "weights for each target.",
    )


def _both_weights() -> ValueError:
    return ValueError(
        "`class_weight` and `sample_weight` cannot both be given. Put the product of both into "
        "`sample_weight`."
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
        raise _checks.InvalidArgument(
            "batch_size", f"be left out where `x` is a {kind}, which has batches", job.batch_size
        )
    if job.validation_split:
        raise _checks.InvalidArgument(
            "validation_split",
            f"be 0 where `x` is a {kind}, which has no last rows",
            job.validation_split,
            "Give `validation_data`.",
        )
    check_stream_end("x", x, "steps_per_epoch", job.steps_per_epoch, "an epoch")
