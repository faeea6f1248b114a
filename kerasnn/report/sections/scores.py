"""Section of the comparison by cross-validation."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.display.blocks import (
    Best,
    Cell,
    Figure,
    Paragraph,
    Section,
    Table,
    decimals_of,
    fixed,
)
from kerasnn._core.display.svg import figure, names_in_figures
from kerasnn.selection.result import CrossValidation

_LESS_IS_BETTER = (
    "loss",
    "error",
    "deviance",
    "entropy",
    "divergence",
    "brier",
    "hinge",
    "poisson",
)
_DURATIONS = ("seconds", "time")
# Stands for a mean that does not exist.
UNDEFINED = "-"
_ABBREVIATIONS = ("mae", "mse", "rmse", "mape", "msle")

Scores = Mapping[str, Mapping[str, Any]]


def comparison(scores: Scores) -> Section:
    """Returns the section: a table of means and standard errors, and the first metric's folds.

    A metric that is NaN on any fold of any model has no mean: it is shown as "-" for all.

    Args:
        scores: Name of a model -> metric -> one score for each fold; the first model is the
            network.
    """
    folds, undefined = _defined(_folds(scores))
    metrics = list(dict.fromkeys(metric for each in folds.values() for metric in each))
    defined = metrics[0]
    # In the order that they are given in.
    metrics = list(dict.fromkeys(metric for each in scores.values() for metric in each))
    rows: list[list[Cell]] = [[name] for name in folds]
    for metric in metrics:
        means = {name: each[metric].mean() for name, each in folds.items() if metric in each}
        best = best_of(metric, means) if len(means) > 1 and not _is_duration(metric) else []
        decimals = max((decimals_of(mean) for mean in means.values()), default=0)
        for row, (name, each) in zip(rows, folds.items(), strict=True):
            text = mean_and_error(each[metric], decimals) if metric in each else ""
            text = UNDEFINED if metric in undefined else text
            row.append(Best(text) if name in best else text)
    count = len(next(iter(folds[next(iter(folds))].values())))
    titles = [_words(metric) for metric in metrics]
    table = Table(
        f"Mean over {count} folds, with its standard error",
        ("model", *titles),
        rows,
        numeric=titles,
    )
    blocks = [Paragraph(_verdict(defined, folds)), table, _figure(defined, folds)]
    return Section("comparison", "Comparison by cross-validation", blocks)


def undefined_metrics(scores: Scores) -> set[str]:
    """Returns the metrics that are NaN on a fold of a model, and so have no mean."""
    return {
        metric
        for each in scores.values()
        for metric, values in each.items()
        if np.isnan(values).any()
    }


def mean_and_error(values: np.ndarray, decimals: int | None = None) -> str:
    """Returns mean and standard error, which is the deviation over the folds / sqrt(folds).

    Args:
        values: One value a fold.
        decimals: Number of decimals; None shows about three digits of the mean.

    >>> mean_and_error(np.array([0.9, 0.8, 0.85]))
    '0.850 ± 0.029'
    """
    mean = float(values.mean())
    decimals = decimals_of(mean) if decimals is None else decimals
    if len(values) == 1:
        return fixed(mean, decimals)
    return f"{fixed(mean, decimals)} ± {fixed(standard_error(values), decimals)}"


def standard_error(values: np.ndarray) -> float:
    """Returns the standard error of a mean over folds."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def best_of(metric: str, means: Mapping[str, float]) -> list[str]:
    """Returns the names with the best mean.

    >>> best_of("accuracy", {"network": 0.9, "linear": 0.95})
    ['linear']
    >>> best_of("mean_squared_error", {"network": 0.9, "linear": 0.95})
    ['network']
    """
    choose = min if less_is_better(metric) else max
    best = choose(means.values(), default=np.nan)
    return [name for name, mean in means.items() if mean == best]


def less_is_better(metric: str) -> bool:
    """Whether smaller values of a metric are better, by its name."""
    name = metric.lower()
    is_less = name in _ABBREVIATIONS or any(part in name for part in _LESS_IS_BETTER)
    return is_less or _is_duration(metric)


def _is_duration(metric: str) -> bool:
    """Whether a metric, by its name, says how long a model takes and not how good it is."""
    return any(part in metric.lower() for part in _DURATIONS)


def _verdict(metric: str, folds: dict[str, dict[str, np.ndarray]]) -> str:
    """Says who is best, and how far the first model, the network, is from it."""
    has = {name: each[metric] for name, each in folds.items() if metric in each}
    best = best_of(metric, {name: values.mean() for name, values in has.items()})
    network, words = next(iter(folds)), _words(metric)
    if not best or network not in has or len(has) == 1:
        return "All were trained and scored on the same folds of the training part."
    if network in best:
        others = {name: values.mean() for name, values in has.items() if name != network}
        second = best_of(metric, others)[0]
        if second in best:
            both = f"By {words} the first model, {network}, is as good as {second}, the best of "
            return f"{both}the others. All were trained and scored on the same folds."
        text = f"By {words} the first model, {network}, is best, ahead of {second} by "
    else:
        second = best[0]
        text = f"By {words} {second} is best; the first model, {network}, is behind it by "
    decimals = decimals_of(has[network].mean())
    difference = abs(has[network].mean() - has[second].mean())
    text += fixed(difference, decimals)
    if len(has[network]) > 1 and len(has[network]) == len(has[second]):
        error = standard_error(has[network] - has[second])
        text += f" ± {fixed(error, decimals)}, fold by fold"
        if difference <= 2 * error:
            text += ", which may be chance"
    return f"{text}. All were trained and scored on the same folds."


def _figure(metric: str, folds: dict[str, dict[str, np.ndarray]]) -> Figure:
    has = {name: each[metric] for name, each in folds.items() if metric in each}
    words = _words(metric)

    def draw(ax: Any) -> None:
        for i, values in enumerate(has.values()):
            ax.plot(values, np.full(len(values), i), "o", ms=4, alpha=0.55, color="#0072B2")
            ax.plot([values.mean()] * 2, [i - 0.25, i + 0.25], color="black", linewidth=1.5)
        ax.set_yticks(range(len(has)), names_in_figures(list(has)))
        ax.set_ylim(len(has) - 0.5, -0.5)
        ax.set_xlabel(words)

    text = "; ".join(f"{name} {mean_and_error(values)}" for name, values in has.items())
    title = f"{words[:1].upper()}{words[1:]} of each fold, and the mean"
    return figure(title, text, draw, height=0.8 + 0.38 * len(has))


def _defined(
    folds: dict[str, dict[str, np.ndarray]],
) -> tuple[dict[str, dict[str, np.ndarray]], set[str]]:
    """Returns the scores by metrics that are defined on all folds, and the other metrics."""
    undefined = undefined_metrics(folds)
    kept = {
        name: {metric: values for metric, values in each.items() if metric not in undefined}
        for name, each in folds.items()
    }
    return kept, undefined


def _folds(scores: Any) -> dict[str, dict[str, np.ndarray]]:
    rule = "map the names of models to metrics, and these to one score a fold, or NaN"
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, metrics in scores.items() if isinstance(scores, Mapping) else ():
        if isinstance(metrics, Mapping):
            found[name] = {
                metric: np.atleast_1d(np.asarray(values, dtype=np.float64))
                for metric, values in metrics.items()
            }
    arrays = [values for metrics in found.values() for values in metrics.values()]
    is_right = arrays and len(found) == len(scores) and all(_defined(found)[0].values())
    if not is_right or any(a.ndim != 1 or not a.size or np.isinf(a).any() for a in arrays):
        hint, got = 'Such as {"network": {"accuracy": [0.9, 0.8]}}.', None
        if isinstance(scores, Mapping) and any(map(_is_validation, scores.values())):
            hint, got = "Of a cross-validation `cv` give `cv.scores`.", "a cross-validation"
        raise _checks.InvalidArgument("scores", rule, scores, hint, got=got)
    return found


def _is_validation(value: Any) -> bool:
    return isinstance(value, CrossValidation)


def _words(name: str) -> str:
    return name.replace("_", " ")
