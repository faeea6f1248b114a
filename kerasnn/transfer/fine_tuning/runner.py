"""Runner of fine-tuning: features of the frozen layers, then stage after stage."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.display.progress import is_shown_live
from kerasnn.models import _building_blocks
from kerasnn.models.model import Model
from kerasnn.training.inputs.standardization import learn_standardization
from kerasnn.training.loop.job import Shown
from kerasnn.training.loop.training_loop import train
from kerasnn.transfer._model_graph import ModelGraph
from kerasnn.transfer.fine_tuning.inference_only import InferenceOnly
from kerasnn.transfer.fine_tuning.layer_rates import LayerRates
from kerasnn.transfer.fine_tuning.progress import StageBar
from kerasnn.transfer.fine_tuning.request import Request
from kerasnn.transfer.fine_tuning.snapshot import Snapshot
from kerasnn.transfer.fine_tuning.stages import Stage, StageReport, StageReports
from kerasnn.transfer.freezing.parameter_counts import counts_of
from kerasnn.transfer.freezing.trainability import leaves, train_from
from kerasnn.transfer.frozen_features.extractor import CacheSettings, FeatureExtractor
from kerasnn.transfer.frozen_features.images import Images, blaming_dataset


class FineTuning:
    """Trains stage after stage.

    Args:
        request: Checked arguments and data.
        precision: Precision of the frozen layers; see `FrozenProgram`.
        cache: Where features are cached.
        keeps_features: Whether features are kept between epochs.
        augment: Whether to augment images, or the number of augmented copies of each.

    Raises:
        InvalidArgument: If the model has no head.
    """

    def __init__(
        self,
        request: Request,
        *,
        precision: str,
        cache: CacheSettings,
        keeps_features: bool,
        augment: bool | int,
    ) -> None:
        self._request, self._model = request, request.model
        self._precision, self._cache = precision, cache
        self._keeps_features, self._augment = keeps_features, augment
        self._graph = ModelGraph(self._model)
        self._graph.after_pooling()

    def run(
        self,
        regime: str,
        stages: list[Stage],
        *,
        epochs: int,
        head_epochs: int | None,
        layer_decay: float,
    ) -> keras.callbacks.History:
        """Trains all stages; returns their History."""
        self._say(f"Regime {regime}")
        before = Snapshot(self._model)
        try:
            with blaming_dataset("x"):
                learn_standardization(
                    self._model, self._request.images.x, self._request.images.y, None
                )
            if self._request.learning_rate is not None:
                self._model.optimizer.learning_rate = self._request.learning_rate
            return self._run(stages, epochs, head_epochs or epochs, layer_decay)
        except BaseException:
            before.restore_if_untrained()
            raise
        finally:
            if self._request.learning_rate is not None:
                before.restore_rate()

    def _run(
        self, stages: list[Stage], epochs: int, head_epochs: int, layer_decay: float
    ) -> keras.callbacks.History:
        keeps = self._can_keep_features()
        cuts = [self._cut_of(stage) if keeps else 0 for stage in stages]
        # Features at the cut of the last stage come first; those of the head start from them.
        base, data = min(cuts), _Data(self._request.images, self._request.validation, None)
        if base:
            data = self._extract(data, 0, base, augment=self._augment)
        logs: dict[str, list[Any]] = {}
        ended = StageReports()
        for number, (stage, cut) in enumerate(zip(stages, cuts, strict=True), 1):
            counts = self._set_trainable(stage)
            last = number == len(stages)
            self._say(
                f"Stage {number} of {len(stages)}, {stage.name}: {counts}; "
                f"{epochs if last else head_epochs} epochs"
            )
            used = data
            if cut > base:
                used = self._extract(data, base, cut, augment=self._augment and not base)
            model = self._graph.submodel(cut) if cut else self._on_images()
            rates = [LayerRates(self._model, layer_decay, stage.rate)] if stage.decays else []
            history = self._train(model, used, epochs if last else head_epochs, rates)
            for name, values in history.history.items():
                logs.setdefault(name, []).extend(values)
            precision = used.precision if cut else None
            ended.append(
                StageReport(
                    name=stage.name,
                    epochs=len(history.epoch),
                    trainable=counts.trainable,
                    engine=history.engine,
                    precision=precision,
                )
            )
        history = self._model.history
        history.history, history.stages = logs, ended
        history.epoch = list(range(sum(stage.epochs for stage in ended)))
        return history

    def _can_keep_features(self) -> bool:
        """Whether features are wanted, and the same in every epoch."""
        if not self._keeps_features:
            return False
        random_layers = self._graph.augmentation_layers()
        if self._augment is True or random_layers:
            why = "`augment=True`" if self._augment is True else f"`{random_layers[0]}`"
            self._say(
                f"No features are kept: {why} alters each image anew in every epoch. "
                "`augment=4` keeps the features of four augmented copies of each."
            )
            return False
        return True

    def _cut_of(self, stage: Stage) -> int:
        """Returns the cut up to which a stage keeps the layers frozen."""
        self._set_trainable(stage)
        return self._graph.end_of_frozen_part()

    def _set_trainable(self, stage: Stage) -> Any:
        first = stage.first(self._model)
        if first is not None:
            return train_from(self._model, first, batch_norm=False)
        trained = [layer for layer in leaves(self._model) if layer.trainable_variables]
        if not trained:
            raise _checks.InvalidArgument(
                "model",
                "have trainable layers",
                self._model,
                "Call `kerasnn.transfer.unfreeze`, or give a `regime`.",
                got=f"`{self._model.name}`, which is frozen whole",
            )
        return counts_of(self._model, len(trained))

    def _extract(self, data: "_Data", start: int, stop: int, *, augment: Any) -> "_Data":
        """Returns the features of all rows, from one cut to another."""
        extract = FeatureExtractor(
            self._graph.submodel(start, stop),
            data.images,
            self._precision,
            self._cache,
            self._request.verbose if self._request.verbose != 2 else 0,
            batch_size=self._request.step_rows(data.images),
            seed=self._request.seed,
        )
        passes = int(augment) or 1
        change = self._augmenter() if augment else None
        images = extract(data.images, "the training images", passes=passes, augment=change)
        validation = data.validation
        if validation is not None:
            validation = extract(validation, "the validation images")
        return _Data(images, validation, extract.precision)

    def _augmentation(self) -> list[keras.layers.Layer]:
        factory = _building_blocks.LayerFactory(
            l1=0, l2=0, batch_norm=False, seed=self._request.seed
        )
        return _building_blocks.augmentation_layers(factory)

    def _augmenter(self) -> Callable[[Any], Any]:
        layers = keras.Sequential(self._augmentation())
        return lambda batch: layers(tf.cast(batch, tf.float32), training=True)

    def _on_images(self) -> keras.Model:
        """Returns the model to train on images, with the frozen part in inference."""
        cut = self._graph.end_of_frozen_part() if not self._graph.augmentation_layers() else 0
        if not cut and not self._augment:
            return self._model
        image = keras.Input(self._graph.image.shape[1:], dtype=self._graph.image.dtype)
        tensor: Any = image
        for layer in self._augmentation() if self._augment else ():
            tensor = layer(tensor)
        if cut:
            tensor = InferenceOnly(self._graph.submodel(0, cut))(tensor)
        return Model(image, self._graph.submodel(cut)(tensor), name=f"{self._model.name}_on_images")

    def _train(
        self, model: Any, data: "_Data", epochs: int, callbacks: list[Any]
    ) -> keras.callbacks.History:
        if model is not self._model:
            _compile_as(model, self._model)
        whole, validation = self._request.images.packed, self._request.validation
        bar, verbose = None, self._request.verbose
        if verbose in (1, "auto"):
            rows, batch_size = data.images.count, self._request.step_rows(data.images)
            bar = StageBar(rows, batch_size, epochs, verbose)
        shown = Shown(
            model=self._model,
            train=whole,
            validation=None if validation is None else validation.packed,
            progress_bar=bar,
        )
        return train(
            self._request.job(
                model,
                data.images,
                data.validation,
                epochs=epochs,
                more=callbacks,
                shown_as=shown,
            )
        )

    def _say(self, text: str) -> None:
        verbose = self._request.verbose
        if is_shown_live() if verbose == "auto" else verbose:
            print(text)


@dataclasses.dataclass(frozen=True)
class _Data:
    """Rows that a stage trains and validates on, and the precision of features."""

    images: Images
    validation: Images | None
    precision: Any


def _compile_as(part: Any, model: Any) -> None:
    """Compiles a part of a model with the optimizer, loss and metrics of the model."""
    config = model.get_compile_config() or {}
    try:
        metrics, weighted = (
            keras.saving.deserialize_keras_object(config.get(name))
            for name in ("metrics", "weighted_metrics")
        )
    except (TypeError, ValueError) as error:
        raise _checks.InvalidArgument(
            "model",
            "be compiled with metrics that Keras can serialize",
            model,
            "Decorate your metrics with `keras.saving.register_keras_serializable()`.",
            got=f"`{model.name}`. Keras says: {_checks.first_line(error)}",
        ) from error
    part.compile(
        optimizer=model.optimizer,
        loss=model.loss,
        loss_weights=config.get("loss_weights"),
        metrics=metrics,
        weighted_metrics=weighted,
        run_eagerly=model.run_eagerly,
    )
