"""One run of `fine_tune`: features once, then stage after stage."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasnn.models import _building_blocks
from kerasnn.models.model import Model
from kerasnn.training.fit import train
from kerasnn.training.inputs.standardization import learn_standardization
from kerasnn.training.loop.job import Told
from kerasnn.transfer._model_graph import Chain
from kerasnn.transfer.fine_tuning.inference_only import InInference
from kerasnn.transfer.fine_tuning.layer_rates import LayerRates
from kerasnn.transfer.fine_tuning.progress import StageBar
from kerasnn.transfer.fine_tuning.request import Assignment
from kerasnn.transfer.fine_tuning.snapshot import Before
from kerasnn.transfer.fine_tuning.stages import Stage, Trained
from kerasnn.transfer.freezing.parameter_counts import counts_of
from kerasnn.transfer.freezing.trainability import leaves, train_from
from kerasnn.transfer.frozen_features.extractor import Caching, Extraction
from kerasnn.transfer.frozen_features.images import Images, reading


class Tuning:
    """Trains stage after stage.

    Args:
        assignment: What is asked for.
        precision: What frozen layers compute in; see `Prefix`.
        caching: Where features are kept.
        keeps: Whether they are.
        augment: Whether, or how often, images are altered.

    Raises:
        ValueError: If the model has no head.
    """

    def __init__(
        self,
        assignment: Assignment,
        *,
        precision: str,
        caching: Caching,
        keeps: bool,
        augment: bool | int,
    ) -> None:
        self._ask, self._model = assignment, assignment.model
        self._precision, self._caching = precision, caching
        self._keeps, self._augment = keeps, augment
        self._chain = Chain(self._model)
        self._chain.head()

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
        before = Before(self._model)
        try:
            with reading("x"):
                learn_standardization(self._model, self._ask.images.x, self._ask.images.y, None)
            if self._ask.learning_rate is not None:
                self._model.optimizer.learning_rate = self._ask.learning_rate
            return self._run(stages, epochs, head_epochs or epochs, layer_decay)
        except BaseException:
            before.restore_if_untrained()
            raise
        finally:
            if self._ask.learning_rate is not None:
                before.restore_rate()

    def _run(
        self, stages: list[Stage], epochs: int, head_epochs: int, layer_decay: float
    ) -> keras.callbacks.History:
        keeps = self._keeps_features()
        places = [self._place(stage) if keeps else 0 for stage in stages]
        # What the last stage keeps frozen is computed first, and for the head the rest of it.
        base, data = min(places), self._data()
        if base:
            data = self._extract(data, 0, base, augment=self._augment)
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
                used = self._extract(data, base, place, augment=self._augment and not base)
            model = self._chain.part(place) if place else self._on_images()
            rates = [LayerRates(self._model, layer_decay, stage.rate)] if stage.decays else []
            history = self._train(model, used, epochs if last else head_epochs, rates)
            for name, values in history.history.items():
                logs.setdefault(name, []).extend(values)
            precision = used.precision if place else None
            ended.append(
                Trained(stage.name, len(history.epoch), counts.trainable, history.engine, precision)
            )
        history = self._model.history
        history.history, history.stages = logs, ended
        history.epoch = list(range(sum(stage.epochs for stage in ended)))
        return history

    def _keeps_features(self) -> bool:
        """Whether features are the same in every epoch, and wanted."""
        if not self._keeps:
            return False
        drawn = self._chain.augments()
        if self._augment is True or drawn:
            why = "`augment=True`" if self._augment is True else f"`{drawn[0]}`"
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
        first = stage.first(self._model)
        if first is not None:
            return train_from(self._model, first, batch_norm=False)
        trained = [layer for layer in leaves(self._model) if layer.trainable_variables]
        if not trained:
            raise ValueError(
                f"`{self._model.name}` must have layers that train; all are frozen. Call "
                "`kerasnn.transfer.unfreeze`, or give a `regime`."
            )
        return counts_of(self._model, len(trained))

    def _data(self) -> "_Data":
        return _Data(self._ask.images, self._ask.held, None)

    def _extract(self, data: "_Data", start: int, stop: int, *, augment: Any) -> "_Data":
        """Returns the features of all rows that go in at one place and come out at another."""
        extract = Extraction(
            self._chain.part(start, stop),
            data.images,
            self._precision,
            self._caching,
            self._ask.verbose,
            batch_size=self._ask.step_rows(data.images),
            seed=self._ask.seed,
        )
        passes = int(augment) or 1
        change = self._augmenter() if augment else None
        images = extract(data.images, "the training images", passes=passes, augment=change)
        held = None if data.held is None else extract(data.held, "the validation images")
        return _Data(images, held, extract.precision)

    def _augmentation(self) -> list[keras.layers.Layer]:
        part = _building_blocks.LayerFactory(l1=0, l2=0, batch_norm=False, seed=self._ask.seed)
        return _building_blocks.augmentation_layers(part)

    def _augmenter(self) -> Callable[[Any], Any]:
        layers = keras.Sequential(self._augmentation())
        return lambda batch: layers(tf.cast(batch, tf.float32), training=True)

    def _on_images(self) -> keras.Model:
        """Returns the model as it trains on images: what is frozen in inference."""
        place = self._chain.frozen() if not self._chain.augments() else 0
        if not place and not self._augment:
            return self._model
        image = keras.Input(self._chain.image.shape[1:], dtype=self._chain.image.dtype)
        tensor: Any = image
        for layer in self._augmentation() if self._augment else ():
            tensor = layer(tensor)
        if place:
            tensor = InInference(self._chain.part(0, place))(tensor)
        return Model(image, self._chain.part(place)(tensor), name=f"{self._model.name}_on_images")

    def _train(
        self, model: Any, data: "_Data", epochs: int, callbacks: list[Any]
    ) -> keras.callbacks.History:
        if model is not self._model:
            _compile_as(model, self._model)
        whole, held = self._ask.images.packed, self._ask.held
        told = Told(self._model, whole, None if held is None else held.packed)
        bar = None
        if self._ask.verbose != 0:
            bar = StageBar(data.images.count, self._ask.step_rows(data.images), epochs)
        return train(
            self._ask.job(
                model, data.images, data.held, epochs=epochs, more=callbacks, told=told, bar=bar
            )
        )

    def _say(self, text: str) -> None:
        if self._ask.verbose != 0:
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
