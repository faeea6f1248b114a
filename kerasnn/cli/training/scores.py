"""Scores of predictions, and their table."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn import metrics

from kerasnn._core.display.blocks import decimals_of, shown
from kerasnn.data.split import Split
from kerasnn.doctor.rules.finding import Finding
from kerasnn.doctor.rules.layers import DYING_RELU
from kerasnn.doctor.rules.predictions import GUESSING, GUESSING_HINT
from kerasnn.report.sections.scores import mean_and_error, undefined_metrics
from kerasnn.tasks import Task

# Metric -> whether more is better, in the order of the table. The first one ranks.
_CLASSES = {"accuracy": True, "ROC AUC": True, "log loss": False}
_NUMBERS = {"R2": True, "MAE": False, "RMSE": False}


def metric_names(task: Task) -> dict[str, bool]:
    """Returns metric -> whether more is better; models are compared by the first."""
    return dict(_CLASSES if task.is_classification else _NUMBERS)


def score(task: Task, outputs: int, y: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Returns the scores of predictions.

    The area under the ROC curve of several classes is the mean over the classes, each against all
    others; NaN where `y` lacks a class.

    Args:
        task: The task.
        outputs: Number of output units of a network for it.
        y: `(rows,)` class indices or numbers.
        predictions: `(rows, outputs)`: of classes probabilities, of two that of the second.

    Example:
        >>> found = score(Task.BINARY, 1, np.array([0, 1]), np.array([[0.2], [0.9]]))
        >>> {name: round(value, 3) for name, value in found.items()}
        {'accuracy': 1.0, 'ROC AUC': 1.0, 'log loss': 0.164}
    """
    if not task.is_classification:
        values = predictions[:, 0].astype("float64")
        return {
            "R2": float(metrics.r2_score(y, values)),
            "MAE": float(metrics.mean_absolute_error(y, values)),
            "RMSE": float(metrics.root_mean_squared_error(y, values)),
        }
    predictions = predictions.astype("float64")
    if task is Task.BINARY:
        predictions = np.concatenate([1 - predictions, predictions], axis=1)
    # Its rows add up to 1 in float32 only.
    predictions = predictions / predictions.sum(axis=1, keepdims=True)
    classes = np.arange(predictions.shape[1])
    if len(np.unique(y)) < len(classes):
        area = np.nan
    elif task is Task.BINARY:
        area = metrics.roc_auc_score(y, predictions[:, 1])
    else:
        area = metrics.roc_auc_score(y, predictions, multi_class="ovr", labels=classes)
    return {
        "accuracy": float(metrics.accuracy_score(y, predictions.argmax(axis=1))),
        "ROC AUC": float(area),
        "log loss": float(metrics.log_loss(y, predictions, labels=classes)),
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """Scores of several models on the same folds.

    A metric that is NaN on any fold, as the area under the ROC curve is where a fold's test rows
    lack a class, has no mean: it is shown as "-", and ranks no model.

    Args:
        task: The task.
        scores: Name of a model -> metric -> score of each fold; the network first.
        seconds: Name of a model -> seconds of each fold.
    """

    task: Task
    scores: Mapping[str, Mapping[str, Sequence[float]]]
    seconds: Mapping[str, Sequence[float]]

    def ranked(self) -> list[str]:
        """Returns the names of the models, the best mean of the first defined metric first."""
        names, undefined = metric_names(self.task), undefined_metrics(self.scores)
        metric = next((name for name in names if name not in undefined), next(iter(names)))
        more = names[metric]
        sign = -1 if more else 1
        return sorted(self.scores, key=lambda name: sign * np.mean(self.scores[name][metric]))

    def is_as_good(self, network: str) -> bool:
        """Whether the best model is ahead of a network by no more than two standard errors."""
        names, undefined = metric_names(self.task), undefined_metrics(self.scores)
        metric = next((name for name in names if name not in undefined), None)
        if metric is None:
            return False
        own, best = (np.array(self.scores[name][metric]) for name in (network, self.ranked()[0]))
        error = np.std(own - best, ddof=1) / math.sqrt(len(own)) if len(own) > 1 else 0.0
        return bool(abs(np.mean(own - best)) <= 2 * error)

    def with_seconds(self) -> dict[str, dict[str, Sequence[float]]]:
        """Returns the scores, with the seconds of each fold as another metric."""
        return {
            name: {**found, "seconds a fold": self.seconds[name]}
            for name, found in self.scores.items()
        }

    def __str__(self) -> str:
        """One line a model, the best first, with mean and standard error; * marks the best."""
        names, undefined = metric_names(self.task), undefined_metrics(self.scores)
        best, decimals = {}, {}
        for metric, more in names.items():
            means = {name: np.mean(found[metric]) for name, found in self.scores.items()}
            best[metric] = (max if more else min)(means.values())
            decimals[metric] = max(decimals_of(float(mean)) for mean in means.values())
        head = ["", *names, "seconds a fold"]
        lines = [head]
        for model in self.ranked():
            cells = [model]
            for metric in names:
                if metric in undefined:
                    cells.append("-  ")
                    continue
                # Not every terminal shows the sign.
                values = np.array(self.scores[model][metric])
                text = mean_and_error(values, decimals[metric]).replace("±", "+-")
                is_best = np.mean(self.scores[model][metric]) == best[metric]
                cells.append(f"{text} *" if is_best else f"{text}  ")
            lines.append([*cells, f"{np.mean(self.seconds[model]):.1f}"])
        return aligned(lines, right=range(1, len(head)))


def no_better_than_guessing(
    split: Split, network: str, test_scores: Mapping[str, float], comparison: Comparison | None
) -> Finding | None:
    """Returns a finding where a constant prediction is as good as the network, or None.

    It is on the folds or on the test part, where neither the first metric, accuracy or R2, nor the
    last, log loss or RMSE, is better than the constant's: the frequencies of the classes, or the
    mean, in training.

    Args:
        split: The data.
        network: Name of the network in the comparison.
        test_scores: Its scores on the test part.
        comparison: Scores on the folds, or None.
    """
    constant = score(split.task, split.outputs, split.y_test, _constant(split))
    pairs = {f"the {len(split.y_test)} test rows": (test_scores, constant)}
    if comparison is not None:
        guess = "most frequent class" if split.task.is_classification else "mean"
        own, other = (
            {metric: float(np.mean(values)) for metric, values in comparison.scores[name].items()}
            for name in (network, guess)
        )
        pairs = {"the folds of the training part": (own, other), **pairs}
    first, *_, last = metric_names(split.task)
    lines = [
        f"On {where} its {first} is {shown(own[first])} and its {last} {shown(own[last])}; those "
        f"of a constant prediction are {shown(other[first])} and {shown(other[last])}."
        for where, (own, other) in pairs.items()
        if own[first] <= other[first] and own[last] >= other[last]
    ]
    if not lines:
        return None
    return Finding(GUESSING, "", test_scores[first], " ".join(lines), GUESSING_HINT)


def in_terms_of_the_command(
    finding: Finding, network: str, comparison: Comparison | None
) -> Finding:
    """Returns a finding on a network of the command, with what its user can do.

    Units that are active on no row are a note where the network is as good as its rivals, unless
    they are all units of a layer.

    Args:
        finding: What the doctor found.
        network: Name of the network in the comparison.
        comparison: Scores on the folds, or None.
    """
    if finding.name != DYING_RELU:
        return finding
    # A layer without any unit that is active passes nothing on, which no score makes up for.
    is_whole = finding.number == 1
    if is_whole or comparison is None or not comparison.is_as_good(network):
        hint = "Give a lower `--learning-rate`, such as 0.001."
        return dataclasses.replace(finding, hint=hint)
    return Finding(
        "note",
        finding.layer,
        finding.number,
        f"{finding.number:.0%} of its units are active on no row. On the folds no other model is "
        "better by more than chance, so that they are not missed.",
        "With a lower `--learning-rate`, such as 0.001, fewer are lost.",
    )


def _constant(split: Split) -> np.ndarray:
    """Returns the constant prediction for each test row, `(rows, outputs)`."""
    y = np.asarray(split.y_train)
    mean = np.atleast_1d(y.mean(axis=0))
    if split.task is Task.MULTICLASS:
        mean = np.bincount(y, minlength=split.outputs) / len(y)
    return np.broadcast_to(mean, (len(split.y_test), len(mean)))


def aligned(lines: Sequence[Sequence[str]], *, right: Sequence[int] | range = ()) -> str:
    """Returns cells in columns, two blanks apart.

    Args:
        lines: The cells of each line.
        right: Columns whose cells end at one place.
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(text)
