"""Metrics on the test part with their intervals, computed by scikit-learn."""

import dataclasses
import warnings
from collections.abc import Callable

import numpy as np
import sklearn
from scipy.stats import binomtest
from sklearn import metrics

from kerasnn._core.display.blocks import Table, decimals_of, fixed
from kerasnn.report.predicted_rows import MOST_SAMPLED_ROWS, PredictedRows
from kerasnn.tasks import Task
from kerasnn.tasks._row_losses import losses_of, targets_of

_RESAMPLES = 100
# Beyond, the curves of all classes take too long to resample.
_MOST_CLASSES = 3

Function = Callable[[PredictedRows], float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric with its 95% interval and its value for a constant prediction; NaN if unknown."""

    name: str
    value: float
    low: float
    high: float
    constant: float

    @property
    def interval(self) -> str:
        """The interval in words; empty where it is unknown."""
        if np.isnan(self.low):
            return ""
        return f"{self.words(self.low)} to {self.words(self.high)}"

    def words(self, value: float) -> str:
        """Returns a value of the metric with as many decimals as its own has."""
        return fixed(value, decimals_of(self.value))


def measure(part: PredictedRows, y_train: np.ndarray | None) -> list[Metric]:
    """Returns the metrics of a task, the most important first.

    The interval of accuracy is Wilson's for a binomial fraction. The others are from 100 bootstrap
    samples of at most 2,000 rows, whose distances from the value are scaled to all rows.

    Args:
        part: The test part.
        y_train: Targets of the training part. Their mean, or the frequencies of their classes, are
            the constant prediction.
    """
    functions = _functions(part.task)
    constant = None if y_train is None else _constant(part, y_train)
    without = {"accuracy"}
    if len(part.classes) > _MOST_CLASSES:
        without |= {"ROC AUC", "average precision"}
    with (
        sklearn.config_context(assume_finite=True, skip_parameter_validation=True),
        # A bootstrap sample may lack a class, or a constant prediction never predict it.
        warnings.catch_warnings(action="ignore"),
    ):
        values = {name: float(function(part)) for name, function in functions.items()}
        samples = _bootstrap(part, {n: f for n, f in functions.items() if n not in without})
        constants = {
            name: np.nan if constant is None else float(function(constant))
            for name, function in functions.items()
        }
    scale = np.sqrt(min(part.rows, MOST_SAMPLED_ROWS) / part.rows)
    found = []
    for name, value in values.items():
        low = high = np.nan
        if name == "accuracy":
            correct = int((part.predicted == part.y).sum())
            low, high = binomtest(correct, part.rows).proportion_ci(method="wilson")
        elif name in samples and np.isfinite(samples[name]).any():
            ends = np.nanpercentile(samples[name], (2.5, 97.5))
            low, high = value + scale * (ends - value)
        found.append(Metric(name=name, value=value, low=low, high=high, constant=constants[name]))
    return found


def table(found: list[Metric], rows: int) -> Table:
    """Returns the metrics as a table."""
    head = ("metric", "value", "95% interval", "constant prediction")
    lines = [(m.name, m.words(m.value), m.interval, m.words(m.constant)) for m in found]
    if all(np.isnan(m.constant) for m in found):
        head, lines = head[:-1], [line[:-1] for line in lines]
    return Table(f"Metrics on {rows:,} test rows", head, lines, numeric=head[1:])


def _functions(task: Task) -> dict[str, Function]:
    """Returns name -> function of the metrics of a task."""

    def of_classes(function: Callable[..., float], **kwargs: object) -> Function:
        return lambda part: function(part.y, part.predicted, **kwargs)

    def of_predictions(function: Callable[..., float], **kwargs: object) -> Function:
        return lambda part: function(part.y, part.predictions, **kwargs)

    def by_class(function: Callable[..., float]) -> Function:
        def mean(part: PredictedRows) -> float:
            return float(np.mean([function(y, p) for _, y, p in part.one_against_rest()]))

        return mean

    def by_output(function: Callable[..., float], least: float = -np.inf) -> Function:
        def mean(part: PredictedRows) -> float:
            pairs = zip(part.y.T, np.maximum(part.predictions, least).T, strict=True)
            return float(np.mean([function(y, p) for y, p in pairs]))

        return mean

    areas = {
        "ROC AUC": by_class(metrics.roc_auc_score),
        "average precision": by_class(metrics.average_precision_score),
    }
    if task is Task.BINARY:
        return {
            "accuracy": of_classes(metrics.accuracy_score),
            "balanced accuracy": of_classes(metrics.balanced_accuracy_score),
            "F1": of_classes(metrics.f1_score, zero_division=0),
            **areas,
            "log loss": of_predictions(metrics.log_loss, labels=[0, 1]),
            "Brier score": of_predictions(metrics.brier_score_loss, pos_label=1),
        }
    if task is Task.MULTICLASS:
        return {
            "accuracy": of_classes(metrics.accuracy_score),
            "balanced accuracy": of_classes(metrics.balanced_accuracy_score),
            "F1, mean over classes": of_classes(metrics.f1_score, average="macro", zero_division=0),
            **areas,
            "log loss": lambda part: metrics.log_loss(
                part.y, part.predictions, labels=range(len(part.classes))
            ),
        }
    if task is Task.MULTILABEL:
        return {
            "label accuracy": lambda part: 1 - metrics.hamming_loss(part.y, part.predicted),
            "all labels right": of_classes(metrics.accuracy_score),
            "F1, mean over labels": of_classes(metrics.f1_score, average="macro", zero_division=0),
            **areas,
            "log loss": lambda part: float(part.losses.mean()),
        }
    errors = {
        "MAE": of_predictions(metrics.mean_absolute_error),
        "RMSE": of_predictions(metrics.root_mean_squared_error),
    }
    if task is Task.REGRESSION:
        return {"R2": of_predictions(metrics.r2_score), **errors}
    return {
        "D2": by_output(lambda y, p: metrics.d2_tweedie_score(y, p, power=1), 1e-7),
        "mean Poisson deviance": by_output(metrics.mean_poisson_deviance, 1e-7),
        **errors,
    }


def _bootstrap(part: PredictedRows, functions: dict[str, Function]) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    size = min(part.rows, MOST_SAMPLED_ROWS)
    samples = [taken(part, generator.integers(0, part.rows, size)) for _ in range(_RESAMPLES)]
    return {
        name: np.array([function(sample) for sample in samples])
        for name, function in functions.items()
    }


def taken(part: PredictedRows, rows: np.ndarray) -> PredictedRows:
    """Returns some rows of a part."""
    return dataclasses.replace(
        part, y=part.y[rows], predictions=part.predictions[rows], losses=part.losses[rows]
    )


def _constant(part: PredictedRows, y_train: np.ndarray) -> PredictedRows:
    train = targets_of(part.task, y_train)
    if part.task is Task.MULTICLASS:
        mean = np.bincount(train, minlength=len(part.classes)) / len(train)
    else:
        mean = train.mean(axis=0)
    predictions = np.broadcast_to(mean, part.predictions.shape)
    losses = losses_of(part.task, part.y, predictions)
    return dataclasses.replace(part, predictions=predictions, losses=losses)
