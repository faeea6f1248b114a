"""`kerasnn.fit`."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.training import rows
from kerasnn.training.standardization import learn_standardization

ENGINES = ("auto", "keras")


@_checks.known_arguments
def fit(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | str | None = None,
    epochs: int = 1,
    verbose: int | str = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
    *,
    engine: str = "auto",
) -> keras.callbacks.History:
    """Trains any compiled Keras model, after checking that data and model belong together.

    Every argument of `keras.Model.fit` keeps its meaning. `Standardize` layers that have not
    learned yet learn from the training rows, never from validation data.

    Args:
        model: A compiled Keras model.
        x: Inputs: an array, tensor, data frame or list, a list or dictionary of them by input,
            or a `tf.data.Dataset`, `keras.utils.PyDataset` or generator of batches.
        y: Targets, where `x` does not hold them.
        batch_size: Rows to a step; 32 by default, `"full"` for all rows (batch gradient
            descent), 1 for stochastic gradient descent.
        epochs: Number of the epoch to stop after.
        verbose: 0 for silence, 1 for a progress bar, 2 for a line an epoch, or `"auto"`.
        callbacks: Keras callbacks.
        validation_split: Share of the rows, taken from the end, to validate on.
        validation_data: `(x, y)`, `(x, y, sample_weight)` or a stream to validate on.
        shuffle: Whether to draw a new order of the rows for each epoch.
        class_weight: Weight of each class in the loss.
        sample_weight: Weight of each row in the loss.
        initial_epoch: Number of the epoch to start with.
        steps_per_epoch: Batches to an epoch, for streams.
        validation_steps: Batches to a validation, for streams.
        validation_batch_size: Rows to a validation step; as `batch_size` by default.
        validation_freq: Epochs from one validation to the next, or the epochs to validate.
        engine: `"auto"`, or `"keras"` for Keras's own loop.

    Returns:
        Keras's `History`, with `engine`, the engine that ran, and `reason`, why.

    Raises:
        ValueError: If data, weights or an argument cannot be right. Nothing has changed then.
        TypeError: If an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> history = fit(model, [[0.0], [1.0]], [0.0, 2.0], epochs=3, verbose=0)
        >>> len(history.history["loss"])
        3
    """
    _check_arguments(model, epochs, verbose, initial_epoch, validation_split, engine)
    for name, value in (
        ("steps_per_epoch", steps_per_epoch),
        ("validation_steps", validation_steps),
        ("validation_batch_size", validation_batch_size),
    ):
        if value is not None:
            _checks.whole_number(name, value)
    if batch_size is not None and batch_size != "full":
        _checks.whole_number(
            "batch_size", batch_size, cure='For batch gradient descent use batch_size="full".'
        )
    if rows.is_stream(x):
        _check_stream(x, y, batch_size, validation_split, sample_weight, steps_per_epoch)
    else:
        train = rows.read(model, x, y, sample_weight)
        if y is None and getattr(model, "loss", None) and rows.trains_as_keras(model):
            raise ValueError("`y` must be given: the model is compiled with a loss on targets.")
        if validation_split and validation_data is None:
            train, validation = train.split(validation_split)
            validation_data = validation
        x, y, sample_weight = train.x, train.y, train.sample_weight
        batch_size = train.count if batch_size == "full" else batch_size
    if validation_data is not None and not isinstance(validation_data, rows.Rows):
        validation_data = _read_validation(model, validation_data)
    if not rows.is_stream(x):
        _check_classes(model, train, validation_data, class_weight)
    learn_standardization(model, x, y, steps_per_epoch)
    if isinstance(validation_data, rows.Rows):
        held = validation_data
        validation_data = (held.x, held.y, held.sample_weight)
    history = keras.Model.fit(
        model,
        x=x,
        y=y,
        batch_size=batch_size,
        epochs=epochs,
        verbose=verbose,
        callbacks=callbacks,
        validation_data=validation_data,
        shuffle=shuffle,
        class_weight=class_weight,
        sample_weight=sample_weight,
        initial_epoch=initial_epoch,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
        validation_freq=validation_freq,
    )
    history.engine = "keras"
    history.reason = "Keras's own loop is the only engine so far."
    return history


def _check_arguments(
    model: Any, epochs: Any, verbose: Any, initial_epoch: Any, validation_split: Any, engine: Any
) -> None:
    if not isinstance(model, keras.Model):
        raise _checks.wrong("model", "be a Keras model", model)
    if not model.compiled:
        raise ValueError(
            f"`{model.name}` must be compiled before it is trained. Call "
            "`model.compile(optimizer=..., loss=..., metrics=[...])`."
        )
    _checks.one_of("engine", engine, ENGINES)
    _checks.whole_number("epochs", epochs)
    _checks.whole_number("initial_epoch", initial_epoch, at_least=0)
    _checks.rate("validation_split", validation_split, "To validate on nothing, use 0.")
    if verbose not in (0, 1, 2, "auto"):
        raise _checks.wrong("verbose", 'be 0, 1, 2 or "auto"', verbose)


def _check_stream(
    x: Any, y: Any, batch_size: Any, validation_split: float, sample_weight: Any, steps: Any
) -> None:
    kind = type(x).__name__
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"`{name}` must be left out where `x` is a {kind}: it yields (x, y) or "
                "(x, y, sample_weight) itself."
            )
    if batch_size is not None:
        raise _checks.wrong(
            "batch_size", f"be left out where `x` is a {kind}, which has batches", batch_size
        )
    if validation_split:
        raise _checks.wrong(
            "validation_split",
            f"be 0 where `x` is a {kind}, which has no last rows",
            validation_split,
            "Give `validation_data`.",
        )
    endless = hasattr(x, "__next__")
    if isinstance(x, tf.data.Dataset):
        cardinality = int(x.cardinality())
        endless = cardinality == tf.data.INFINITE_CARDINALITY
        if cardinality == 0:
            raise ValueError("`x` must hold at least one batch; got an empty tf.data.Dataset.")
    elif isinstance(x, keras.utils.PyDataset):
        endless = x.num_batches is None
    if endless and steps is None:
        raise ValueError(
            f"`steps_per_epoch` must be given where `x` is a {kind} that may never end; got "
            "steps_per_epoch=None. Give the number of batches to an epoch."
        )


def _read_validation(model: keras.Model, data: Any) -> Any:
    if rows.is_stream(data):
        return data
    if not isinstance(data, (tuple, list)) or not 1 <= len(data) <= 3:
        raise ValueError(
            "`validation_data` must be (x, y), (x, y, sample_weight) or a stream of batches; got "
            f"{type(data).__name__}."
        )
    names = ("validation_data[0]", "validation_data[1]", "validation_data[2]")
    return rows.read(model, *data, names=names)


def _check_classes(model: Any, train: rows.Rows, validation: Any, class_weight: Any) -> None:
    if isinstance(validation, rows.Rows):
        for leaf, labels in train.classes.items():
            if leaf in validation.classes:
                _checks.validation_classes(f"y{leaf}", labels, validation.classes[leaf])
    if class_weight is not None:
        if len(train.classes) != 1:
            raise ValueError(
                "`class_weight` must go with one output of classes; this model has "
                f"{len(train.classes)}. Use `sample_weight` instead."
            )
        [labels] = train.classes.values()
        units = model.output_shape[-1]
        _checks.class_weights(class_weight, max(2, units), _checks.classes_of(labels))
