"""Strategies of a search: functions of a study and a space that return trials."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn._core.random_state import derived
from kerasnn.selection.result import Trial
from kerasnn.selection.search import sampling
from kerasnn.selection.search.journal import require_same
from kerasnn.selection.search.sampling import Params
from kerasnn.selection.search.study import Study

Strategy = Callable[[Study, dict[str, Any], int], list[Trial]]

# In each round of halving one setting in this many is kept, and trained for this many times the
# epochs.
ETA = 3
# Attribute of Optuna's study that holds the identity of the search.
_ATTRIBUTE = "kerasnn.selection.tune"
# Where two processes create the tables of a new storage, Optuna lets one of them fail.
_WAITS_S = (0.2, 1.0)


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
    optuna = import_optuna()
    optimizer = _shared(optuna, study, study.storage) if study.storage else _own(optuna, study)
    trials: list[Trial] = []
    while len(trials) < n_trials and not (trials and study.deadline.is_over()):
        asked = optimizer.ask()
        params = sampling.settings(space, lambda name, values, a=asked: values.suggest(a, name))
        number = len(trials)
        trial = study.evaluate({number: params}, study.settings.epochs)[number]
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


def import_optuna() -> Any:
    """Returns the module; the error says how to install it."""
    try:
        import optuna  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImportError(
            "method='bayes' needs Optuna. Install it with `pip install 'kerasnn[tune]'`, or use "
            'method="random".'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _own(optuna: Any, study: Study) -> Any:
    """Returns a study of Optuna that suggests the same again with the same seed."""
    sampler = optuna.samplers.TPESampler(seed=derived(study.seed, 2))
    return optuna.create_study(direction="maximize", sampler=sampler)


def _shared(optuna: Any, study: Study, storage: str) -> Any:
    """Returns the study of Optuna that several processes share."""
    shared = _opened(optuna, storage, f"kerasnn-{study.part}")
    # Each process may try as many settings as it likes.
    search = {k: v for k, v in study.journal.search.items() if k != "n_trials"}
    require_same("storage", storage, shared.user_attrs.get(_ATTRIBUTE, search), search)
    shared.set_user_attr(_ATTRIBUTE, search)
    return shared


def _opened(optuna: Any, storage: str, name: str) -> Any:
    """Returns Optuna's study of a name, which is created where there is none."""
    create = functools.partial(
        optuna.create_study,
        direction="maximize",
        storage=storage,
        study_name=name,
        load_if_exists=True,
    )
    for wait_s in _WAITS_S:
        with contextlib.suppress(Exception):
            return create()
        time.sleep(wait_s)
    try:
        return create()
    except Exception as error:
        rule, hint = "be a URL that Optuna can open", f"Optuna says: {first_line(error)}"
        raise _checks.InvalidArgument("storage", rule, storage, hint) from error


def _failed_last(score: float) -> float:
    return np.inf if np.isnan(score) else -score
