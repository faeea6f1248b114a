"""Names that Keras counts on with every object that a process makes."""

import inspect
import itertools
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import keras
import numpy as np

from kerasnn import _checks


def is_automatic(kind: str, name: str) -> bool:
    """Whether a name is what Keras gives to an object of some class that is given none.

    >>> is_automatic("AUC", "auc_12"), is_automatic("AUC", "auc_pr")
    (True, False)
    """
    return re.fullmatch(rf"{re.escape(automatic(kind))}(_\d+)?", name) is not None


def automatic(kind: str) -> str:
    """Returns the name of the first object of a class.

    >>> automatic("BinaryIoU")
    'binary_io_u'
    """
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def as_if_first(objects: Iterable[Any], own: Collection[str] = ()) -> dict[str, str]:
    """Returns name -> name that an object would have in a process that makes no others.

    Args:
        objects: Objects with names.
        own: Names that look as if Keras had given them, and are the user's.
    """
    found: dict[str, str] = {}
    for one in objects:
        kind = type(one).__name__
        if one.name in found or one.name in own or not is_automatic(kind, one.name):
            continue
        base = automatic(kind)
        free = (f"{base}_{number}" if number else base for number in itertools.count())
        found[one.name] = next(name for name in free if name not in {*found.values(), *own})
    return found


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
# The loss without what a model adds to it: penalties, which say nothing of the rows.
DATA_LOSS = "data_loss"


def steady_names(model: Any, names: Iterable[str], own: Collection[str]) -> dict[str, str]:
    """Returns name of a result -> name that it would have had in the first model of a process.

    Keras counts on: an `AUC()` without a name is `auc` in the first model and `auc_1` in the
    next, and so is an output. What `own_names` returns stays as it is.
    """
    return {name: steady for name, (steady, _) in _found(model, names, own).items()}


def own_names(model: Any, again: Callable[[], Any]) -> frozenset[str]:
    """Returns names of metrics and outputs that look as if Keras had counted, and do not change.

    Args:
        model: A model with its metrics made.
        again: Makes another such model. It is called only where a name looks so.
    """
    names = as_if_first(_metrics(model)) | as_if_first(_outputs(model))
    if all(name == steady for name, steady in names.items()):
        return frozenset()
    one, other = ({part.name for part in _metrics(m) + _outputs(m)} for m in (model, again()))
    return frozenset(one & other)


def directions(model: Any, own: Collection[str] = ()) -> dict[str, int | None]:
    """Returns steady name of each result -> 1 where more is better, -1 where less, else None."""
    found = _found(model, model.get_metrics_result(), own).values()
    return {steady: None if metric is None else _direction(metric) for steady, metric in found}


def score_of(name: str, value: Any) -> float:
    """Returns a metric's value as a score; raises where it is not one number."""
    array = np.asarray(value)
    if array.size != 1:
        raise ValueError(
            f"`build` must return a model whose metrics are one number each, to be scores; "
            f'`{name}` has {array.size}, one a class. Give the metric average="macro", as in '
            '`keras.metrics.F1Score(average="macro")`.'
        )
    return float(array.item())


def chosen(
    metric: str | None, known: dict[str, int | None], scorers: Iterable[str]
) -> tuple[str, int]:
    """Returns the metric that counts, and -1 where less of it is better.

    Args:
        metric: Its name, with a sign before it where that is to be said; or None.
        known: What `directions` returns.
        scorers: Names of scores of which more is better.
    """
    both = {**known, **dict.fromkeys(scorers, 1)}
    if metric is None:
        more = [name for name, direction in known.items() if direction == 1]
        metric = [*scorers, *more, DATA_LOSS if DATA_LOSS in known else "loss"][0]
    signs = {"-": -1, "+": 1}
    said = None
    if isinstance(metric, str) and metric not in both and metric[:1] in signs:
        said, metric = signs[metric[0]], metric[1:]
    _checks.one_of("metric", metric, both)
    direction = said or both[metric]
    if direction is None:
        raise _checks.InvalidArgument(
            "metric",
            "be one of which it is known whether more or less is better",
            metric,
            f'Say so: metric="+{metric}" where more is better, metric="-{metric}" where less is.',
        )
    return metric, direction


def _metrics(model: Any) -> list[Any]:
    return [one for group in model.metrics for one in getattr(group, "metrics", None) or [group]]


def _outputs(model: Any) -> list[Any]:
    """Returns the layers that several outputs are named after, in the order of the outputs.

    The name of a single one is in no result.
    """
    names = list(getattr(model, "output_names", []))
    layers = [layer for layer in model.layers if len(names) > 1 and layer.name in names]
    return sorted(layers, key=lambda layer: names.index(layer.name))


def _found(model: Any, names: Iterable[str], own: Collection[str]) -> dict[str, tuple[str, Any]]:
    """Returns name of a result -> its steady name, and the metric that gave it, if any."""
    metrics, outputs = _metrics(model), list(getattr(model, "output_names", []))
    first, first_output = as_if_first(metrics, own), as_if_first(_outputs(model), own)
    known: dict[str, tuple[str, Any]] = {}
    for metric in metrics:
        steady = str(first.get(metric.name, metric.name))
        known[metric.name] = (steady, metric)
        for output in outputs:
            begin = first_output.get(output, output)
            known.setdefault(f"{output}_{metric.name}", (f"{begin}_{steady}", metric))
            if metric.name == f"{output}_loss":
                known[metric.name] = (f"{begin}_loss", metric)
    return {name: known.get(name, (name, None)) for name in names}


def _direction(metric: Any) -> int | None:
    kinds = [k.__name__ for k in type(metric).__mro__ if k.__module__.startswith("keras.")]
    if any(kind in _MORE for kind in kinds):
        return 1
    is_loss = metric.name == "loss" or metric.name.endswith("_loss")
    if any(kind in _LESS for kind in kinds) or (type(metric) is keras.metrics.Mean and is_loss):
        return -1
    # A function of the user's may have the name of one of Keras's, and not its meaning.
    held = vars(metric).values() if type(metric) is keras.metrics.MeanMetricWrapper else ()
    is_keras_loss = any(one is loss for one in held for loss in _LOSSES)
    return -1 if is_keras_loss else None
