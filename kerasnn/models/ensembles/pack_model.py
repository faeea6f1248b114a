"""`Pack`: the model of a hyperparameter ensemble."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks, schedules
from kerasnn._core.display.progress import is_shown_live, verbosity
from kerasnn._core.model import forget_kept, kept
from kerasnn._core.random_state import derived
from kerasnn.callbacks import EarlyStopping
from kerasnn.models.ensembles import folds as row_folds
from kerasnn.models.ensembles.greedy import greedy_counts
from kerasnn.models.ensembles.histories import mean_history, member_seeds
from kerasnn.models.ensembles.members import WeightedMean
from kerasnn.models.model import Functional, Model
from kerasnn.tasks import Task
from kerasnn.training import fit_many, predict
from kerasnn.training.inputs.standardization import learn_standardization
from kerasnn.training.loop.job import Job

EPOCHS = 40
# AdamW's, as Holzmueller et al. (2024) found it for tables.
_BETA_2 = 0.95
# Rounds of the greedy selection.
_ROUNDS = 24
# Rows that are predicted at once, which bounds the memory.
_CHUNK = 4096


@keras.saving.register_keras_serializable("kerasnn")
class Pack(Functional):
    """The best weighted mean of networks with different hyperparameters; `pack` builds it.

    `fit` trains the networks by themselves; `kerasnn.fit(model, ...)`, by contrast, trains the mean
    as one network.

    Args:
        inputs: Symbolic inputs.
        outputs: Symbolic outputs.
        name: Name of the model.
        seed: Seed of the folds.
        **kwargs: Other arguments of `keras.Model`.

    Attributes:
        members_: Hyperparameters of the settings in the mean, by name.
        weights_: Their weights, whose sum is 1.
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, *, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.seed = seed

    @property
    def networks(self) -> WeightedMean:
        """The layer that holds all networks."""
        return self.get_layer("networks")

    @property
    def members_(self) -> list[dict[str, Any]]:
        """Hyperparameters of the settings in the mean, by name."""
        pairs = zip(self.networks.settings, self.networks.counts, strict=True)
        return [dict(setting) for setting, count in pairs if count]

    @property
    def weights_(self) -> np.ndarray:
        """Weights of these settings, whose sum is 1."""
        counts = np.array([count for count in self.networks.counts if count], float)
        return counts / counts.sum()

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles without the state of an optimizer, since the networks have their own."""
        super().compile(**keras.saving.deserialize_keras_object(config))

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {**super().get_config(), "seed": self.seed}

    @_checks.known_arguments
    def fit(  # type: ignore[override]
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = EPOCHS,
        verbose: int | str = "auto",
        validation_data: Any = None,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        *,
        callbacks: Any = None,
        folds: Any = None,
        patience: int | None = None,
        seed: int | None = None,
    ) -> keras.callbacks.History:
        """Trains all networks, and chooses the settings in the mean and their weights.

        Another call trains on from the weights that there are, with a new schedule.

        Args:
            x: Inputs, an array.
            y: Targets.
            batch_size: Batch size; by default about a sixteenth of the rows, from 32 to 256.
            epochs: Number of epochs; the learning rate is 0 at the end.
            verbose: 0 for silence, 1 for a progress bar with means over the networks, 2 for a line
                an epoch, "auto" for a bar on a terminal or in a notebook where it takes over two
                seconds, and for lines elsewhere.
            validation_data: `(x, y)` or `(x, y, sample_weight)`: rows on which all networks stop
                and are compared, in place of folds. All then train on all rows.
            class_weight: Weight of each class in the loss.
            sample_weight: Weight of each row in the loss.
            callbacks: None: the networks train at once, each to its best epoch. `plots.history`
                draws the curves afterwards.
            folds: Number of its fold for each row, as where rows of one person belong together; by
                default all folds have equal parts of each class, or of low and high targets.
            patience: Epochs without a lower loss after which the training of a network ends. By
                default all epochs are run; the best weights are kept.
            seed: Seed of the orders of the rows; by default drawn from Python's `random`.

        Returns:
            A `History` of the means over the networks, with `members`, the `History` of each
            network, `engine` and `reason`. For regression these losses are of targets with mean 0
            and variance 1, as the networks learn them; `evaluate` gives those of the units of y.

        Raises:
            InvalidArgument: If data or an argument cannot be right. No weight has changed then.
            FloatingPointError: If weights or loss of a network of each setting become NaN or
                infinite. Settings with such a network are left out of the mean.
            TypeError: If an argument is unknown.
        """
        _checks.integer("epochs", epochs)
        if callbacks:
            raise _checks.InvalidArgument(
                "callbacks",
                "be left out, since the networks of a pack train at once, each to its best epoch",
                callbacks,
                "Use `verbose=1` for a bar with the losses, `patience` to stop early, and "
                "`plots.history(history)` for the curves afterwards.",
            )
        for name, value in (("batch_size", batch_size), ("patience", patience)):
            if value is not None:
                _checks.integer(name, value)
        job = Job.read(
            model=self,
            x=x,
            y=y,
            epochs=epochs,
            verbose=verbose,
            validation_data=validation_data,
            class_weight=class_weight,
            sample_weight=sample_weight,
            seed=seed,
        )
        if job.train is None:
            hint = "Train a network of `models.tabular` or `models.mlp` on a stream."
            raise _checks.InvalidArgument("x", "hold a dense array", x, hint, got=type(x).__name__)
        parts = self._parts(job.y, folds, validation_data)
        learn_standardization(self, job.x, job.y, None, in_units=False)
        histories = self._train(job, parts, batch_size, patience)
        if self.networks.task is Task.REGRESSION:
            for history in histories:
                # By this `plots.history` names its axis.
                history.set_params({**history.params, "targets": "with variance 1"})
        failed = [history.error for history in histories]
        self._choose(job, parts, np.array([error is not None for error in failed]))
        self.history = mean_history(self, histories)
        return self.history

    def _parts(self, y: Any, folds: Any, validation_data: Any) -> row_folds.Folds | None:
        """Returns the folds; None where there are rows to validate on."""
        count = self.networks.repeats
        if validation_data is not None:
            if folds is not None:
                rule = "be left out where `validation_data` is given"
                raise _checks.InvalidArgument("folds", rule, folds)
            return None
        if folds is not None:
            return row_folds.given(folds, len(y), count)
        if len(y) < 2 * count:
            rule = f"hold at least {2 * count} rows, two for each of {count} folds"
            raise _checks.InvalidArgument("x", rule, len(y), got=f"{len(y)} rows")
        return row_folds.balanced(y, count, np.random.default_rng(derived(self.seed, 2)))

    def _train(
        self, job: Job, parts: row_folds.Folds | None, batch_size: int | None, patience: int | None
    ) -> Sequence[Any]:
        """Trains the networks; each has the weights of its best epoch then."""
        networks, repeats = self.networks.members, self.networks.repeats
        rows = validation_rows = validation = None
        count = len(job.y)
        if parts is not None:
            generator = np.random.default_rng(derived(self.seed, 3))
            by_fold = [parts.others(fold, generator) for fold in range(repeats)]
            rows = [by_fold[i % repeats] for i in range(len(networks))]
            validation_rows = [parts.left_out(i % repeats) for i in range(len(networks))]
            count = max(map(len, by_fold))
        else:
            x, y, sample_weight = job.validation_data
            validation = (*self._scaled(x, y), sample_weight)
        batch_size = batch_size or _batch_size(count)
        self._compile_networks(job.epochs * math.ceil(count / batch_size))
        with warnings.catch_warnings():
            # Their settings are left out of the mean.
            warnings.filterwarnings("ignore", "The training of models", RuntimeWarning)
            return fit_many(
                networks,
                *self._scaled(job.x, job.y),
                rows=rows,
                validation_rows=validation_rows,
                validation_data=validation,
                sample_weight=job.sample_weight,
                epochs=job.epochs,
                batch_size=batch_size,
                callbacks=[[EarlyStopping(patience=patience or job.epochs)] for _ in networks],
                seeds=member_seeds(job.seed, len(networks)),
                # As `fit` of one network.
                verbose=job.verbose if is_shown_live() else verbosity(job.verbose),
                validation_batch_size=_CHUNK,
            )

    def _compile_networks(self, steps: int) -> None:
        for i, network in enumerate(self.networks.members):
            setting = self.networks.settings[i // self.networks.repeats]
            optimizer = keras.optimizers.AdamW(
                schedules.CosineLog(setting["learning_rate"], steps=steps),  # type: ignore
                weight_decay=setting["weight_decay"],
                beta_2=_BETA_2,
            )
            network.compile(optimizer, self.networks.task.loss)

    def _choose(self, job: Job, parts: row_folds.Folds | None, failed: np.ndarray) -> None:
        """Chooses the settings in the mean by rows that their networks have not trained on."""
        by_setting: Any = failed.reshape(-1, self.networks.repeats).any(axis=1)
        if by_setting.all():
            raise FloatingPointError(
                "A network of each setting left the finite numbers. Try lower learning rates: "
                "`space={'learning_rate': [0.001, 0.003]}`."
            )
        if parts is None:
            x, y, sample_weight = job.validation_data
            rows = np.arange(len(y))
        else:
            x, y, sample_weight, rows = job.x, job.y, job.sample_weight, parts.compared
        features, targets = self._scaled(x, y)
        outputs = np.stack(
            [self._predict_setting(i, features, parts) for i in range(by_setting.size)]
        )
        outputs[by_setting] = np.nan
        weights = np.ones(len(rows)) if sample_weight is None else np.asarray(sample_weight)[rows]
        multiclass = self.networks.task is Task.MULTICLASS
        targets = targets.reshape(-1) if multiclass else targets.reshape(len(targets), -1)
        self.networks.counts = greedy_counts(
            self.networks.task, targets[rows], outputs[:, rows], weights.reshape(-1), _ROUNDS
        )
        # Traces have the former mean.
        forget_kept(self)
        self.predict_function = self.test_function = self.train_function = None

    def _predict_setting(
        self, setting: int, features: np.ndarray, parts: row_folds.Folds | None
    ) -> np.ndarray:
        """Returns for each row the output of a setting's networks that have not trained on it."""
        repeats = self.networks.repeats
        networks = self.networks.members[setting * repeats : (setting + 1) * repeats]
        outputs = np.zeros((len(features), self.networks.outputs), np.float32)
        for fold, network in enumerate(networks):
            if parts is None:
                outputs += _in_chunks(network, features) / repeats
            else:
                rows = parts.left_out(fold)
                outputs[rows] = _in_chunks(network, features[rows])
        return outputs

    def _scaled(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Returns inputs and targets as the networks see them."""
        front = kept(self, "front", lambda: Model(self.input, self.networks.input))
        features = predict(front, x, batch_size=_CHUNK, verbose=0)
        targets = np.asarray(y)
        if self.networks.task is Task.REGRESSION:
            units = self.get_layer("target_units")
            deviation = np.sqrt(units.variance.numpy())
            targets = targets.reshape(len(targets), -1) - units.mean.numpy()
            targets = (targets / np.where(deviation > 0, deviation, 1.0)).astype("float32")
        return features, targets


def _batch_size(rows: int) -> int:
    """Returns a batch size of about a sixteenth of the rows that leaves no small last batch.

    >>> [_batch_size(rows) for rows in (100, 540, 3000, 20_000)]
    [34, 34, 188, 257]
    """
    wanted = min(256, max(32, rows / 16))
    return math.ceil(rows / max(1, round(rows / wanted)))


def _in_chunks(network: Any, x: np.ndarray) -> np.ndarray:
    parts = [x[at : at + _CHUNK] for at in range(0, len(x), _CHUNK)]
    return np.concatenate([np.asarray(network(part, training=False)) for part in parts])
