"""`kerasnn.fit_many`: training of many models at once."""

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.tensors import text_arrays
from kerasnn.training.loop.job import Job, check_model
from kerasnn.training.loop.needs_keras import why_only_keras
from kerasnn.training.loop.training_loop import ask_callbacks, train
from kerasnn.training.many.stackable import architecture, in_parts, most_in_memory, why_alone
from kerasnn.training.many.stacked_training import Member, StackedTraining, take


@_checks.known_arguments
def fit_many(
    models: Sequence[keras.Model],
    x: Any,
    y: Any = None,
    *,
    rows: Sequence[Any] | None = None,
    validation_rows: Sequence[Any] | None = None,
    epochs: int = 1,
    batch_size: int | str | None = None,
    callbacks: Sequence[Any] | None = None,
    seeds: Sequence[int] | None = None,
    verbose: int | str = "auto",
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
) -> list[keras.callbacks.History]:
    """Trains several compiled models at once, in one program where they have one architecture.

    Each model ends with the weights that `kerasnn.fit` alone gives it on its rows with its seed, to
    float32 rounding. Models train in one program, over stacked weights, if they are equal but for
    their weights, learning rate, weight decay, momentum, beta, rho and epsilon of the optimizer,
    rates of kerasnn's dropout layers, and factors of L1 and L2. What cannot be stacked is trained
    one after the other by `kerasnn.fit`, and `history.reason` says why: convolutions, recurrent
    layers, embeddings under another optimizer than SGD, layers, losses, metrics,
    activations and penalties of the user, optimizers that look at whole weights, callbacks other
    than `EarlyStopping`, `ReduceLROnPlateau` and `LearningRateScheduler`, models of more than
    32,768 weights, and a model that no other equals. Stacks that would not fit into memory are cut,
    and train one after the other.

    A stacked optimizer that has state continues from it and keeps its state; one without state
    gets none, as creating it takes longer than training a small model. To train on with the same
    moments, call `model.optimizer.build(model.trainable_variables)` before.

    Args:
        models: Compiled Keras models, each once.
        x: Inputs: an array, or a list or dictionary of arrays by input.
        y: Targets.
        rows: Indices of the rows that each model trains on, one array a model; all by default. An
            index may occur more than once.
        validation_rows: Indices of the rows that each model validates on, one array a model.
        epochs: Number of epochs.
        batch_size: Batch size; 32 by default, `"full"` for all rows of a model.
        callbacks: One list of Keras callbacks a model. `EarlyStopping` ends the training of its
            model alone.
        seeds: One seed of the order of the rows a model; by default drawn from Python's `random`,
            which `keras.utils.set_random_seed` seeds.
        verbose: 0 for silence, 1 for a progress bar with means over the models, 2 for a line an
            epoch, "auto" for a bar on a terminal or in a notebook where it takes over two seconds.
            Models that train alone show what `kerasnn.fit` does.
        validation_data: `(x, y)` or `(x, y, sample_weight)` for all models to validate on, in place
            of `validation_rows`.
        shuffle: Whether to shuffle the rows anew in each epoch.
        class_weight: Weight of each class in the loss.
        sample_weight: Weight of each row in the loss.
        validation_batch_size: Batch size of validation; as `batch_size` by default.
        validation_freq: Epochs from one validation to the next, or the epochs to validate.

    Returns:
        One `History` a model, in the order of `models`, with `engine` (`"stacked"`, or that of
        `kerasnn.fit`), `reason`, and `error`. If weights or loss of a model become NaN or infinite,
        its training ends, it has the weights from before that epoch, `error` is the
        `FloatingPointError` that `kerasnn.fit` would raise (else None), and a `RuntimeWarning`
        names the model. The other models train on.

    Raises:
        InvalidArgument: If data or an argument cannot be right. No model has changed then. The data
            is checked as a whole, rows that no model trains on included.
        TypeError: If an argument is unknown.

    Example:
        >>> def line(learning_rate):
        ...     model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        ...     model.compile(keras.optimizers.SGD(learning_rate), loss="mse")
        ...     return model
        >>> models = [line(rate) for rate in (0.01, 0.1)]
        >>> histories = fit_many(models, [[0.0], [1.0]], [0.0, 2.0], epochs=3, verbose=0)
        >>> [history.engine for history in histories]
        ['stacked', 'stacked']
    """
    arguments = {
        "x": x,
        "y": y,
        "epochs": epochs,
        "verbose": verbose,
        "batch_size": batch_size,
        "validation_data": validation_data,
        "shuffle": shuffle,
        "class_weight": class_weight,
        "sample_weight": sample_weight,
        "validation_batch_size": validation_batch_size,
        "validation_freq": validation_freq,
    }
    _check_models(models)
    _check_data(x, validation_data, validation_rows)
    own = _callbacks_by_model(callbacks, len(models))
    seeds = _checked_seeds(seeds, len(models), shuffle)
    groups, reasons = _groups(models, own)
    stacks, alone = [], []
    for group in groups:
        job = Job.read(model=models[group[0]], **arguments)
        parts = _members(job, group, models, rows, validation_rows, own, seeds)
        stacked = []
        for i, member in zip(group, parts, strict=True):
            its_job = dataclasses.replace(job, model=member.model, callbacks=member.callbacks)
            reason = reasons[i] or why_only_keras(its_job)
            if reason or len(group) == 1:
                reasons[i] = reason or "no other model has its architecture"
                alone.append((i, _job_alone(job, member, arguments, validation_rows is not None)))
            else:
                if validation_rows is not None:
                    its_job = dataclasses.replace(its_job, validation_data=_validation(job, True))
                stacked.append((i, member))
                ask_callbacks(its_job)
        if stacked:
            model = stacked[0][1].model
            batch = min(job.step_rows, max(len(member.rows) for _, member in stacked))
            stacks += [(job, part) for part in in_parts(stacked, most_in_memory(model, batch))]
    for _, job in alone:
        ask_callbacks(job)
    histories: dict[int, Any] = {}
    for job, stacked in stacks:
        validation = _validation(job, validation_rows is not None)
        if validation_rows is not None:
            job = dataclasses.replace(job, validation_data=validation)
        packed = None if validation is None else keras.utils.pack_x_y_sample_weight(*validation)
        training = StackedTraining(job, packed, [member for _, member in stacked])
        for (i, _), history in zip(stacked, training.train(), strict=True):
            histories[i] = history
    for i, job in alone:
        histories[i] = _train_alone(job, reasons[i])
    _warn_of_failures([histories[i] for i in range(len(models))])
    return [histories[i] for i in range(len(models))]


def _groups(
    models: Sequence[Any], own: Sequence[tuple[Any, ...]]
) -> tuple[list[list[int]], list[str | None]]:
    """Returns the numbers of models that train together, and why a model trains alone."""
    reasons: list[str | None] = [why_alone(*pair) for pair in zip(models, own, strict=True)]
    groups: dict[Any, list[int]] = {}
    for i, model in enumerate(models):
        key: Any = i
        if reasons[i] is None:
            key = architecture(model)
            if key is None:
                reasons[i], key = "a loss, metric, activation or penalty is not Keras's", i
        groups.setdefault(key, []).append(i)
    return list(groups.values()), reasons


def _members(
    job: Job,
    group: Sequence[int],
    models: Sequence[Any],
    rows: Any,
    validation_rows: Any,
    own: Sequence[Any],
    seeds: Any,
) -> list[Member]:
    """Returns the members of a group, after a check of their rows."""
    if job.train is None:
        got = f"a {type(job.x).__name__}"
        hint = "Use `kerasnn.fit`."
        raise _checks.InvalidArgument("x", "hold dense arrays", job.x, hint, got=got)
    everything = np.arange(job.train.count)
    own_rows = _checked_rows("rows", rows, len(models), job.train.count)
    own_validation = _checked_rows("validation_rows", validation_rows, len(models), len(everything))
    shared = None if job.validation is None else np.arange(job.validation.count)
    members = []
    for i in group:
        train_rows = everything if own_rows is None else own_rows[i]
        val_rows = shared if own_validation is None else own_validation[i]
        if own_validation is not None:
            for name, labels in job.train.labels.items():
                if labels.classes is not None:
                    _checks.validation_classes(
                        f"y{name}", labels.numbers[train_rows], labels.numbers[val_rows]
                    )
        members.append(
            Member(
                model=models[i],
                rows=train_rows,
                validation_rows=val_rows,
                callbacks=own[i],
                seed=None if seeds is None else seeds[i],
            )
        )
    return members


def _validation(job: Job, from_rows: bool) -> Any:
    """Returns the rows to validate on: (x, y, sample_weight), without class weights."""
    if from_rows and job.train is not None:
        return job.train.x, job.train.y, job.train.sample_weight
    return job.validation_data


def _job_alone(job: Job, member: Member, arguments: dict[str, Any], from_rows: bool) -> Job:
    """Returns the job of `kerasnn.fit` for one model and its rows."""
    if job.train is None:
        raise RuntimeError("Streams are refused.")
    train_rows = job.train
    x = text_arrays(train_rows.x)
    data = take((x, train_rows.y, train_rows.sample_weight), member.rows)
    own: dict[str, Any] = dict(zip(("x", "y", "sample_weight"), data, strict=True))
    if from_rows:
        validation = (x, train_rows.y, train_rows.sample_weight)
        own["validation_data"] = take(validation, member.validation_rows)
    return Job.read(
        model=member.model, callbacks=list(member.callbacks), seed=member.seed, **(arguments | own)
    )


def _train_alone(job: Job, reason: str | None) -> keras.callbacks.History:
    error = None
    try:
        history = train(job)
    except FloatingPointError as failure:
        history, error = job.model.history, failure
        history.engine, history.reason = "none", "Its training left the finite numbers."
    history.reason = f"It trained alone: {reason}. {history.reason}"
    history.error = error
    return history


def _warn_of_failures(histories: Sequence[Any]) -> None:
    failed = [i for i, history in enumerate(histories) if history.error is not None]
    if failed:
        _checks.warn(
            f"The training of models[{failed[0]}] left the finite numbers, and that of "
            f"{len(failed) - 1} others: {histories[failed[0]].error} The failed models are "
            f"{failed}; see `history.error`.",
            RuntimeWarning,
        )


def _check_models(models: Any) -> None:
    if not isinstance(models, (list, tuple)) or not models:
        raise _checks.InvalidArgument("models", "be a list of compiled Keras models", models)
    for model in models:
        check_model(model)
    if len(set(map(id, models))) < len(models):
        raise _checks.InvalidArgument("models", "hold each model once", models)


def _check_data(x: Any, validation_data: Any, validation_rows: Any) -> None:
    for name, data in (("x", x), ("validation_data", validation_data)):
        if arrays.is_stream(data):
            raise _checks.InvalidArgument(
                name,
                "hold arrays, of which each model takes its rows",
                data,
                "Train on a stream by `kerasnn.fit`.",
                got=f"a {type(data).__name__}",
            )
    if validation_data is not None and validation_rows is not None:
        raise _checks.InvalidArgument(
            "validation_rows", "be left out where `validation_data` is given", validation_rows
        )


def _checked_rows(name: str, rows: Any, models: int, count: int) -> list[np.ndarray] | None:
    if rows is None:
        return None
    _check_length(name, rows, models, "one array of row indices")
    checked = []
    for i, indices in enumerate(rows):
        array = np.asarray(indices)
        if array.ndim != 1 or array.dtype.kind not in "iu" or not array.size:
            raise _checks.InvalidArgument(
                f"{name}[{i}]", "be a one-dimensional array of row indices", indices
            )
        wrong = array[(array < 0) | (array >= count)]
        if wrong.size:
            raise _checks.InvalidArgument(
                f"{name}[{i}]", f"hold indices from 0 to {count - 1}", int(wrong[0])
            )
        checked.append(array.astype(np.int32))
    return checked


def _callbacks_by_model(callbacks: Any, models: int) -> list[tuple[Any, ...]]:
    if callbacks is None:
        return [()] * models
    is_flat = isinstance(callbacks, (list, tuple)) and any(
        isinstance(callback, keras.callbacks.Callback) for callback in callbacks
    )
    if is_flat or not isinstance(callbacks, (list, tuple)):
        raise _checks.InvalidArgument(
            "callbacks",
            "hold one list of callbacks a model, since a callback follows one model",
            callbacks,
            "Give `[[EarlyStopping()] for _ in models]`, say.",
        )
    _check_length("callbacks", callbacks, models, "one list of callbacks")
    return [tuple(own or ()) for own in callbacks]


def _checked_seeds(seeds: Any, models: int, shuffle: Any) -> Any:
    """Returns the seeds of the orders, drawn from `random` where there are none."""
    if seeds is None:
        return [random.getrandbits(32) for _ in range(models)] if shuffle else None
    _check_length("seeds", seeds, models, "one seed")
    for i, seed in enumerate(seeds):
        _checks.integer(f"seeds[{i}]", seed, at_least=0)
    return [int(seed) for seed in seeds]


def _check_length(name: str, values: Any, models: int, what: str) -> None:
    if not hasattr(values, "__len__") or isinstance(values, str) or len(values) != models:
        got = f"{len(values)}" if hasattr(values, "__len__") else type(values).__name__
        raise _checks.InvalidArgument(
            name, f"hold {what} for each of the {models} models", values, got=got
        )
