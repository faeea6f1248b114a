"""Strategies of a search: functions of a study and a space that return trials."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnn.selection.result import Trial
from kerasnn.selection.search import sampling
from kerasnn.selection.search.optimizer import import_optuna, own, shared
from kerasnn.selection.search.sampling import Params
from kerasnn.selection.search.shared_study import SharedStudy
from kerasnn.selection.search.study import Study

Strategy = Callable[[Study, dict[str, Any], int], list[Trial]]

# In each round of halving one setting in this many is kept, and trained for this many times the
# epochs.
ETA = 3


def grid(study: Study, space: dict[str, Any], n_trials: int) -> list[Trial]:
    """Evaluates all settings of a space; `n_trials` is their number."""
    return _each(study, sampling.grid(space))


def random(study: Study, space: dict[str, Any], n_trials: int) -> list[Trial]:
    """Evaluates settings drawn at random."""
    return _each(study, sampling.drawn(space, n_trials, study.seed))


def _each(study: Study, candidates: list[Params]) -> list[Trial]:
    return list(study.evaluate(dict(enumerate(candidates)), study.settings.epochs).values())


def halving(study: Study, space: dict[str, Any], n_trials: int) -> list[Trial]:
    """Evaluates random settings for few epochs, and the best third for three times as many.

    The rounds divide the time evenly, so that the last one is reached.
    """
    candidates = dict(enumerate(sampling.drawn(space, n_trials, study.seed)))
    trials: dict[int, Trial] = {}
    left, rounds = list(candidates), epochs_by_round(n_trials, study.settings.epochs)
    for done, epochs in enumerate(rounds):
        deadline = study.deadline.share(len(rounds) - done)
        part = dataclasses.replace(study, deadline=deadline)
        evaluated = part.evaluate({number: candidates[number] for number in left}, epochs)
        trials |= evaluated
        best_first = sorted(evaluated, key=lambda i: _failed_last(trials[i].score))
        left = sorted(best_first[: max(1, len(evaluated) // ETA)])
    return list(trials.values())


def bayes(study: Study, space: dict[str, Any], n_trials: int) -> list[Trial]:
    """Evaluates settings that Optuna suggests after the scores of those before."""

    def suggested(_: int, asked: Any) -> Params:
        return sampling.settings(space, lambda name, values: values.suggest(asked, name))

    epochs = study.settings.epochs
    if isinstance(study, SharedStudy):
        return list(study.evaluate_suggested(range(n_trials), suggested, epochs).values())
    optuna = import_optuna("method='bayes'")
    optimizer = shared(optuna, study, study.storage) if study.storage else own(optuna, study)
    trials: list[Trial] = []
    while len(trials) < n_trials and not (trials and study.deadline.is_over()):
        asked = optimizer.ask()
        params = suggested(len(trials), asked)
        number = len(trials)
        trial = study.evaluate({number: params}, epochs)[number]
        if trial.error or not np.isfinite(trial.score):
            optimizer.tell(asked, state=optuna.trial.TrialState.FAIL)
        else:
            optimizer.tell(asked, trial.score)
        trials.append(trial)
    return trials


STRATEGIES: dict[str, Strategy] = {
    "grid": grid,
    "random": random,
    "halving": halving,
    "bayes": bayes,
}


def evaluations(method: str, n_trials: int, epochs: int) -> int:
    """Returns how often a strategy evaluates a setting, at most."""
    if method != "halving":
        return n_trials
    left, count = n_trials, 0
    for _ in epochs_by_round(n_trials, epochs):
        count, left = count + left, max(1, left // ETA)
    return count


def epochs_by_round(settings: int, epochs: int) -> list[int]:
    """Returns the epochs of each round of halving.

    >>> epochs_by_round(9, 27)
    [3, 9, 27]
    """
    rounds = [epochs]
    while settings >= ETA ** len(rounds) and rounds[0] >= ETA:
        rounds.insert(0, rounds[0] // ETA)
    return rounds


def _failed_last(score: float) -> float:
    return np.inf if np.isnan(score) else -score
