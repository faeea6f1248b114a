"""Results of cross-validation and of a search."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from scipy.stats import rankdata

from kerasnn import _checks
from kerasnn._core.display.blocks import Facts, Table, short, shown
from kerasnn._core.display.rendering import for_notebook
from kerasnn._core.plotting import COLOURS, figure_of_panels, given_or_current
from kerasnn.selection.folds.fold import FoldResult
from kerasnn.selection.folds.splits import FoldRows

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# A notebook shows so many trials at most.
_MOST_TRIALS = 20
_LONGEST_ERROR = 80


class CrossValidation:
    """Scores by fold, with predictions and curves.

    Attributes:
        scores: Metric -> array of one score per fold.
        mean: Metric -> mean over the folds.
        standard_error: Metric -> standard deviation over the folds / sqrt(folds).
        predictions: The model's outputs for each row, by the fold that did not train on it; NaN
            for a row in no test part, the mean for one in several.
        histories: Curves of each fold, as in `History.history`.
        best_epochs: Epochs, counted from 1, after which each fold's model was scored: the best one
            where early stopping restored its weights, else the last one.
        splits: (training rows, test rows) of each fold.
        seconds: Time that each fold took.
    """

    def __init__(self, folds: list[FoldResult], splits: list[FoldRows], rows: int) -> None:
        names = list(folds[0].scores)
        self.scores = {name: np.array([fold.scores[name] for fold in folds]) for name in names}
        self.mean = {name: float(values.mean()) for name, values in self.scores.items()}
        self.standard_error = {
            name: float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
            for name, values in self.scores.items()
        }
        self.histories = [fold.history for fold in folds]
        self.best_epochs = [fold.best_epoch for fold in folds]
        self.seconds = [fold.seconds for fold in folds]
        self.splits = splits
        self.predictions: Any = keras.tree.map_structure(
            lambda *parts: _mean_by_row(parts, [test for _, test in splits], rows),
            *(fold.predictions for fold in folds),
        )

    def to_frame(self) -> Any:
        """Returns a pandas DataFrame with one row per fold."""
        import pandas as pd

        table = {**self.scores, "best_epoch": self.best_epochs, "seconds": self.seconds}
        return pd.DataFrame(table).rename_axis(index="fold")

    def plot(self, *, metric: str | None = None, ax: "Axes | None" = None) -> "Axes":
        """Draws each fold's score, and the mean with its standard error.

        Args:
            metric: Name of the score; None draws the last one.
            ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

        Returns:
            The Axes: score against fold.

        Raises:
            InvalidArgument: If there is no such metric.
        """
        metric = list(self.scores)[-1] if metric is None else metric
        _checks.one_of("metric", metric, self.scores)
        ax = given_or_current(ax)
        values, mean, error = self.scores[metric], self.mean[metric], self.standard_error[metric]
        ax.plot(range(len(values)), values, "o", color=COLOURS[0], label="fold")
        ax.axhline(mean, color=COLOURS[1], label=f"mean {mean:.4g}")
        if np.isfinite(error):
            ax.axhspan(mean - error, mean + error, color=COLOURS[1], alpha=0.2)
        ax.set_xticks(range(len(values)))
        ax.set_xlabel("fold")
        ax.set_ylabel(metric.replace("_", " "))
        ax.legend()
        return ax

    def _repr_html_(self) -> str:
        """Returns the scores by fold, for a notebook."""
        folds = [f"fold {i}" for i in range(len(self.splits))]
        head = ("", "mean", "standard error", *folds)
        rows: list[tuple[str, ...]] = [
            (
                name.replace("_", " "),
                shown(self.mean[name]),
                shown(self.standard_error[name]),
                *map(shown, values),
            )
            for name, values in self.scores.items()
        ]
        rows.append(("best epoch", "", "", *map(str, self.best_epochs)))
        rows.append(("seconds", "", "", *map(shown, self.seconds)))
        table = Table("Scores by fold", head, rows, numeric=head[1:])
        return for_notebook(f"Cross-validation in {len(folds)} folds", [table])

    def __repr__(self) -> str:
        width = max(map(len, self.scores))
        # Without patience all folds have the weights of the last epoch.
        is_same = len(set(self.best_epochs)) == 1
        epochs = f"{self.best_epochs[0]} epochs" if is_same else f"best epochs {self.best_epochs}"
        lines = [f"{len(self.splits)} folds, {epochs}"]
        lines += [
            f"{name:{width}}  {self.mean[name]:.4f} +- {self.standard_error[name]:.4f}"
            for name in self.scores
        ]
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One setting, with the results of its folds.

    Attributes:
        params: Arguments of `build`.
        epochs: Epochs that each fold was trained for, or would have been.
        folds: Results of the folds, up to the first that failed.
        error: Text of the error where one failed.
        score: Mean score, of which more is better; NaN where a fold failed.
    """

    params: dict[str, Any]
    epochs: int
    folds: list[FoldResult]
    error: str = ""
    score: float = np.nan


def all_failed(params: dict[str, Any], error: str) -> RuntimeError:
    """Returns the error of a search in which no setting has a score."""
    return RuntimeError(f"All trials failed. The first, with {params}, raised {error}")


class Tuning:
    """Table of a search, and the best setting in it.

    Attributes:
        best_params_: Arguments of `build` with the best score.
        best_score_: Its mean over the folds; the negative of a loss or an error, so that more is
            better. By default of the loss without the model's penalties.
        best_index_: Its row in the table.
        best_epochs_: Median of the epochs after which the folds' models were scored; `refit`
            trains for as many.
        cv_results_: The table, with scikit-learn's keys: `params`, `param_NAME`,
            `split0_test_score`, `mean_test_score`, `std_test_score`, `rank_test_score`,
            `mean_fit_time`, ..., the same of every metric by its name, and `epochs`,
            `best_epochs` and `error`, the text of the error of a trial that failed.
        metric_: The metric by which settings are compared.
        nested_scores_: Score of each outer fold, on rows that its search did not use, where
            `nested`; else None.
        nested_score_: Their mean: the score to expect on new data.
    """

    def __init__(
        self,
        trials: list[Trial],
        *,
        metric: str,
        sign: int,
        n_folds: int,
        refit: Callable[[dict[str, Any], int], Any],
        nested_scores: np.ndarray | None = None,
    ) -> None:
        if all(np.isnan(trial.score) for trial in trials):
            raise all_failed(trials[0].params, trials[0].error or "no error; its score is NaN")
        longest = max(trial.epochs for trial in trials if not np.isnan(trial.score))
        last = [t.score if t.epochs == longest else np.nan for t in trials]
        self.best_index_ = int(np.nanargmax(last))
        best = trials[self.best_index_]
        self.best_params_ = best.params
        self.best_score_ = best.score
        self.best_epochs_ = int(np.median([fold.best_epoch for fold in best.folds]))
        self.metric_ = metric
        self.nested_scores_ = nested_scores
        self.cv_results_ = _table(trials, n_folds, metric, sign)
        self._refit, self._sign = refit, sign

    @property
    def nested_score_(self) -> float | None:
        """Mean of `nested_scores_`."""
        return None if self.nested_scores_ is None else float(self.nested_scores_.mean())

    def refit(self) -> Any:
        """Returns a newly built model with the best setting, trained on all data.

        It trains for `best_epochs_` epochs.
        """
        return self._refit(self.best_params_, self.best_epochs_)

    def to_frame(self) -> Any:
        """Returns the table as a pandas DataFrame, the best first."""
        import pandas as pd

        table = pd.DataFrame({k: list(v) for k, v in self.cv_results_.items()})
        return table.sort_values("rank_test_score", kind="stable")

    def plot(self, *, parameter: str | None = None, ax: "Axes | None" = None) -> Any:
        """Draws score against each hyperparameter.

        Args:
            parameter: The one to draw; None draws all, side by side.
            ax: Axes for one of them; None is pyplot's current one, or a new figure's if that
                has data.

        Returns:
            The Axes of `parameter`, or a list with those of all.

        Raises:
            InvalidArgument: If there is no such hyperparameter.
        """
        names = [k.removeprefix("param_") for k in self.cv_results_ if k.startswith("param_")]
        if parameter is not None or ax is not None:
            parameter = names[0] if parameter is None else parameter
            _checks.one_of("parameter", parameter, names)
            return self._draw(parameter, given_or_current(ax))
        figure = figure_of_panels(4.0 * len(names), 3.5)
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
        metric = self.metric_.replace("_", " ")
        ax.set_ylabel(metric if self._sign > 0 else f"negative {metric}")
        return ax

    def _repr_html_(self) -> str:
        """Returns the best setting and the best trials, for a notebook."""
        facts = [
            *((name, str(value)) for name, value in self.best_params_.items()),
            (f"best {self.metric_}", self._signed(self.best_score_)),
            ("epochs", str(self.best_epochs_)),
        ]
        if self.nested_scores_ is not None:
            facts.append((f"nested {self.metric_}", self._signed(self.nested_scores_.mean())))
        return for_notebook("Search of hyperparameters", [Facts(facts), self._trials()])

    def _trials(self) -> Table:
        """Returns the best trials as a table of a page."""
        found = self.cv_results_
        names = [key for key in found if key.startswith("param_")]
        score = self.metric_.replace("_", " ")
        head = ["rank", *(name.removeprefix("param_") for name in names), score]
        head += ["deviation", "epochs", "seconds a fold", "error"]
        order = np.argsort(found["rank_test_score"], kind="stable")[:_MOST_TRIALS]
        rows = [
            (
                str(found["rank_test_score"][i]),
                *("" if found[name][i] is np.ma.masked else str(found[name][i]) for name in names),
                shown(self._sign * found["mean_test_score"][i]),
                shown(found["std_test_score"][i]),
                str(found["epochs"][i]),
                shown(found["mean_fit_time"][i]),
                short(found["error"][i], _LONGEST_ERROR),
            )
            for i in order
        ]
        if not any(found["error"]):
            head, rows = head[:-1], [row[:-1] for row in rows]
        count = len(found["params"])
        caption = (
            f"{count} trials" if count == len(rows) else f"The best {len(rows)} of {count} trials"
        )
        return Table(caption, head, rows, numeric=[name for name in head if name != "error"])

    def _signed(self, score: float) -> str:
        """Returns a score in the metric's own direction."""
        return f"{self._sign * score:.4f}"

    def __repr__(self) -> str:
        failed = sum(map(bool, self.cv_results_["error"]))
        lines = [
            f"{len(self.cv_results_['params'])} trials, {failed} failed",
            f"best {self.metric_} {self._signed(self.best_score_)} after {self.best_epochs_} "
            f"epochs with {self.best_params_}",
        ]
        if self.nested_scores_ is not None:
            error = self.nested_scores_.std(ddof=1) / np.sqrt(len(self.nested_scores_))
            lines.append(
                f"nested {self.metric_}: {self._signed(self.nested_scores_.mean())} +- {error:.4f}"
            )
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
    # As in scikit-learn, failed trials share the last rank.
    scores = np.where(np.isnan(table["mean_test_score"]), -np.inf, table["mean_test_score"])
    # A trial that halving trained for longer ranks before all that it trained for less.
    order = [(t.epochs, s) for t, s in zip(trials, scores, strict=True)]
    places = {pair: i for i, pair in enumerate(sorted(set(order)))}
    ranks = rankdata([-places[pair] if np.isfinite(pair[1]) else np.inf for pair in order], "min")
    table["rank_test_score"] = ranks.astype(np.int32)
    table["epochs"] = np.array([trial.epochs for trial in trials])
    table["best_epochs"] = [[fold.best_epoch for fold in trial.folds] for trial in trials]
    table["error"] = [trial.error for trial in trials]
    return table


def _mean_by_row(parts: Any, tests: list[np.ndarray], rows: int) -> np.ndarray:
    """Returns one output per row, the mean over the folds that tested it."""
    total = np.zeros((rows, *parts[0].shape[1:]), np.float64)
    count = np.zeros(rows, int)
    for part, test in zip(parts, tests, strict=True):
        np.add.at(total, test, part)
        np.add.at(count, test, 1)
    count = count.reshape(-1, *[1] * (total.ndim - 1))
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(parts[0].dtype)
