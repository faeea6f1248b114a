"""A folder of images to learn from."""

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerasnn import _checks, data, models, training, transfer
from kerasnn._core.random_state import derived
from kerasnn.callbacks import EarlyStopping
from kerasnn.cli.training import rivals
from kerasnn.cli.training.networks.rows import Rows, stratified
from kerasnn.cli.training.networks.trained import EpochBar, Settings, Trained
from kerasnn.cli.training.options import Options
from kerasnn.cli.training.problem import Contestant, Fold, Problem
from kerasnn.data.split import Split

_SIZE, _BACKBONE_SIZE = (64, 64), (224, 224)
_VALIDATION = 0.15
_PATIENCE = 10
_BATCH = 64
# Components of pixels that the linear model learns from.
_COMPONENTS = 100
_EPOCHS = 200
_RATE = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageFolder(Problem):
    """A folder with a folder of images for each class, read.

    Args:
        split: Training part and test part.
        left_out: Nothing.
        notes: Sentences about the images.
        network: Name of the network.
        options: Arguments of the command.
    """

    split: Split
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    network: str
    options: Options

    def described(self) -> str:
        """Returns classes, numbers and size of the images."""
        labels = np.concatenate([self.split.y_train, self.split.y_test])
        height, width, channels = self.split.input_shape
        counts = np.bincount(labels)
        listed = ", ".join(
            f"{name} ({count})"
            for name, count in zip(self.split.classes or (), counts, strict=True)
        )
        resized = {"stretch": "stretched", "crop": "cropped", "pad": "padded"}[self.options.resize]
        return (
            f"{len(labels)} images, {resized} to {height}x{width} with {channels} "
            f"{'channel' if channels == 1 else 'channels'}, of {len(counts)} classes: {listed}"
        )

    def folds(self, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns the indices of training rows and test rows of each fold, of the training part."""
        y = self.split.y_train
        return list(stratified(y, count, seed).split(y, y))

    def fold(self, train: np.ndarray, test: np.ndarray) -> Fold:
        """Returns a fold."""
        rows = Rows(
            x=self.split.x_train[train],
            y=self.split.y_train[train],
            task=self.split.task,
            outputs=self.split.outputs,
        )
        return Fold(rows, self.split.x_train[test])

    def contestants(self, settings: Settings) -> dict[str, Contestant]:
        """Returns the network and models of scikit-learn.

        A linear model learns from the main components of the pixels. Boosting takes hours on
        pixels, and is left out.
        """

        def network(fold: Fold, seed: int) -> np.ndarray:
            model = self._train(fold.rows, settings, seed=seed, verbose=0).model
            return training.predict(model, fold.x_test, batch_size=_BATCH, verbose=0)

        def constant(fold: Fold, seed: int) -> np.ndarray:
            return rivals.predict(DummyClassifier(strategy="prior"), fold.rows, fold.x_test, seed)

        def linear(fold: Fold, seed: int) -> np.ndarray:
            count = min(_COMPONENTS, len(fold.rows.x) - 1, int(np.prod(fold.x_test.shape[1:])))
            components = PCA(count, random_state=seed % 2**32)
            model = make_pipeline(components, StandardScaler(), LogisticRegression(max_iter=2000))
            return rivals.predict(model, fold.rows, fold.x_test, seed)

        return {
            self.network: network,
            "most frequent class": constant,
            "logistic regression on pixels": linear,
        }

    def train(self, settings: Settings, *, seed: int, verbose: int) -> Trained:
        """Returns a network that has learned from the training part."""
        rows = self.fold(np.arange(len(self.split.y_train)), np.arange(0)).rows
        return self._train(rows, settings, seed=seed, verbose=verbose)

    @property
    def examples(self) -> Any:
        """A few images of the training part."""
        return self.split.x_train[:8]

    def _train(self, rows: Rows, settings: Settings, *, seed: int, verbose: int) -> Trained:
        model = self._built(rows, settings, derived(seed, 0))
        splitter = StratifiedShuffleSplit(
            1,
            test_size=max(_VALIDATION, 1.5 * rows.outputs / len(rows.x)),
            random_state=seed % 2**32,
        )
        [(first, second)] = splitter.split(rows.y, rows.y)
        epochs = settings.epochs or _EPOCHS
        callbacks: list[Any] = [EarlyStopping(patience=min(_PATIENCE, settings.patience))]
        if verbose:
            callbacks.append(EpochBar(epochs))
        arguments: dict[str, Any] = {
            "validation_data": (rows.x[second], rows.y[second]),
            "epochs": epochs,
            "callbacks": callbacks,
            "verbose": 0,
            "seed": derived(seed, 1),
        }
        has_features = self.options.backbone != "none" and self.options.weights != "none"
        fit = transfer.fine_tune if has_features else training.fit
        history = fit(model, rows.x[first], rows.y[first], **arguments)
        return Trained.of(model, history.history)

    def _built(self, rows: Rows, settings: Settings, seed: int) -> keras.Model:
        options, shape = self.options, rows.x.shape[1:]
        rate = settings.learning_rate or _RATE
        if options.backbone == "none":
            return models.cnn(shape, rows.outputs, task=rows.task, learning_rate=rate, seed=seed)
        return transfer.from_backbone(
            options.backbone,
            shape,
            rows.outputs,
            task=rows.task,
            weights=None if options.weights == "none" else options.weights,
            learning_rate=rate,
            seed=seed,
        )


def read(options: Options) -> ImageFolder:
    """Reads a folder of images.

    Raises:
        InvalidArgument: If an argument is for tables, or does not fit the folder.
        ValueError: If an image cannot be read.
    """
    for flag, value in {
        "--target": options.target,
        "--search": options.search,
        "--ignore": options.ignore,
        "--split-by": options.split_by,
        "--groups": options.groups,
        "--windows": options.windows,
        "--hidden": options.hidden,
        "--network": options.network,
        "--compare": options.compare,
    }.items():
        if value:
            raise _checks.InvalidArgument(
                flag, "be left out for a folder of images, which is no table", value
            )
    if options.backbone != "none" and options.color_mode != "rgb":
        raise _checks.InvalidArgument(
            "--color-mode",
            "be rgb for a backbone, which has learned from colours",
            options.color_mode,
        )
    default = _SIZE if options.backbone == "none" else _BACKBONE_SIZE
    with warnings.catch_warnings(record=True, action="always", category=UserWarning) as caught:
        split = data.from_directory(
            options.data,
            image_size=options.image_size or default,
            color_mode=options.color_mode,
            resize=options.resize,
            classes=options.classes,
            errors=options.errors,
            test_size=options.test_size,
            seed=options.seed,
            verbose=0 if options.quiet else "auto",
        )
    network = "convolutional network" if options.backbone == "none" else options.backbone
    notes = tuple(str(warning.message) for warning in caught)
    return ImageFolder(split=split, left_out={}, notes=notes, network=network, options=options)
