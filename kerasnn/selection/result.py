"""What a search found."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from kerasnn import _checks, training
from kerasnn._core.plotting import COLOURS, given_or_new
from kerasnn._core.random_state import derived
from kerasnn.selection.folds.dataset import Problem, built
from kerasnn.selection.folds.fold import Training
from kerasnn.selection.search.strategies import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Tuning:
    """The table of a search, and the best setting in it.

    Attributes:
        best_params_: Arguments of `build` with the best score.
        best_score_: Its mean over the folds; of a loss or an error the negative, so that more is
            better. Where nothing else was asked for, of a loss without the model's penalties.
        best_index_: Its row in the table.
        best_epochs_: Median of the epochs that the folds' models were scored after; `refit`
            trains for as many.
        cv_results_: The table, with scikit-learn's keys: `params`, `param_NAME`,
            `split0_test_score`, `mean_test_score`, `std_test_score`, `rank_test_score`,
            `mean_fit_time`, ..., the same of every metric by its name, and `epochs`,
            `best_epochs` and `error`, which says why a trial has failed.
        metric_: The metric that counts.
        nested_scores_: Score of each outer fold, by a search that has not seen it, where
            `nested`; else None.
        nested_score_: Their mean: what to expect of new data.
    """

    def __init__(
        self,
        trials: list[Trial],
        problem: Problem,
        build: Callable[..., Any],
        how: Training,
        *,
        metric: str,
        sign: int,
        folds: int,
        seed: int,
    ) -> None:
        longest = max(trial.epochs for trial in trials if not np.isnan(trial.score))
        last = [t.score if t.epochs == longest else np.nan for t in trials]
        self.best_index_ = int(np.nanargmax(last))
        best = trials[self.best_index_]
        self.best_params_ = best.params
        self.best_score_ = best.score
        self.best_epochs_ = int(np.median([fold.best_epoch for fold in best.folds]))
        self.metric_ = metric
        self.nested_scores_: np.ndarray | None = None
        self.cv_results_ = _table(trials, folds, metric, sign)
        self._problem, self._build, self._how, self._seed = problem, build, how, seed

    @property
    def nested_score_(self) -> float | None:
        """Mean of `nested_scores_`."""
        return None if self.nested_scores_ is None else float(self.nested_scores_.mean())

    def refit(self) -> Any:
        """Returns a fresh model with the best setting, trained on all data for `best_epochs_`."""
        data, how, seed = self._problem, self._how, derived(self._seed, 3)
        model = built(self._build, self.best_params_, seed, data.x)
        training.fit(
            model,
            data.x,
            data.y,
            sample_weight=data.sample_weight,
            class_weight=how.class_weight,
            epochs=self.best_epochs_,
            batch_size=how.batch_size,
            verbose=0,
            seed=seed,
        )
        return model

    def to_frame(self) -> Any:
        """Returns the table as a pandas DataFrame, the best first."""
        import pandas as pd

        table = pd.DataFrame({k: list(v) for k, v in self.cv_results_.items()})
        return table.sort_values("rank_test_score", kind="stable")

    def plot(self, *, parameter: str | None = None, ax: "Axes | None" = None) -> Any:
        """Draws score against each hyperparameter.

        Args:
            parameter: The one to draw; None draws all, side by side.
            ax: Where to draw one; None makes a figure.

        Returns:
            The Axes of `parameter`, or a list with those of all.

        Raises:
            ValueError: If there is no such hyperparameter.
        """
        names = [k.removeprefix("param_") for k in self.cv_results_ if k.startswith("param_")]
        if parameter is not None or ax is not None:
            parameter = names[0] if parameter is None else parameter
            _checks.one_of("parameter", parameter, names)
            return self._draw(parameter, given_or_new(ax))
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4 * len(names), 3.5), layout="constrained")
        axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        return [self._draw(name, ax) for name, ax in zip(names, axes, strict=True)]

    def _draw(self, name: str, ax: "Axes") -> "Axes":
        values = self.cv_results_[f"param_{name}"]
        scores = self.cv_results_["mean_test_score"]
        used = ~np.ma.getmaskarray(values) & ~np.isnan(scores)
        given = values.data[used].tolist()
        numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in given)
        x = given if numeric else [str(value) for value in given]
        ax.plot(x, scores[used], "o", color=COLOURS[0])
        if numeric and min(given) > 0 and max(given) >= 50 * min(given):
            ax.set_xscale("log")
        ax.set_xlabel(name.replace("_", " "))
        ax.set_ylabel(self.metric_.replace("_", " "))
        return ax

    def __repr__(self) -> str:
        failed = sum(map(bool, self.cv_results_["error"]))
        lines = [
            f"{len(self.cv_results_['params'])} trials, {failed} failed",
            f"best {self.metric_} {self.best_score_:.4f} after {self.best_epochs_} epochs with "
            f"{self.best_params_}",
        ]
        if self.nested_scores_ is not None:
            error = self.nested_scores_.std(ddof=1) / np.sqrt(len(self.nested_scores_))
            lines.append(f"unbiased, by nesting: {self.nested_score_:.4f} +- {error:.4f}")
        return "\n".join(lines)


def _table(trials: list[Trial], folds: int, metric: str, sign: int) -> dict[str, Any]:
    table: dict[str, Any] = {"params": [trial.params for trial in trials]}
    for name in dict.fromkeys(name for trial in trials for name in trial.params):
        column: Any = np.ma.masked_all(len(trials), dtype=np.dtype(object))  # type: ignore[arg-type]
        for i, trial in enumerate(trials):
            if name in trial.params:
                column[i] = trial.params[name]
        table[f"param_{name}"] = column

    def column_of(read: Callable[[Any], float]) -> np.ndarray:
        rows = [[read(f) for f in t.folds] if not t.error else [np.nan] * folds for t in trials]
        return np.array(rows, dtype=float)

    for name, read in (("fit", lambda f: f.seconds), ("score", lambda f: f.score_seconds)):
        values = column_of(read)
        table |= {f"mean_{name}_time": values.mean(1), f"std_{name}_time": values.std(1)}
    metrics = next(list(trial.folds[0].scores) for trial in trials if not trial.error)
    for name in ["score", *(name for name in metrics if name != "score")]:
        key, factor = (metric, sign) if name == "score" else (name, 1)
        values = column_of(lambda f, key=key, factor=factor: factor * f.scores[key])
        table |= {f"split{i}_test_{name}": values[:, i] for i in range(folds)}
        table |= {f"mean_test_{name}": values.mean(1), f"std_test_{name}": values.std(1)}
    # As in scikit-learn, what has failed shares the last rank.
    scores = np.where(np.isnan(table["mean_test_score"]), -np.inf, table["mean_test_score"])
    # A trial that halving has trained for longer ranks before all that it did not.
    order = [(t.epochs, s) for t, s in zip(trials, scores, strict=True)]
    places = {pair: i for i, pair in enumerate(sorted(set(order)))}
    ranks = rankdata([-places[pair] if np.isfinite(pair[1]) else np.inf for pair in order], "min")
    table["rank_test_score"] = ranks.astype(np.int32)
    table["epochs"] = np.array([trial.epochs for trial in trials])
    table["best_epochs"] = [[fold.best_epoch for fold in trial.folds] for trial in trials]
    table["error"] = [trial.error for trial in trials]
    return table
