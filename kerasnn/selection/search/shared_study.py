"""A search that processes on several machines share."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn._core.display.progress import Progress
from kerasnn.selection.folds.fold import FoldResult
from kerasnn.selection.folds.splits import FoldRows
from kerasnn.selection.result import Trial
from kerasnn.selection.search.journal import Key, kept_fields
from kerasnn.selection.search.optimizer import import_optuna
from kerasnn.selection.search.sampling import Params
from kerasnn.selection.search.shared_trials import Claim, Result, SharedTrials
from kerasnn.selection.search.study import Study


@dataclasses.dataclass(frozen=True, kw_only=True)
class SharedStudy(Study):
    """A study each of whose settings is trained in one of several processes.

    All processes end with the results of all settings, in the order of a single one.

    Attributes:
        shared: Trials of the search.
    """

    shared: SharedTrials

    def evaluate(self, candidates: Mapping[int, Params], epochs: int) -> dict[int, Trial]:
        """Returns the trials of several settings; after the deadline fewer, but one at least."""
        return self.evaluate_suggested(list(candidates), lambda i, _: candidates[i], epochs)

    def evaluate_suggested(
        self, numbers: Sequence[int], params_of: Callable[[int, Any], Params], epochs: int
    ) -> dict[int, Trial]:
        """Returns the trials of settings that Optuna may suggest.

        Args:
            numbers: Numbers of the settings in this study.
            params_of: Returns the arguments of `build`, by a number and a trial of Optuna.
            epochs: Epochs of each fold.
        """
        optuna = import_optuna("`storage`")
        trials: dict[int, Trial] = {}
        alone = self._silent()

        def work(claim: Claim) -> Result:
            params = params_of(claim.number, claim.asked)
            trial = Study.evaluate(alone, {claim.number: params}, epochs)[claim.number]
            folds: list[dict[str, Any] | str] = [kept_fields(fold) for fold in trial.folds]
            if trial.error:
                folds.append(trial.error)
            return Result(folds=folds, score=trial.score if np.isfinite(trial.score) else None)

        def on_result(number: int, result: Result) -> None:
            for fold, kept in enumerate(result.folds):
                self._keep((self.part, number, fold, epochs), kept)
            params = params_of(number, optuna.trial.FixedTrial(result.params))
            trial = self._trial(number, params, epochs)
            if trial is not None:
                trials[number] = trial
                self.progress.step(len(self.folds))
                self.progress.note(self.metric, self.sign * trial.score, sign=self.sign)

        self.shared.run(
            f"kerasnn-{self.part}-{epochs}",
            numbers,
            work,
            is_over=self.deadline.is_over,
            on_result=on_result,
        )
        return dict(sorted(trials.items()))

    def test(self, params: Params, epochs: int, rows: FoldRows) -> float:
        """Returns the score of a model trained as `refit` does, in one of the processes.

        Raises:
            RuntimeError: If the model cannot be trained.
        """
        key = (self.part, -1, 0, epochs)

        def work(claim: Claim) -> Result:
            score = Study.test(self, params, epochs, rows)
            result = self.journal.get(key)
            folds = [kept_fields(result)] if isinstance(result, FoldResult) else []
            return Result(folds=folds, score=score if np.isfinite(score) else None)

        self.shared.run(
            f"kerasnn-{self.part}-{epochs}-test",
            [0],
            work,
            is_over=lambda: False,
            on_result=lambda _, result: self._keep(key, result.folds[0]),
        )
        return Study.test(self, params, epochs, rows)

    def _keep(self, key: Key, kept: dict[str, Any] | str) -> None:
        self.journal.put(key, kept if isinstance(kept, str) else FoldResult(**kept))

    def _silent(self) -> Study:
        """Returns this study without the progress bar, which shows the results of all processes."""
        return dataclasses.replace(self, progress=Progress("", 1, 0))


@contextlib.contextmanager
def open_shared(storage: str, search: dict[str, str], seed: int) -> Iterator[SharedTrials]:
    """Opens the trials of a search, and ends the connections afterwards."""
    shared = SharedTrials(storage, search, seed)
    try:
        yield shared
    finally:
        shared.close()
