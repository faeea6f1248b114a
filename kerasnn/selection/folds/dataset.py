"""Checked arrays from which folds are cut."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model_outputs import has_logits, loss_function
from kerasnn.selection.folds.metrics import metric_names, score_of
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.tensors import hide_none, text_arrays
from kerasnn.training.programs import train_step


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows that were checked against a first model, before any model trains.

    Attributes:
        x: Inputs: an array or a structure of arrays.
        y: Targets, likewise.
        sample_weight: Weights, likewise, or None.
        count: Number of rows.
        groups: Group of each row, or None.
        labels: Class number of each row, or None where a row has no single class.
        target_kind: What the loss compares with: "classes", "binary", "onehot", "real", ...
        from_logits: Whether the loss applies the sigmoid or softmax itself.
        metric_names: Names by which the metrics of all models are called, in the order of
            `model.get_metrics_result()`.
    """

    x: Any
    y: Any
    sample_weight: Any = None
    count: int
    groups: np.ndarray | None = None
    labels: np.ndarray | None = None
    target_kind: str = "custom"
    from_logits: bool = False
    metric_names: tuple[str, ...] = ()

    def take(self, rows: np.ndarray) -> tuple[Any, Any, Any]:
        """Returns inputs, targets and weights of some rows."""
        parts: Any = keras.tree.map_structure(
            lambda a: None if a is None else a[rows], (self.x, self.y, self.sample_weight)
        )
        return parts

    def subset(self, rows: np.ndarray) -> "Dataset":
        """Returns the dataset of some rows."""
        x, y, sample_weight = self.take(rows)
        groups = None if self.groups is None else self.groups[rows]
        labels = None if self.labels is None else self.labels[rows]
        return dataclasses.replace(
            self,
            x=x,
            y=y,
            sample_weight=sample_weight,
            count=len(rows),
            groups=groups,
            labels=labels,
        )

    def require_class_weight(self, class_weight: Any) -> None:
        """Raises where weights of classes do not fit the targets."""
        if class_weight is None:
            return
        present = set() if self.labels is None else set(self.labels.astype(int).tolist())
        _checks.class_weights(class_weight, None, present)
        if present and not any(class_weight.get(label, 1) for label in present):
            rule = "not be zero for all classes: no row would be left"
            raise _checks.InvalidArgument("class_weight", rule, class_weight)


def require_arrays(x: Any) -> None:
    """Raises unless folds can be cut from `x`."""
    if arrays.is_stream(x) or arrays.is_irregular(x):
        hint = "Make it dense: `data.pad` pads."
        if arrays.is_stream(x):
            hint = "Read it into arrays; `data.from_csv` and others do with `in_memory=True`."
        rule, got = "be arrays, so that folds can be cut", f"a {type(x).__name__}"
        raise _checks.InvalidArgument("x", rule, x, hint, got=got)
    _checks.refuse_masked("x", x)


def read_dataset(
    model: Any, x: Any, y: Any, *, groups: Any = None, sample_weight: Any = None
) -> Dataset:
    """Checks data against a newly built model, whose metrics are then created.

    Args:
        model: The model.
        x: Inputs.
        y: Targets.
        groups: Group of each row.
        sample_weight: Weight of each row.

    Raises:
        InvalidArgument: If the data does not fit the model.
    """
    data = arrays.read(model, x, y, sample_weight, learn=True)
    arrays.require_targets(model, "y", y)
    labels = next(iter(data.labels.values())) if len(data.labels) == 1 else None
    kind, from_logits = "custom", False
    if arrays.trains_as_keras(model) and arrays.is_symbolic(model):
        pairs = arrays.pair_targets(model, "y", data.y, arrays.structure(model, "output"))
        kind = pairs[0][3] if len(pairs) == 1 else "several"
        one_loss = kind in ("classes", "binary", "onehot")
        from_logits = one_loss and has_logits(loss_function(model))
    _create_metrics(model, data)
    if arrays.trains_as_keras(model):
        for name, value in model.get_metrics_result().items():
            score_of(name, value)
    return Dataset(
        x=text_arrays(data.x),
        y=data.y,
        sample_weight=data.sample_weight,
        count=data.count,
        groups=None if groups is None else _read_groups(groups, data.count),
        labels=None if labels is None else labels.numbers,
        target_kind=kind,
        from_logits=from_logits,
        metric_names=metric_names(model),
    )


def _read_groups(groups: Any, count: int) -> np.ndarray:
    groups = np.asarray(_checks.plain("groups", groups))
    if groups.shape != (count,):
        rule, got = f"hold one group for each of {count} rows", f"shape {groups.shape}"
        raise _checks.InvalidArgument("groups", rule, groups, got=got)
    missing = np.flatnonzero([group is None or group != group for group in groups])
    if missing.size:
        value, row = groups[missing[0]], missing[0]
        hint = "Give such a row a group of its own, or drop it."
        got = f"{value} in row {row}"
        raise _checks.InvalidArgument("groups", "hold no missing values", value, hint, got=got)
    return groups


def _create_metrics(model: Any, data: Any) -> None:
    """Traces a test step, which creates a model's metrics."""
    packed = keras.utils.pack_x_y_sample_weight(data.x, data.y, data.sample_weight)
    spec = tf.nest.map_structure(
        lambda a: tf.TensorSpec((None, *a.shape[1:]), tf.as_dtype(a.dtype)), hide_none(packed)
    )
    train_step.build(model, spec, "test_step")
    train_step.TracedStep(model, spec, "test_step")
