"""Scores from a model's own metrics: names, and whether more or less is better."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from kerasnn import _checks

_MORE = (
    *("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy"),
    *("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy"),
    *("AUC", "Precision", "Recall", "PrecisionAtRecall", "RecallAtPrecision"),
    *("SensitivityAtSpecificity", "SpecificityAtSensitivity", "TruePositives", "TrueNegatives"),
    *("FBetaScore", "R2Score", "CosineSimilarity", "PearsonCorrelation"),
    *("ConcordanceCorrelation", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"),
)
_LESS = (
    *("FalsePositives", "FalseNegatives", "MeanSquaredError", "RootMeanSquaredError"),
    *("MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError"),
    *("LogCoshError", "KLDivergence", "Poisson", "BinaryCrossentropy"),
    *("CategoricalCrossentropy", "SparseCategoricalCrossentropy"),
    *("Hinge", "SquaredHinge", "CategoricalHinge"),
)
_LOSSES = [loss for loss in vars(keras.losses).values() if inspect.isfunction(loss)]
_NUMBER = re.compile(r"_\d+")
# Name of the loss without penalties, which do not depend on how well rows are predicted.
DATA_LOSS = "data_loss"


def metric_names(model: Any) -> tuple[str, ...]:
    """Returns names of a model's results without the numbers that Keras appends.

    Keras counts over all models of a process: an `AUC()` without a name is `auc` in the first and
    `auc_1` in the next. The number stays where two results would have one name.

    Args:
        model: A model whose metrics were created.
    """
    names = list(model.get_metrics_result())
    metrics = _metrics_by_result(model)
    stems = [_without_number(name, metrics[name]) if name in metrics else name for name in names]
    pairs = zip(names, stems, strict=True)
    return tuple(stem if stems.count(stem) == 1 else name for name, stem in pairs)


def renamed_results(model: Any, names: tuple[str, ...]) -> dict[str, str]:
    """Returns result of a model -> name of the same result in another model of one builder.

    Args:
        model: A model whose metrics were created.
        names: What `metric_names` returned for the other model.

    Raises:
        InvalidArgument: If the metrics are not the same.
    """
    found = list(model.get_metrics_result())
    if [_NUMBER.sub("", name) for name in found] != [_NUMBER.sub("", name) for name in names]:
        rule = f"return models with the same metrics, {', '.join(names)}"
        raise _checks.InvalidArgument("build", rule, found, got=", ".join(found))
    return dict(zip(found, names, strict=True))


def directions(model: Any) -> dict[str, int | None]:
    """Returns name of each result -> 1 where more is better, -1 where less is, else None."""
    metrics = _metrics_by_result(model)
    pairs = zip(model.get_metrics_result(), metric_names(model), strict=True)
    return {name: _direction(metrics[found]) if found in metrics else None for found, name in pairs}


def score_of(name: str, value: Any) -> float:
    """Returns a metric's value as a score; raises where it is not one number."""
    array = np.asarray(value)
    if array.size != 1:
        rule = "return a model whose metrics are one number each, to be scores"
        hint = 'Give the metric average="macro": `keras.metrics.F1Score(average="macro")`.'
        got = f"{array.size} numbers of `{name}`, one per class"
        raise _checks.InvalidArgument("build", rule, array, hint, got=got)
    return float(array.item())


def chosen(
    metric: str | None, known: dict[str, int | None], scorers: Iterable[str]
) -> tuple[str, int]:
    """Returns the metric by which settings are compared, and -1 where less of it is better.

    Args:
        metric: Its name, with a sign in front where its direction is unknown; or None.
        known: The result of `directions`.
        scorers: Names of scores of which more is better.
    """
    both = {**known, **dict.fromkeys(scorers, 1)}
    if metric is None:
        more = [name for name, direction in known.items() if direction == 1]
        metric = [*scorers, *more, DATA_LOSS if DATA_LOSS in known else "loss"][0]
    signs = {"-": -1, "+": 1}
    sign = None
    if isinstance(metric, str) and metric not in both and metric[:1] in signs:
        sign, metric = signs[metric[0]], metric[1:]
    _checks.one_of("metric", metric, both)
    direction = sign or both[metric]
    if direction is None:
        raise _checks.InvalidArgument(
            "metric",
            "have a known direction: more is better, or less is",
            metric,
            f'Give metric="+{metric}" where more is better, metric="-{metric}" where less is.',
        )
    return metric, direction


def _metrics_by_result(model: Any) -> dict[str, Any]:
    """Returns name of a result -> the metric that gives it."""
    groups = [getattr(one, "metrics", None) or [one] for one in model.metrics]
    metrics = [metric for group in groups for metric in group]
    outputs = getattr(model, "output_names", [])
    found = {f"{output}_{metric.name}": metric for metric in metrics for output in outputs}
    return found | {metric.name: metric for metric in metrics}


def _without_number(name: str, metric: Any) -> str:
    """Returns a result's name without the number that Keras appends to a metric without a name."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(metric).__name__)
    automatic = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
    counted = re.fullmatch(rf"{re.escape(automatic)}_\d+", metric.name)
    return name.removesuffix(metric.name) + automatic if counted else name


def _direction(metric: Any) -> int | None:
    kinds = [k.__name__ for k in type(metric).__mro__ if k.__module__.startswith("keras.")]
    if any(kind in _MORE for kind in kinds):
        return 1
    is_loss = metric.name == "loss" or metric.name.endswith("_loss")
    if any(kind in _LESS for kind in kinds) or (type(metric) is keras.metrics.Mean and is_loss):
        return -1
    # A user's function may have the name of one of Keras's losses and another meaning.
    functions = vars(metric).values() if type(metric) is keras.metrics.MeanMetricWrapper else ()
    is_keras_loss = any(one is loss for one in functions for loss in _LOSSES)
    return -1 if is_keras_loss else None
