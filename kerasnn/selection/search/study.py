"""A search on one dataset: everything that its trials have in common."""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kerasnn import training
from kerasnn._core.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.selection.folds.dataset import Dataset
from kerasnn.selection.folds.executor import FoldExecutor
from kerasnn.selection.folds.fold import FoldResult, FoldSettings, run_fold
from kerasnn.selection.folds.model_builder import ModelBuilder
from kerasnn.selection.folds.splits import FoldRows
from kerasnn.selection.result import Trial
from kerasnn.selection.search.journal import Journal

# Numbers from which seeds are derived.
_FOLDS, _REFIT = 1, 3


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

    def evaluate(self, number: int, params: dict[str, Any], epochs: int) -> Trial:
        """Returns the trial of one setting.

        Folds whose results the journal lacks are run, up to the first that fails.

        Args:
            number: Number of the setting in this study.
            params: Arguments of `build`.
            epochs: Epochs of each fold.
        """
        results: list[FoldResult] = []
        for result in self._results(number, params, epochs):
            if isinstance(result, str):
                self.progress.step(len(self.folds) - len(results))
                return Trial(params=params, epochs=epochs, folds=results, error=result)
            results.append(result)
            self.progress.step()
        score = self.sign * float(np.mean([fold.scores[self.metric] for fold in results]))
        self.progress.note(score)
        return Trial(params=params, epochs=epochs, folds=results, score=score)

    def _results(
        self, number: int, params: dict[str, Any], epochs: int
    ) -> Iterator[FoldResult | str]:
        """Yields the result of each fold, and ends with the text of the first error."""
        keys = [(self.part, number, fold, epochs) for fold in range(len(self.folds))]
        known = [self.journal.get(key) for key in keys]
        run = functools.partial(self._run, params=params, epochs=epochs)
        new = self.executor.map(run, [fold for fold, found in enumerate(known) if found is None])
        for key, found in zip(keys, known, strict=True):
            result = found
            if result is None:
                try:
                    result = next(new)
                except Exception as error:  # noqa: BLE001  Another setting may not raise it.
                    result = error_text(error)
                self.journal.put(key, result)
            yield result

    def _run(self, fold: int, *, params: dict[str, Any], epochs: int) -> FoldResult:
        settings = dataclasses.replace(self.settings, epochs=epochs)
        seed = derived(self.seed, _FOLDS, fold)
        rows = self.folds[fold]
        return run_fold(self.dataset, self.builder, params, rows, settings, seed=seed)

    def test(self, params: dict[str, Any], epochs: int, rows: FoldRows) -> float:
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
            seed = derived(self.seed, _REFIT)
            result = run_fold(self.dataset, self.builder, params, rows, settings, seed=seed)
            self.journal.put(key, result)
        if isinstance(result, str):
            raise RuntimeError(result)
        return self.sign * result.scores[self.metric]

    def refit(self, params: dict[str, Any], epochs: int) -> Any:
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
