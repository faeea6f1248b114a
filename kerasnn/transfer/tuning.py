"""One run of `fine_tune`: features once, then stage after stage."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.callbacks import Resume
from kerasnn.models import parts
from kerasnn.models.model import Model
from kerasnn.training.engines import refuse_keras_only
from kerasnn.training.fit import train
from kerasnn.training.job import Job, Told
from kerasnn.training.rows import trains_as_keras
from kerasnn.training.run import ask_callbacks
from kerasnn.training.standardization import learn_standardization
from kerasnn.transfer.before import Before
from kerasnn.transfer.counts import counts_of
from kerasnn.transfer.cut import Chain
from kerasnn.transfer.data import Images, check_source
from kerasnn.transfer.extraction import Caching, Extraction
from kerasnn.transfer.in_inference import InInference
from kerasnn.transfer.layer_rates import LayerRates
from kerasnn.transfer.stage_bar import StageBar
from kerasnn.transfer.stages import Stage, Trained
from kerasnn.transfer.trainability import leaves, train_from

_SAMPLE_ROWS = 4


@dataclasses.dataclass(kw_only=True)
class Tuning:
    """The arguments of `fine_tune`, checked, and its data. Making one changes nothing.

    Attributes:
        examples: Rows to train on; None where they are not known.
        classes: Classes of the task, 1 for regression.
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
    precision: str
    caching: Caching
    keeps: bool
    augment: Any
    learning_rate: float | None

    def __post_init__(self) -> None:
        self._chain = Chain(self.model)
        self._chain.head()
        self._callbacks = keras.tree.flatten(self.callbacks) if self.callbacks else []
        if any(isinstance(callback, Resume) for callback in self._callbacks):
            raise ValueError(
                "`callbacks` must be without `Resume`, which goes on with one call of `fit`; for "
                "features that survive a kill give a directory as `cache`."
            )
        check_source("x", self.x)
        if self.validation_data is not None:
            check_source("validation_data", self.validation_data)
        if self.class_weight is not None and isinstance(self.x, tf.data.Dataset):
            raise _checks.wrong(
                "class_weight",
                "be left out where `x` is a dataset",
                self.class_weight,
                "Let it yield (x, y, sample_weight).",
            )
        job = self._job(self.model, Images(self.x, self.y, self.sample_weight), None, epochs=1)
        if not trains_as_keras(self.model):
            raise ValueError(
                f"`{self.model.name}` must be trained by Keras's own `train_step` and "
                "`compute_loss`, with a loss: its own would not see the layers that are computed "
                "beforehand. Freeze with `kerasnn.transfer.freeze_to`, and call `fit`."
            )
        ask_callbacks(job)
        refuse_keras_only(job)
        if self.learning_rate is not None and not isinstance(
            self.model.optimizer.learning_rate, keras.Variable
        ):
            raise _checks.wrong(
                "learning_rate",
                "be left out where the optimizer's rate is a schedule",
                self.learning_rate,
                "Compile the model with a number.",
            )
        self._images = Images(job.x, job.y, job.sample_weight)
        self._held = None
        if self.validation_data is not None:
            held = job.validation_data
            self._held = Images(*held) if isinstance(held, tuple) else Images(held)
        self.examples = _count(self._images)
        self.classes = _classes(self.model)

    def run(
        self,
        plan: tuple[str, list[Stage]],
        epochs: int,
        head_epochs: int | None,
        layer_decay: float,
    ) -> keras.callbacks.History:
        """Trains all stages; returns their History."""
        regime, stages = plan
        self._say(f"Regime {regime}")
        before = Before(self.model)
        try:
            learn_standardization(self.model, self._images.x, self._images.y, None)
            if self.learning_rate is not None:
                self.model.optimizer.learning_rate = self.learning_rate
            return self._run(stages, epochs, head_epochs or epochs, layer_decay)
        except BaseException:
            before.restore_if_untrained()
            raise
        finally:
            if self.learning_rate is not None:
                before.restore_rate()

    def _run(
        self, stages: list[Stage], epochs: int, head_epochs: int, layer_decay: float
    ) -> keras.callbacks.History:
        keeps = self._keeps_features()
        places = [self._place(stage) if keeps else 0 for stage in stages]
        # What the last stage keeps frozen is computed first, and for the head the rest of it.
        base, data = min(places), self._data()
        if base:
            data = self._extract(data, 0, base, augment=self.augment)
        logs: dict[str, list[Any]] = {}
        ended: list[Trained] = []
        for number, (stage, place) in enumerate(zip(stages, places, strict=True), 1):
            counts = self._set(stage)
            last = number == len(stages)
            self._say(
                f"Stage {number} of {len(stages)}, {stage.name}: {counts}; "
                f"{epochs if last else head_epochs} epochs"
            )
            used = data
            if place > base:
                used = self._extract(data, base, place, augment=self.augment and not base)
            model = self._chain.part(place) if place else self._on_images()
            rates = [LayerRates(self.model, layer_decay, stage.rate)] if stage.decays else []
            history = self._train(model, used, epochs if last else head_epochs, rates)
            for name, values in history.history.items():
                logs.setdefault(name, []).extend(values)
            precision = used.precision if place else None
            ended.append(
                Trained(stage.name, len(history.epoch), counts.trainable, history.engine, precision)
            )
        history = self.model.history
        history.history, history.stages = logs, ended
        history.epoch = list(range(sum(stage.epochs for stage in ended)))
        return history

    def _keeps_features(self) -> bool:
        """Whether features are the same in every epoch, and wanted."""
        if not self.keeps:
            return False
        drawn = self._chain.augments()
        if self.augment is True or drawn:
            why = "`augment=True`" if self.augment is True else f"`{drawn[0]}`"
            self._say(
                f"No features are kept: {why} draws each image anew in every epoch. "
                "`augment=4` keeps those of four altered copies of each."
            )
            return False
        return True

    def _place(self, stage: Stage) -> int:
        """Returns up to where a stage keeps the layers frozen."""
        self._set(stage)
        return self._chain.frozen()

    def _set(self, stage: Stage) -> Any:
        first = stage.first(self.model)
        if first is not None:
            return train_from(self.model, first, batch_norm=False)
        trained = [layer for layer in leaves(self.model) if layer.trainable_variables]
        return counts_of(self.model, len(trained))

    def _data(self) -> "_Data":
        return _Data(self._images, self._held, None)

    def _extract(self, data: "_Data", start: int, stop: int, *, augment: Any) -> "_Data":
        """Returns the features of all rows that go in at one place and come out at another."""
        extract = Extraction(
            self._chain.part(start, stop),
            data.images.sample(_SAMPLE_ROWS),
            self.precision,
            self.caching,
            self.verbose,
            batch_size=self._step_rows(data.images),
            seed=self.seed,
        )
        passes = int(augment) or 1
        change = self._augmenter() if augment else None
        images = extract(data.images, "the training images", passes=passes, augment=change)
        held = None if data.held is None else extract(data.held, "the validation images")
        return _Data(images, held, extract.precision)

    def _step_rows(self, images: Images) -> int:
        """Returns the rows to a step; of images that come in batches, about."""
        return (images.count or 32) if self.batch_size == "full" else int(self.batch_size or 32)

    def _augmenter(self) -> Callable[[Any], Any]:
        layers = keras.Sequential(
            parts.augmentation(parts.Parts(l1=0, l2=0, batch_norm=False, seed=self.seed))
        )
        return lambda batch: layers(tf.cast(batch, tf.float32), training=True)

    def _on_images(self) -> keras.Model:
        """Returns the model as it trains on images: what is frozen in inference."""
        place = self._chain.frozen() if not self._chain.augments() else 0
        if not place and not self.augment:
            return self.model
        image = keras.Input(self._chain.image.shape[1:], dtype=self._chain.image.dtype)
        tensor: Any = image
        if self.augment:
            part = parts.Parts(l1=0, l2=0, batch_norm=False, seed=self.seed)
            for layer in parts.augmentation(part):
                tensor = layer(tensor)
        if place:
            tensor = InInference(self._chain.part(0, place))(tensor)
        return Model(image, self._chain.part(place)(tensor), name=f"{self.model.name}_on_images")

    def _train(
        self, model: Any, data: "_Data", epochs: int, callbacks: list[Any]
    ) -> keras.callbacks.History:
        if model is not self.model:
            _compile_as(model, self.model)
        told = Told(
            self.model, self._images.packed, None if self._held is None else self._held.packed
        )
        bar = None
        if self.verbose != 0:
            bar = StageBar(data.images.count, self._step_rows(data.images), epochs)
        return train(
            self._job(
                model, data.images, data.held, epochs=epochs, more=callbacks, told=told, bar=bar
            )
        )

    def _job(
        self,
        model: Any,
        images: Images,
        held: Images | None,
        *,
        epochs: int,
        more: Any = (),
        told: Told | None = None,
        bar: Any = None,
    ) -> Job:
        validation: Any = self.validation_data
        if told is not None and held is not None:
            validation = held.x if held.is_stream else held.packed
        return Job(
            model=model,
            x=images.x,
            y=images.y,
            batch_size=None if isinstance(images.x, tf.data.Dataset) else self.batch_size,
            epochs=epochs,
            verbose=self.verbose,
            callbacks=[*self._callbacks, *more],
            validation_split=0.0,
            validation_data=validation,
            shuffle=True,
            # Those of rows are sample weights by then.
            class_weight=None if told is not None else self.class_weight,
            sample_weight=images.sample_weight,
            initial_epoch=0,
            steps_per_epoch=None,
            validation_steps=None,
            validation_batch_size=None,
            validation_freq=1,
            engine=self.engine,
            seed=self.seed,
            told=told,
            bar=bar,
        )

    def _say(self, text: str) -> None:
        if self.verbose != 0:
            print(text)


@dataclasses.dataclass(frozen=True)
class _Data:
    """What a stage trains and validates on, and the precision that it was computed in."""

    images: Images
    held: Images | None
    precision: Any


def _compile_as(part: Any, model: Any) -> None:
    """Compiles a part of a model as the whole is: the same optimizer, loss and metrics."""
    config = model.get_compile_config() or {}
    try:
        metrics, weighted = (
            keras.saving.deserialize_keras_object(config.get(name))
            for name in ("metrics", "weighted_metrics")
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`model` must be compiled with metrics that Keras can make again: {error} Decorate "
            "your own with `keras.saving.register_keras_serializable()`."
        ) from error
    part.compile(
        optimizer=model.optimizer,
        loss=model.loss,
        loss_weights=config.get("loss_weights"),
        metrics=metrics,
        weighted_metrics=weighted,
        run_eagerly=model.run_eagerly,
    )


def _count(images: Images) -> int | None:
    """Returns the number of rows; that of a dataset as far as it tells it, to a batch."""
    if not images.is_stream:
        return images.count
    batches = int(images.x.cardinality())
    return None if batches < 0 else batches * len(images.sample(1 << 30))


def _classes(model: Any) -> int:
    """Returns the number of classes that the loss tells apart, 1 for what has none."""
    loss = getattr(model.loss, "name", None) or str(getattr(model.loss, "__name__", model.loss))
    units = model.outputs[0].shape[-1]
    if "categorical" in loss:
        return units
    return 2 if "binary" in loss and units == 1 else 1
