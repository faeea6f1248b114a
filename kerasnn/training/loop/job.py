"""One call of `fit`: arguments checked, data read, class weights turned into sample weights."""

import dataclasses
import numbers
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn._core.model import State
from kerasnn._core.process.forked import check_not_forked
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.generators import KeptBatches
from kerasnn.training.inputs.stream_shapes import check_stream_end, check_stream_shapes, is_endless
from kerasnn.training.inputs.stream_values import BatchCheck
from kerasnn.training.programs.replicas.shares import Share

ENGINES = ("auto", "xla", "graph", "keras")
_NAMES = ("x", "y", "sample_weight")
_VALIDATION_NAMES = ("validation_data[0]", "validation_data[1]", "validation_data[2]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shown:
    """What callbacks see of a job.

    Attributes:
        model: The model.
        train: Its training rows, (x, y, sample_weight); None for a stream.
        validation: Its validation rows; None for a stream or nothing.
        progress_bar: A callback that shows progress in place of Keras's progress bar, or None.
    """

    model: Any
    train: Any = None
    validation: Any = None
    progress_bar: keras.callbacks.Callback | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """The arguments of one call of `kerasnn.fit`, checked, and its data, read.

    `Job.read` makes one. It never changes; `dataclasses.replace` makes another one.

    Attributes:
        train: The training rows; None for a stream, and for ragged and sparse data.
        validation: The validation rows; None for a stream or nothing.
        share: What part of the training rows `train` is, where other workers have the others; None
            where it is all of them.
        shown_as: What callbacks see where `model` is a part of another one; by default, the job.
        check: The check of each batch of a stream to train on.
        validation_check: The check of each batch of a stream to validate on.
        snapshot: What the model is restored to where a batch turns out to be wrong; None where no
            stream is read.
    """

    model: Any
    x: Any = None
    y: Any = None
    batch_size: Any = None
    epochs: int = 1
    verbose: Any = "auto"
    callbacks: tuple[Any, ...] = ()
    validation_split: float = 0.0
    validation_data: Any = None
    shuffle: Any = True
    class_weight: Any = None
    sample_weight: Any = None
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: Any = 1
    engine: str = "auto"
    seed: int | None = None
    allow_nan: bool = False
    share: Share | None = None
    shown_as: Shown | None = None
    train: arrays.Rows | None = None
    validation: arrays.Rows | None = None
    check: BatchCheck
    validation_check: BatchCheck
    snapshot: State | None = None

    @classmethod
    def read(
        cls, *, model: Any, callbacks: Any = None, allow_nan: bool = False, **arguments: Any
    ) -> "Job":
        """Checks the arguments of `kerasnn.fit`, reads the data, and returns the job.

        Args:
            model: The model to train.
            callbacks: One callback, a `CallbackList`, or a structure of callbacks.
            allow_nan: Whether inputs may be NaN.
            **arguments: The other arguments of `kerasnn.fit`, `share` and `shown_as`.

        Raises:
            InvalidArgument: If an argument or the data cannot be right.
        """
        job = cls(
            model=model,
            callbacks=_flat(callbacks),
            check=BatchCheck(model, _NAMES, allow_nan=allow_nan),
            validation_check=BatchCheck(model, _VALIDATION_NAMES, allow_nan=allow_nan),
            allow_nan=allow_nan,
            **arguments,
        )
        _check_arguments(job)
        if arrays.is_stream(job.x):
            _check_stream(job)
        else:
            job = _with_rows(job)
        job = _with_validation(job)
        if job.train is not None:
            job = _with_class_weights(job, job.train)
        streams_validation = job.validation_data is not None and job.validation is None
        if job.train is None or streams_validation:
            job = dataclasses.replace(job, snapshot=State(model, metrics=True))
        return _with_checked_iterators(job)

    @property
    def packed(self) -> Any:
        """Training data as Keras packs it: x, (x, y) or (x, y, sample_weight)."""
        return keras.utils.pack_x_y_sample_weight(self.x, self.y, self.sample_weight)

    @property
    def step_rows(self) -> int:
        """Number of rows in a step; Keras's default where there is no `batch_size`."""
        return self.batch_size or 32

    @property
    def row_count(self) -> int:
        """Number of training rows in memory, in that of all workers together."""
        if self.share is not None:
            return self.share.rows
        return 0 if self.train is None else self.train.count

    @property
    def endless(self) -> bool:
        """Whether the data is a stream without an end."""
        return is_endless(self.x)

    @property
    def traced_callbacks(self) -> tuple[Callback, ...]:
        """The callbacks that put TensorFlow operations around each step."""
        return tuple(c for c in self.callbacks if isinstance(c, Callback) and c.is_traced)

    @property
    def call_seconds(self) -> float | None:
        """The longest time of one call of a program that a callback asks for, or None."""
        given = [c.call_seconds for c in self.callbacks if isinstance(c, Callback)]
        return min((seconds for seconds in given if seconds is not None), default=None)

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
    def shown(self) -> Shown:
        """What callbacks see of the job."""
        if self.shown_as is not None:
            return self.shown_as
        return Shown(
            model=self.model,
            train=None if self.train is None else (self.x, self.y, self.sample_weight),
            validation=None if self.validation is None else self.validation_data,
        )

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

    def find_batch_error(self) -> ValueError | None:
        """Returns the error of the wrong batch, after training on a stream has failed.

        Streams that can be read again are, up to the first wrong batch.
        """
        return (
            self.batch_error
            or self.check.again(self.x)
            or self.validation_check.again(self.validation_data)
        )


def _flat(callbacks: Any) -> tuple[Any, ...]:
    """Returns callbacks as Keras takes them, as one tuple."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return tuple(callbacks.callbacks)
    return tuple(keras.tree.flatten(callbacks)) if callbacks else ()


def _with_rows(job: Job) -> Job:
    """Returns the job with its training data read, and a part of it split off for validation."""
    data = (job.x, job.y, job.sample_weight)
    rows = arrays.read(job.model, *data, learn=True, allow_nan=job.allow_nan)
    arrays.require_targets(job.model, "y", job.y)
    validation = None
    if rows.is_irregular:
        if job.class_weight is not None:
            _checks.class_weights(job.class_weight, None, set())
    elif job.validation_split and job.validation_data is None:
        rows, validation = rows.split(job.validation_split)
    job = dataclasses.replace(
        job,
        x=rows.x,
        y=rows.y,
        sample_weight=rows.sample_weight,
        train=None if rows.is_irregular else rows,
        validation=validation,
    )
    if job.batch_size != "full":
        return job
    return dataclasses.replace(job, batch_size=rows.count if job.share is None else job.row_count)


def _with_validation(job: Job) -> Job:
    """Returns the job with its validation data read."""
    data, rows = job.validation_data, job.validation
    if data is not None and not arrays.is_stream(data):
        if not isinstance(data, (tuple, list)) or not 1 <= len(data) <= 3:
            raise _checks.InvalidArgument(
                "validation_data",
                "be (x, y), (x, y, sample_weight) or a stream of batches",
                data,
                "Give `(split.x_test, split.y_test)`." if _checks.is_split(data) else "",
                got=f"a {type(data).__name__}",
            )
        rows = arrays.read(job.model, *data, names=_VALIDATION_NAMES, allow_nan=job.allow_nan)
        y = data[1] if len(data) > 1 else None
        arrays.require_targets(job.model, _VALIDATION_NAMES[1], y)
    if data is not None:
        check_stream_shapes(job.model, data, _VALIDATION_NAMES)
        check_stream_end(
            "validation_data", data, "validation_steps", job.validation_steps, "a validation"
        )
    if rows is None:
        return job
    data = (rows.x, rows.y, rows.sample_weight)
    rows = None if rows.is_irregular else rows
    return dataclasses.replace(job, validation_data=data, validation=rows)


def _with_class_weights(job: Job, train: arrays.Rows) -> Job:
    """Returns the job with class weights as sample weights, after a check of the classes."""
    known = {} if job.validation is None else job.validation.labels
    for name, labels in train.labels.items():
        # Of classes that are not in this share others may have rows.
        if labels.classes is not None and name in known and job.share is None:
            _checks.validation_classes(f"y{name}", labels.numbers, known[name].numbers)
    weights = job.class_weight
    if weights is None:
        return job
    if job.sample_weight is not None:
        raise _both_weights(weights)
    targets = _checks.named_leaves("y", train.y)
    if len(targets) > 1:
        raise _one_target(weights, len(targets))
    if len(train.labels) != 1:
        raise _no_classes(weights, "Use `sample_weight` instead.")
    [labels] = train.labels.values()
    _checks.class_weights(weights, labels.classes, _checks.classes_of(labels.numbers))
    table = np.zeros(max(weights) + 1, keras.config.floatx())
    for label, weight in weights.items():
        table[label] = weight
    # As in Keras: one weight a row, from there on the same as a sample weight.
    return dataclasses.replace(job, sample_weight=table[labels.numbers.astype(int)])


def _with_checked_iterators(job: Job) -> Job:
    """Returns the job with a check around the batches of each iterator."""
    if hasattr(job.x, "__next__"):
        job = dataclasses.replace(job, x=job.check.batches(job.x))
    validation = job.validation_data
    if validation is None or not hasattr(validation, "__next__"):
        return job
    validation = job.validation_check.batches(validation)
    if job.validation_steps is None:
        validation = KeptBatches("validation_data", validation, "validation_steps")
    return dataclasses.replace(job, validation_data=validation)


def check_model(model: Any) -> None:
    """Raises unless `model` is a Keras model that can be trained."""
    check_not_forked()
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument("model", "be a Keras model", model)
    if not model.compiled:
        raise _checks.InvalidArgument(
            "model",
            "be compiled before it is trained or evaluated",
            model,
            "Call `model.compile(optimizer=..., loss=..., metrics=[...])`.",
            got=f"`{model.name}`, which is not",
        )


def _check_arguments(job: Job) -> None:
    check_model(job.model)
    _checks.boolean("allow_nan", job.allow_nan)
    _checks.one_of("engine", job.engine, ENGINES)
    _checks.integer("epochs", job.epochs, at_least=0)
    _checks.integer("initial_epoch", job.initial_epoch, at_least=0)
    _checks.rate("validation_split", job.validation_split, "To validate on nothing, use 0.")
    if not _checks.is_one_of(job.verbose, 0, 1, 2, "auto"):
        raise _checks.InvalidArgument("verbose", 'be 0, 1, 2 or "auto"', job.verbose)
    if not _checks.is_one_of(job.shuffle, True, False, "batch"):
        raise _checks.InvalidArgument("shuffle", 'be True, False or "batch"', job.shuffle)
    if job.seed is not None:
        _checks.integer("seed", job.seed, at_least=0)
    _check_validation_freq(job.validation_freq)
    for name in ("steps_per_epoch", "validation_steps", "validation_batch_size"):
        if getattr(job, name) is not None:
            _checks.integer(name, getattr(job, name))
    if job.batch_size is not None and not _checks.is_one_of(job.batch_size, "full"):
        _checks.integer(
            "batch_size", job.batch_size, hint='For batch gradient descent use batch_size="full".'
        )


def _check_validation_freq(value: Any) -> None:
    if isinstance(value, (list, tuple, set, range)) and value:
        for epoch in value:
            _checks.integer("validation_freq", epoch)
    elif not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise _checks.InvalidArgument(
            "validation_freq", "be an integer of at least 1, or a list of epochs", value
        )


def _check_class_weight_of_stream(job: Job) -> None:
    """Raises if Keras could not weigh a stream by classes, or would weigh what is no class."""
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
            raise _both_weights(weights)
        if keras.tree.is_nested(y):
            raise _one_target(weights, len(keras.tree.flatten(y)))
    compared = zip(keras.tree.flatten(outputs), kinds, strict=True)
    compared = [(output, kind) for output, kind in compared if kind is not None]
    if len(compared) > 1:
        raise _one_target(weights, len(compared))
    for output, kind in compared:
        if kind in ("real", "counts") or (kind == "binary" and output.shape[-1] != 1):
            raise _no_classes(weights, "Yield sample weights instead.")


def _one_target(class_weight: Any, count: int) -> ValueError:
    return _checks.InvalidArgument(
        "class_weight",
        f"go with a model of one target, as in Keras; this one has {count}",
        class_weight,
        "It would weigh every output's loss by the classes of one. Give a `sample_weight` with "
        "weights for each target.",
    )


def _no_classes(class_weight: Any, hint: str) -> ValueError:
    return _checks.InvalidArgument(
        "class_weight",
        "go with one target of one class a row; this model has none",
        class_weight,
        hint,
    )


def _both_weights(class_weight: Any) -> ValueError:
    return _checks.InvalidArgument(
        "class_weight",
        "be left out where `sample_weight` is given",
        class_weight,
        "Put the product of both into `sample_weight`.",
    )


def _check_stream(job: Job) -> None:
    x, kind = job.x, type(job.x).__name__
    for name in ("y", "sample_weight"):
        if getattr(job, name) is not None:
            raise _checks.InvalidArgument(
                name,
                f"be left out where `x` is a {kind}, which yields (x, y) or (x, y, sample_weight)",
                getattr(job, name),
                got=f"a {type(getattr(job, name)).__name__}",
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
    check_stream_shapes(job.model, x, _NAMES)
    if job.class_weight is not None:
        _check_class_weight_of_stream(job)
