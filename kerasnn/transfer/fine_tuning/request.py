"""Checked arguments and data of one call of `fine_tune`."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.callbacks import Resume
from kerasnn.training.inputs.arrays import trains_as_keras
from kerasnn.training.loop.engine_choice import refuse_keras_only
from kerasnn.training.loop.job import Job, Shown
from kerasnn.training.loop.training_loop import ask_callbacks
from kerasnn.transfer.frozen_features.images import Images, check_source


@dataclasses.dataclass(kw_only=True)
class Request:
    """Arguments and data of one call of `fine_tune`. Checking them does not change the model.

    Attributes:
        images: Training images.
        validation: Validation images, or None.
        examples: Number of training rows, or None if it is not known.
        classes: Number of classes, 1 for regression.
    """

    model: Any
    x: Any
    y: Any
    validation_data: Any
    sample_weight: Any
    class_weight: Any
    batch_size: Any
    callbacks: Any
    verbose: Any
    engine: str
    seed: int | None
    learning_rate: float | None

    def __post_init__(self) -> None:
        self._callbacks = keras.tree.flatten(self.callbacks) if self.callbacks else []
        if any(isinstance(callback, Resume) for callback in self._callbacks):
            raise _checks.InvalidArgument(
                "callbacks",
                "not contain `Resume`, which resumes a single call of `fit`",
                self.callbacks,
                "For features that survive a kill give a directory as `cache`.",
                got="a `Resume`",
            )
        check_source("x", self.x)
        if self.validation_data is not None:
            check_source("validation_data", self.validation_data)
        if self.class_weight is not None and isinstance(self.x, tf.data.Dataset):
            raise _checks.InvalidArgument(
                "class_weight",
                "be left out if `x` is a dataset",
                self.class_weight,
                "Let it yield (x, y, sample_weight).",
            )
        job = self.job(self.model, Images(self.x, self.y, self.sample_weight), None, epochs=1)
        if not trains_as_keras(self.model):
            raise _checks.InvalidArgument(
                "model",
                "have a loss, and not override `train_step` or `compute_loss`, which would see the "
                "trained part of it only",
                self.model,
                "Freeze with `kerasnn.transfer.freeze_to`, and call `fit`.",
                got=f"`{self.model.name}`",
            )
        ask_callbacks(job)
        refuse_keras_only(job)
        if self.learning_rate is not None and not isinstance(
            self.model.optimizer.learning_rate, keras.Variable
        ):
            raise _checks.InvalidArgument(
                "learning_rate",
                "be left out if the optimizer has a schedule",
                self.learning_rate,
                "Compile the model with a number.",
            )
        self.images = Images(job.x, job.y, job.sample_weight)
        self.validation = None
        if self.validation_data is not None:
            data = job.validation_data
            parts = data if isinstance(data, tuple) else (data,)
            self.validation = Images(*parts, name="validation_data")
        self.examples = _count(self.images)
        self.classes = _classes(self.model)

    def job(
        self,
        model: Any,
        images: Images,
        validation_images: Images | None,
        *,
        epochs: int,
        more: Any = (),
        shown_as: Shown | None = None,
    ) -> Job:
        """Returns the job of training a model, the whole or a part, on images or features."""
        validation: Any = self.validation_data
        if shown_as is not None and validation_images is not None:
            rows = validation_images
            validation = rows.x if rows.is_stream else rows.packed
        return Job.read(
            model=model,
            x=images.x,
            y=images.y,
            batch_size=None if isinstance(images.x, tf.data.Dataset) else self.batch_size,
            epochs=epochs,
            verbose=self.verbose,
            callbacks=[*self._callbacks, *more],
            validation_data=validation,
            # The weights of rows are sample weights then.
            class_weight=None if shown_as is not None else self.class_weight,
            sample_weight=images.sample_weight,
            engine=self.engine,
            seed=self.seed,
            shown_as=shown_as,
        )

    def step_rows(self, images: Images) -> int:
        """Returns the batch size; for a dataset an estimate."""
        return (images.count or 32) if self.batch_size == "full" else int(self.batch_size or 32)


def _count(images: Images) -> int | None:
    """Returns the number of rows; for a dataset an estimate accurate to one batch, or None."""
    if not images.is_stream:
        return images.count
    batches = int(images.x.cardinality())
    return None if batches < 0 else batches * len(images.sample(1 << 30))


def _classes(model: Any) -> int:
    """Returns the number of classes of the loss, 1 if it has no classes."""
    loss = getattr(model.loss, "name", None) or str(getattr(model.loss, "__name__", model.loss))
    units = model.outputs[0].shape[-1]
    if "categorical" in loss:
        return units
    return 2 if "binary" in loss and units == 1 else 1
