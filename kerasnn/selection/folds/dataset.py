"""The data that folds are cut from."""

import dataclasses
import inspect
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model_outputs import has_logits, loss_function
from kerasnn._core.random_state import seeded
from kerasnn.selection.folds.metrics import own_names, score_of
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.tensors import hide_none
from kerasnn.training.programs import train_step

# By identity: Keras's variables have no hash.
_seen: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


@dataclasses.dataclass(frozen=True)
class Problem:
    """Rows that were checked against a model once, before any is trained.

    Attributes:
        x: Inputs: an array or a structure of arrays.
        y: Targets, likewise.
        sample_weight: Weights, likewise, or None.
        count: Number of rows.
        groups: The group of each row, or None.
        labels: The class number of each row, or None where there is none.
        kind: What the loss compares with: "classes", "binary", "onehot", "real", ...
        logits: Whether the loss applies the sigmoid or softmax itself.
        own_names: What `metrics.own_names` returns for models of this search.
    """

    x: Any
    y: Any
    sample_weight: Any
    count: int
    groups: np.ndarray | None
    labels: np.ndarray | None
    kind: str
    logits: bool = False
    own_names: frozenset[str] = frozenset()

    def take(self, part: np.ndarray) -> tuple[Any, Any, Any]:
        """Returns inputs, targets and weights of some rows."""
        parts: Any = keras.tree.map_structure(
            lambda a: None if a is None else a[part], (self.x, self.y, self.sample_weight)
        )
        return parts


def built(build: Callable[..., Any], params: dict[str, Any], seed: int, x: Any) -> Any:
    """Returns a fresh, compiled model, with its variables made.

    Raises:
        ValueError: If `build` returns anything else, such as a model that it returned before.
    """
    with seeded(seed):
        return _made(build, params, x)


def _made(build: Callable[..., Any], params: dict[str, Any], x: Any) -> Any:
    model = build(**params)
    require_fresh(model)
    arrays.build(model, x)
    note_new(model)
    return model


def require_fresh(model: Any) -> None:
    """Raises where what `build` returned is no compiled Keras model, or one that has trained."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            "`build` must return a compiled Keras model; it returned "
            f"{type(model).__name__}. Let it end with `return model`."
        )
    if not model.compiled:
        raise ValueError(
            f"`build` must return a compiled model; `{model.name}` is not. Let it call "
            "`model.compile(optimizer=..., loss=..., metrics=[...])`."
        )
    trained = int(model.optimizer.iterations)
    if trained:
        raise ValueError(
            f"`build` must return a fresh model; `{model.name}` has trained for {trained} steps, "
            "and what it has learned would leak into its score. Let it build a new one each "
            "time."
        )


def note_new(model: Any) -> None:
    """Notes what is trained of a model; raises where an earlier model had some of it.

    A count of steps does not tell, since `compile` begins it anew.
    """
    for part in (model, *model.trainable_variables):
        if _seen.get(id(part)) is part:
            what = "it" if part is model else f"its weight `{part.path}`"
            raise ValueError(
                f"`build` must return a fresh model; `{model.name}`, or a model that shares "
                f"weights with it, was returned before: {what} would keep what it learns on "
                "other rows. Let it build a new one, with new layers, each time."
            )
    for part in (model, *model.trainable_variables):
        _seen[id(part)] = part


def require_given(build: Any, x: Any) -> None:
    """Raises unless `build` can be called for a model, and folds can be cut from `x`."""
    hint = "Give a function that returns it, such as `lambda: models.mlp(...)`."
    if isinstance(build, keras.Model):
        raise ValueError(
            f"`build` must make a new model for each fold; got the model `{build.name}`. {hint}"
        )
    if not callable(build):
        raise _checks.InvalidArgument(
            "build", "be a function that returns a compiled model", build, hint
        )
    if arrays.is_stream(x):
        raise ValueError(
            f"`x` must be arrays, so that folds can be cut; got a {type(x).__name__}. Read it "
            "into arrays."
        )
    _checks.refuse_masked("x", x)


def require_arguments(build: Callable[..., Any], params: dict[str, Any]) -> None:
    """Raises where `build` needs arguments that it is not given."""
    try:
        inspect.signature(build).bind(**params)
    except TypeError as error:
        given = ", ".join(params) or "no arguments"
        raise ValueError(
            f"`build` must be callable with {given}; of its signature Python says: {error}. Bind "
            "other arguments by `functools.partial`."
        ) from error
    except ValueError:
        # What is written in C may have no signature.
        return


def require_class_weight(problem: Problem, weights: Any) -> None:
    """Raises where weights of classes cannot be right for these targets."""
    if weights is None:
        return
    present = set() if problem.labels is None else set(problem.labels.astype(int).tolist())
    _checks.class_weights(weights, None, present)
    if present and not any(weights.get(label, 1) for label in present):
        raise _checks.InvalidArgument(
            "class_weight", "not be zero for all classes: nothing is left", weights
        )


def first(build: Callable[..., Any], params: dict[str, Any], x: Any) -> Any:
    """Returns a model to check data against."""
    # Arrays are needed to build a model without an `Input`; a first look at x makes them.
    require_arguments(build, params)
    is_read = isinstance(x, list) or hasattr(x, "to_numpy")
    given = arrays.as_arrays("x", x, arrays.ONE) if is_read else x
    return built(build, params, 0, given)


def read(
    model: Any,
    x: Any,
    y: Any,
    again: Callable[[], Any],
    *,
    groups: Any = None,
    sample_weight: Any = None,
) -> Problem:
    """Checks data against a fresh model, whose metrics are then made.

    Args:
        model: The model.
        x: Inputs.
        y: Targets.
        again: Returns another such model.
        groups: Group of each row.
        sample_weight: Weight of each row.

    Raises:
        ValueError: If the data cannot be right.
    """
    data = arrays.read(model, x, y, sample_weight, learn=True)
    arrays.require_targets(model, "y", y)
    if groups is not None:
        groups = _checks.plain("groups", groups)
        groups = np.asarray(groups)
        if groups.shape != (data.count,):
            raise ValueError(
                f"`groups` must hold one group a row; got shape {groups.shape} for {data.count} "
                "rows."
            )
        missing = np.flatnonzero([group is None or group != group for group in groups])
        if missing.size:
            raise ValueError(
                f"`groups` must hold the group of each row; got {groups[missing[0]]} in row "
                f"{missing[0]}. Give such a row a group of its own, or drop it."
            )
    labels = next(iter(data.labels.values())) if len(data.labels) == 1 else None
    numbers = None if labels is None else labels.numbers
    kind, logits = "custom", False
    if arrays.trains_as_keras(model) and arrays.is_symbolic(model):
        pairs = arrays.pair_targets(model, "y", data.y, arrays.structure(model, "output"))
        kind = pairs[0][3] if len(pairs) == 1 else "several"
        logits = kind in ("classes", "binary", "onehot") and has_logits(loss_function(model))
    problem = Problem(data.x, data.y, data.sample_weight, data.count, groups, numbers, kind, logits)
    own = own_names(_measured(model, problem), lambda: _measured(again(), problem))
    if arrays.trains_as_keras(model):
        for name, value in model.get_metrics_result().items():
            score_of(name, value)
    return dataclasses.replace(problem, own_names=own)


def _measured(model: Any, problem: Problem) -> Any:
    """Returns a model, with its metrics made."""
    data = keras.utils.pack_x_y_sample_weight(problem.x, problem.y, problem.sample_weight)
    spec = tf.nest.map_structure(
        lambda a: tf.TensorSpec((None, *a.shape[1:]), tf.as_dtype(a.dtype)), hide_none(data)
    )
    train_step.build(model, spec, "test_step")
    train_step.Steps(model, spec, "test_step")
    return model
