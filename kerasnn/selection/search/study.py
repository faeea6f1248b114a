"""A search on one dataset: everything that its trials have in common."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerasnn import training
from kerasnn._core.display.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.selection.folds.dataset import Dataset
from kerasnn.selection.folds.executor import FoldExecutor
from kerasnn.selection.folds.fold import Fold, FoldResult, FoldSettings
from kerasnn.selection.folds.fold_runner import FoldRunner, Results
from kerasnn.selection.folds.fold_training import FoldTraining
from kerasnn.selection.folds.model_builder import ModelBuilder
from kerasnn.selection.folds.splits import FoldRows
from kerasnn.selection.result import Trial
from kerasnn.selection.search.journal import Journal, Key
from kerasnn.selection.search.sampling import Params

# Numbers from which seeds are derived.
_FOLDS, _REFIT = 1, 3
# Number of folds that wait for one another to train at once, and the number where what has not
# ended is lost: at a deadline, and in a process that is killed.
_MOST, _FEW = 512, 64


@dataclasses.dataclass(frozen=True)
class Deadline:
    """A time after which no further trial begins.

    Attributes:
        at: Seconds of the clock, or None for no limit.
        clock: Returns the seconds now.
    """

    at: float | None = None
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float | None) -> "Deadline":
        """Returns the deadline in some seconds from now."""
        return cls(None if seconds is None else time.monotonic() + seconds)

    def is_over(self) -> bool:
        """Returns whether the time has passed."""
        return self.at is not None and self.clock() > self.at

    def share(self, parts: int) -> "Deadline":
        """Returns the deadline of the first of several parts that divide the time left evenly."""
        if self.at is None:
            return self
        now = self.clock()
        return dataclasses.replace(self, at=now + max(0.0, self.at - now) / parts)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """Evaluates settings on the same folds of one dataset.

    Attributes:
        builder: Builds models.
        dataset: The data.
        folds: Rows of each fold.
        settings: How each fold is trained and scored.
        metric: The score by which settings are compared.
        sign: -1 where less of it is better, else 1.
        seed: Seed of the search.
        journal: Results known from before, and the file that keeps new ones.
        executor: Runs folds.
        progress: Progress bar over all folds.
        deadline: Time after which no further trial begins.
        part: Number of the part of the data that is searched on; 0 for all of it.
        storage: URL of Optuna's storage, or None.
    """

    builder: ModelBuilder
    dataset: Dataset
    folds: list[FoldRows]
    settings: FoldSettings
    metric: str
    sign: int
    seed: int
    journal: Journal
    executor: FoldExecutor
    progress: Progress
    deadline: Deadline
    part: int = 0
    storage: str | None = None

    def evaluate(self, candidates: Mapping[int, Params], epochs: int) -> dict[int, Trial]:
        """Returns the trials of several settings; after the deadline fewer, but one at least.

        Folds whose results the journal lacks are run, of each setting up to the first that fails.
        Those whose models have one architecture train at once.

        Args:
            candidates: Arguments of `build`, by the number of the setting in this study.
            epochs: Epochs of each fold.
        """
        runner = FoldRunner(
            self._training(dataclasses.replace(self.settings, epochs=epochs)),
            self.executor,
            self.progress,
            most=_MOST if self.deadline.at is None and not self.journal.is_kept else _FEW,
        )
        begun: dict[int, Params] = {}
        for number, params in candidates.items():
            if begun and self.deadline.is_over():
                break
            begun[number] = params
            folds = self._folds_to_run(number, params, epochs)
            self.progress.step(len(self.folds) - len(folds))
            for results in runner.add(folds):
                self._record(results, begun, epochs)
        waiting = runner.finish()
        trials = self._trials(begun, epochs)
        while not (trials and self.deadline.is_over()):
            results = next(waiting, None)
            if results is None:
                break
            self._record(results, begun, epochs)
            trials = self._trials(begun, epochs)
        return trials

    def _training(self, settings: FoldSettings) -> FoldTraining:
        return FoldTraining(dataset=self.dataset, builder=self.builder, settings=settings)

    def _folds_to_run(self, number: int, params: Params, epochs: int) -> dict[Key, Fold]:
        """Returns the folds of a setting whose results are not known, up to a known error."""
        folds: dict[Key, Fold] = {}
        for i, rows in enumerate(self.folds):
            key = (self.part, number, i, epochs)
            known = self.journal.get(key)
            if isinstance(known, str):
                break
            if known is None:
                folds[key] = Fold(params=params, rows=rows, seed=derived(self.seed, _FOLDS, i))
        return folds

    def _record(self, results: Results, begun: Mapping[int, Params], epochs: int) -> None:
        for key, result in results:
            failed = isinstance(result, Exception)
            self.journal.put(key, error_text(result) if failed else result)
        numbers = {key[1] for key, _ in results}
        for trial in self._trials({n: begun[n] for n in numbers}, epochs).values():
            self.progress.note(self.metric, self.sign * trial.score, sign=self.sign)

    def _trials(self, begun: Mapping[int, Params], epochs: int) -> dict[int, Trial]:
        """Returns the trials of which all folds are known, or one that failed and those before."""
        found = {number: self._trial(number, params, epochs) for number, params in begun.items()}
        return {number: trial for number, trial in found.items() if trial is not None}

    def _trial(self, number: int, params: Params, epochs: int) -> Trial | None:
        folds: list[FoldResult] = []
        for i in range(len(self.folds)):
            result = self.journal.get((self.part, number, i, epochs))
            if result is None:
                return None
            if isinstance(result, str):
                return Trial(params=params, epochs=epochs, folds=folds, error=result)
            folds.append(result)
        score = self.sign * float(np.mean([fold.scores[self.metric] for fold in folds]))
        return Trial(params=params, epochs=epochs, folds=folds, score=score)

    def test(self, params: Params, epochs: int, rows: FoldRows) -> float:
        """Returns the score of a model trained as `refit` does, on test rows of its own.

        Raises:
            RuntimeError: If the model cannot be trained.
        """
        key = (self.part, -1, 0, epochs)
        result = self.journal.get(key)
        if result is None:
            settings = FoldSettings(
                epochs=epochs,
                batch_size=self.settings.batch_size,
                class_weight=self.settings.class_weight,
                scorers=self.settings.scorers,
                data_loss=self.settings.data_loss,
            )
            training = self._training(settings)
            fold = Fold(params=params, rows=rows, seed=derived(self.seed, _REFIT))
            result = training.alone(training.build(fold))
            self.journal.put(key, result)
        if isinstance(result, str):
            raise RuntimeError(result)
        return self.sign * result.scores[self.metric]

    def refit(self, params: Params, epochs: int) -> Any:
        """Returns a newly built model that was trained on all rows."""
        data, seed = self.dataset, derived(self.seed, _REFIT)
        model = self.builder(params, data.x, seed=seed)
        training.fit(
            model,
            data.x,
            data.y,
            sample_weight=data.sample_weight,
            class_weight=self.settings.class_weight,
            epochs=epochs,
            batch_size=self.settings.batch_size,
            verbose=0,
            seed=seed,
        )
        return model


def error_text(error: Exception) -> str:
    """Returns the text of an error in the table."""
    return f"{type(error).__name__}: {error}"
