"""Trials of a search: each is all folds of one setting, taken from the journal or run."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn._core.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.selection.folds.executor import Crew
from kerasnn.selection.folds.fold import FoldResult
from kerasnn.selection.search.journal import Journal, Key, require_same
from kerasnn.selection.search.sampling import Params, settings

# Of the settings of one round of halving, one in this many goes on to this many times the epochs.
ETA = 3
# What Optuna keeps with a study: what is searched.
_ATTRIBUTE = "kerasnn.selection.tune"
# Of two processes that make the tables of a new storage, Optuna lets one fail.
_WAITS_S = (0.2, 1.0)


@dataclasses.dataclass
class Trial:
    """One setting, and what its folds gave; `error` says why it has failed."""

    params: Params
    epochs: int
    folds: list[FoldResult]
    error: str = ""
    score: float = np.nan


class Search:
    """Runs trials of one problem.

    Args:
        crew: What runs folds.
        journal: What was found before.
        metric: The score that counts.
        sign: -1 where less of it is better.
        folds: Number of folds.
        seed: Seed of the search.
        part: Number of the part of the data that is searched on; 0 for all of it.
        bar: What shows progress.
        ends: Time at which no further trial begins, or None.
    """

    def __init__(
        self,
        crew: Crew,
        journal: Journal,
        *,
        metric: str,
        sign: int,
        folds: int,
        seed: int,
        part: int,
        bar: Progress,
        ends: float | None,
    ) -> None:
        self._crew, self._journal, self._bar = crew, journal, bar
        self._metric, self._sign, self._folds = metric, sign, folds
        self._seed, self._part, self._ends = seed, part, ends

    def all(self, candidates: list[Params], epochs: int) -> list[Trial]:
        """Tries all settings, as far as the time allows."""
        found: list[Trial] = []
        for i, params in enumerate(candidates):
            if found and self._is_late():
                break
            found.append(self.trial(i, params, epochs))
        return found

    def halving(self, candidates: list[Params], epochs: int) -> list[Trial]:
        """Tries all settings for few epochs, and the best third of them for three times as many.

        Where time is short each round has an even share of it, so that the last is reached.
        """
        found: dict[int, Trial] = {}
        left, lengths = list(range(len(candidates))), rungs(len(candidates), epochs)
        for done, length in enumerate(lengths):
            ends = share(self._ends, len(lengths) - done)
            tried: list[int] = []
            for i in left:
                if tried and _is_late(ends):
                    break
                found[i] = self.trial(i, candidates[i], length)
                tried.append(i)
            ranked = sorted(tried, key=lambda i: _worst_last(found[i].score))
            left = sorted(ranked[: max(1, len(tried) // ETA)])
        return list(found.values())

    def bayes(
        self, space: dict[str, Any], trials: int, epochs: int, storage: str | None
    ) -> list[Trial]:
        """Lets Optuna suggest each setting after the scores of those before."""
        optuna = import_optuna()
        study = self._shared(optuna, storage) if storage else self._own(optuna)
        found: list[Trial] = []
        while len(found) < trials and not (found and self._is_late()):
            asked = study.ask()
            params = settings(space, lambda name, values, a=asked: values.suggest(a, name))
            trial = self.trial(len(found), params, epochs)
            failed = bool(trial.error) or not np.isfinite(trial.score)
            if failed:
                study.tell(asked, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(asked, trial.score)
            found.append(trial)
        return found

    def _own(self, optuna: Any) -> Any:
        """Returns a study that repeats itself."""
        sampler = optuna.samplers.TPESampler(seed=derived(self._seed, 2))
        return optuna.create_study(direction="maximize", sampler=sampler)

    def _shared(self, optuna: Any, storage: str) -> Any:
        """Returns the study of all processes."""
        study = _opened(optuna, storage, f"kerasnn-{self._part}")
        # Each process may try as many settings as it likes.
        search = {k: v for k, v in self._journal.search.items() if k != "trials"}
        require_same("storage", storage, study.user_attrs.get(_ATTRIBUTE, search), search)
        study.set_user_attr(_ATTRIBUTE, search)
        return study

    def trial(self, number: int, params: Params, epochs: int) -> Trial:
        """Runs the folds of one setting that the journal lacks, up to the first that fails."""
        trial = Trial(params, epochs, [])
        keys = [(self._part, number, fold, epochs) for fold in range(self._folds)]
        results = self._results(params, epochs, keys)
        for result in results:
            if isinstance(result, str):
                trial.error = result
                self._bar.step(self._folds - len(trial.folds))
                break
            trial.folds.append(result)
            self._bar.step()
        if not trial.error:
            scores = [fold.scores[self._metric] for fold in trial.folds]
            trial.score = self._sign * float(np.mean(scores))
            self._bar.note(trial.score)
        return trial

    def _results(self, params: Params, epochs: int, keys: list[Key]) -> Iterator[FoldResult | str]:
        """Yields the result of each fold, and ends with the text of the first error."""
        known = {key: self._journal.get(key) for key in keys}
        left = [key for key in keys if known[key] is None]
        tasks = [(params, key[2], derived(self._seed, 1, key[2])) for key in left]
        results = self._crew.run(tasks, epochs)
        for key in keys:
            result: Any = known[key]
            if result is None:
                try:
                    result = next(results)
                except Exception as error:  # noqa: BLE001  What one setting breaks, others may not.
                    result = error_text(error)
                self._journal.put(key, result)
            yield result

    def _is_late(self) -> bool:
        return _is_late(self._ends)


def share(ends: float | None, parts: int) -> float | None:
    """Returns the end of the first of some parts that have the time left in even shares."""
    now = time.monotonic()
    return None if ends is None else now + max(0.0, ends - now) / parts


def _is_late(ends: float | None) -> bool:
    return ends is not None and time.monotonic() > ends


def rungs(settings: int, epochs: int) -> list[int]:
    """Returns the epochs of each round of halving.

    >>> rungs(9, 27)
    [3, 9, 27]
    """
    lengths = [epochs]
    while settings >= ETA ** len(lengths) and lengths[0] >= ETA:
        lengths.insert(0, lengths[0] // ETA)
    return lengths


def import_optuna() -> Any:
    """Returns the module; says how to install it where it is not there."""
    try:
        import optuna  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImportError(
            "method='bayes' needs Optuna. Install it with `pip install 'kerasnn[tune]'`, or use "
            'method="random".'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _opened(optuna: Any, storage: str, name: str) -> Any:
    """Returns the study of a name, made where there is none."""
    make = functools.partial(
        optuna.create_study,
        direction="maximize",
        storage=storage,
        study_name=name,
        load_if_exists=True,
    )
    for wait_s in _WAITS_S:
        with contextlib.suppress(Exception):
            return make()
        time.sleep(wait_s)
    try:
        return make()
    except Exception as error:
        hint = f"Optuna says: {first_line(error)}"
        raise _checks.InvalidArgument(
            "storage", "be a URL that Optuna can open", storage, hint
        ) from error


def error_text(error: Exception) -> str:
    """Returns what the table says of an error."""
    return f"{type(error).__name__}: {error}"


def all_failed(params: Params, why: str) -> RuntimeError:
    """Returns the error of a search in which no setting has a score."""
    return RuntimeError(f"Every trial has failed. The first, with {params}, did so by: {why}")


def _worst_last(score: float) -> float:
    return np.inf if np.isnan(score) else -score
