"""`kerasnn.training.evaluate`: loss and metrics on data."""

import functools
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._core.display.cell_epochs import with_cell_batches
from kerasnn._core.display.progress import verbosity
from kerasnn._core.process.strategy import strategy_of, uses_strategy
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.generators import read_once
from kerasnn.training.inputs.stream_shapes import check_stream_end, check_stream_shapes
from kerasnn.training.inputs.stream_values import BatchCheck
from kerasnn.training.loop.job import check_model
from kerasnn.training.programs.evaluation import Evaluation
from kerasnn.training.programs.replicas.limits import (
    check_batches,
    why_not_divided,
    why_not_even,
    why_not_stream,
)
from kerasnn.training.programs.stream_evaluation import StreamEvaluation
from kerasnn.training.programs.train_step import Logs, as_number, as_python


@_checks.known_arguments
def evaluate(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
    *,
    allow_nan: bool = False,
) -> Any:
    """Returns loss and metrics of a compiled Keras model.

    The arguments are Keras's, but for `allow_nan`: whether inputs in memory may be NaN, for a model
    whose own layer fills them in (those of Keras and of this package do not); and `verbose="auto"`
    shows a line, and no bar, where nobody watches. In a notebook the bar is one output, without the
    control characters of Keras's.

    Raises:
        InvalidArgument: If data or an argument cannot be right; of a stream, at the wrong batch.
        TypeError: If an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse", metrics=["mae"])
        >>> sorted(evaluate(model, [[0.0]], [0.5], verbose=0, return_dict=True))
        ['loss', 'mae']
    """
    check_model(model)
    verbose = verbosity(verbose)
    if batch_size is not None:
        _checks.integer("batch_size", batch_size)
    if steps is not None:
        _checks.integer("steps", steps)
    for name, data in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        _checks.refuse_masked(name, data)
    shown, watching = with_cell_batches(verbose, callbacks)
    by_keras = functools.partial(
        keras.Model.evaluate,
        model,
        batch_size=batch_size,
        verbose=shown,
        steps=steps,
        callbacks=watching,
        return_dict=return_dict,
    )
    if arrays.is_stream(x):
        check_stream_end("x", x, "steps", steps, "an evaluation")
        check_stream_shapes(model, x, ("x", "y"))
        check = BatchCheck(model, ("x", "y", "sample_weight"), allow_nan=allow_nan)
        if strategy_of(model) is not None and not (callbacks or model.run_eagerly):
            given = {"steps": steps, "allow_nan": allow_nan}
            logs = _by_replicas(model, x, check, verbose, **given)
            if logs is not None:
                return logs if return_dict else _in_keras_order(model, logs)
        with read_once(check, x, steps) as stream:
            return _as_numbers(by_keras(stream, y, sample_weight=sample_weight))
    data = arrays.read(model, x, y, sample_weight, allow_nan=allow_nan)
    arrays.require_targets(model, "y", y)
    divides = not uses_strategy(model) or _divides(model, data.count, batch_size, steps)
    if data.is_irregular or callbacks or model.run_eagerly or not divides:
        return _as_numbers(by_keras(data.x, data.y, sample_weight=data.sample_weight))
    evaluation = Evaluation(
        model,
        data.packed,
        rows=data.count,
        batch_size=batch_size,
        steps=steps,
    )
    try:
        logs = evaluation.run(_callbacks(model, verbose, evaluation.steps))
    except ValueError:
        if not uses_strategy(model):
            raise
        # Only a trace shows that an output has a mask, or that a layer adds a loss.
        return _as_numbers(by_keras(data.x, data.y, sample_weight=data.sample_weight))
    if return_dict:
        return logs
    return _in_keras_order(model, logs)


def _callbacks(model: Any, verbose: Any, steps: int | None) -> keras.callbacks.CallbackList:
    shown, bar = with_cell_batches(verbose, None)
    return keras.callbacks.CallbackList(
        bar, add_progbar=shown != 0, verbose=shown, epochs=1, steps=steps, model=model
    )


def _by_replicas(model: Any, x: Any, check: BatchCheck, verbose: Any, **given: Any) -> Logs | None:
    """Returns loss and metrics on a stream that replicas divide, or None where they cannot."""
    if why_not_divided(model, trains=False) or why_not_stream(x) or why_not_even(model, []):
        return None
    evaluation = StreamEvaluation(model, x, check, name="x", **given)
    try:
        return evaluation.run(_callbacks(model, verbose, evaluation.steps))
    except _checks.InvalidArgument:
        raise
    except ValueError:
        return None  # Only a trace shows that an output has a mask, or that a layer adds a loss.


def _divides(model: Any, rows: int, batch_size: int | None, steps: int | None) -> bool:
    """Whether a program can divide the batches between the replicas of a strategy."""
    size = batch_size or (-(-rows // steps) if steps else 32)
    if why_not_divided(model, trains=False) or why_not_even(model, [(rows, size)]):
        return False
    check_batches(model, [(rows, size)])
    return True


def _as_numbers(found: Any) -> Any:
    """Returns the result of Keras's `evaluate`, each value of one entry as a number."""
    if isinstance(found, dict):
        return as_python(found)
    return [as_number(value) for value in found] if isinstance(found, list) else found


def _in_keras_order(model: Any, logs: Logs) -> Any:
    """Returns a number, or the list of numbers that Keras's `evaluate` returns."""
    names = []
    for metric in model.metrics:
        # The metrics of `compile` come as one, which holds them.
        names += [each.name for each in getattr(metric, "metrics", [metric])]
    values = [logs[name] for name in names if name in logs]
    values += [logs[name] for name in sorted(logs) if name not in names]
    return values[0] if len(values) == 1 else values
