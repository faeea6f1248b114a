"""A search, as it is to be run on all data and on parts of it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnn._core.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.selection.folds.dataset import Problem
from kerasnn.selection.folds.executor import Crew
from kerasnn.selection.folds.fold import Training
from kerasnn.selection.folds.splits import Split, splits_of
from kerasnn.selection.result import Tuning
from kerasnn.selection.search.identity import identities
from kerasnn.selection.search.journal import Journal
from kerasnn.selection.search.sampling import Params
from kerasnn.selection.search.strategies import ETA, Search, Trial, all_failed, rungs, share

# What two runs of one search have in common.
_TRAINING = (
    "epochs",
    "batch_size",
    "patience",
    "validation_fraction",
    "class_weight",
    "callbacks",
)
_DATA = ("x", "y", "sample_weight", "groups")
_SEARCH = ("method", "trials", "seed", "metric", "sign", "build", "space")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search does with a problem.

    The fields are arguments of `tune`, as they were read; `sign` is -1 where less of `metric` is
    better, `ends` the time after which no further trial begins, and `parts` the number of searches
    that share what is left of it.
    """

    build: Callable[..., Any]
    space: dict[str, Any]
    candidates: list[Params]
    method: str
    trials: int
    cv: Any
    how: Training
    metric: str
    sign: int
    seed: int
    jobs: int
    storage: str | None
    ends: float | None
    parts: int = 1

    def splits(self, problem: Problem) -> list[Split]:
        """Returns the rows of each fold of a problem."""
        return splits_of(problem, self.cv, derived(self.seed, 0))

    def run(
        self, problem: Problem, splits: list[Split], saved: Journal, part: int, bar: Progress
    ) -> Tuning:
        """Searches on the folds of a problem, which is part number `part` of the data."""
        with Crew(problem, self.build, self.how, splits, self.jobs, self.trials) as crew:
            search = Search(
                crew,
                saved,
                metric=self.metric,
                sign=self.sign,
                folds=len(splits),
                seed=self.seed,
                part=part,
                bar=bar,
                ends=share(self.ends, self.parts - part),
            )
            epochs = self.how.epochs
            if self.method == "bayes":
                found = search.bayes(self.space, self.trials, epochs, self.storage)
            elif self.method == "halving":
                found = search.halving(self.candidates, epochs)
            else:
                found = search.all(self.candidates, epochs)
        _require_one(found)
        return Tuning(
            found,
            problem,
            self.build,
            self.how,
            metric=self.metric,
            sign=self.sign,
            folds=len(splits),
            seed=self.seed,
        )

    def runs(self) -> int:
        """Returns how often all folds of a problem are to be run."""
        if self.method != "halving":
            return self.trials
        left, runs = self.trials, 0
        for _ in rungs(self.trials, self.how.epochs):
            runs, left = runs + left, max(1, left // ETA)
        return runs

    def settings(
        self, problem: Problem, splits: list[Split], scoring: Any, *, nested: bool
    ) -> dict[str, str]:
        """Returns what two runs of one search have in common.

        Raises:
            ValueError: If a part of the search cannot be compared with that of another run.
        """
        parts = {name: getattr(self.how, name) for name in _TRAINING}
        parts |= {name: getattr(self, name) for name in _SEARCH}
        parts |= {"scoring": scoring, "nested": nested}
        parts |= {name: getattr(problem, name) for name in _DATA}
        return identities("journal", {**parts, "cv": splits})

    def outer(
        self, problem: Problem, saved: Journal, part: int, split: Split, bar: Progress
    ) -> float:
        """Searches on the training rows of an outer fold; scores the best on its test rows."""
        train, _ = split
        x, y, weight = problem.take(train)
        rows: dict[str, Any] = {
            name: None if v is None else v[train]
            for name, v in (("groups", problem.groups), ("labels", problem.labels))
        }
        rows |= {"x": x, "y": y, "sample_weight": weight, "count": len(train)}
        inner = dataclasses.replace(problem, **rows)
        best = self.run(inner, self.splits(inner), saved, part, bar)
        key = (part, -1, 0, best.best_epochs_)
        known = saved.get(key)
        if known is None:
            how = dataclasses.replace(
                self.how,
                epochs=best.best_epochs_,
                callbacks=None,
                patience=None,
                validation_fraction=None,
            )
            with Crew(problem, self.build, how, [split], 1) as crew:
                [known] = crew.run([(best.best_params_, 0, derived(self.seed, 3))])
            saved.put(key, known)
        if isinstance(known, str):
            raise RuntimeError(known)
        return self.sign * known.scores[self.metric]


def _require_one(trials: list[Trial]) -> None:
    if all(np.isnan(trial.score) for trial in trials):
        first = trials[0]
        raise all_failed(first.params, first.error or "its score was NaN")
