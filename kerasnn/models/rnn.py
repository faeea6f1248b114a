"""`rnn`: builder of recurrent networks."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.models import _building_blocks
from kerasnn.models.sequential import Sequential
from kerasnn.tasks import Task


@_checks.known_arguments
def rnn(
    input_shape: Sequence[int | None],
    outputs: int = 1,
    *,
    task: str,
    units: int | Sequence[int] = (64,),
    cell: str = "lstm",
    bidirectional: bool = False,
    mask_value: float | None = None,
    dropout: float | Sequence[float] = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    normalize: bool = True,
    optimizer: Any = "adam",
    learning_rate: Any = 1e-3,
    seed: int | None = None,
    compile: bool = True,  # noqa: A002  Keras's name for it.
) -> Sequential:
    """Builds a recurrent network with one output for each sequence.

    Args:
        input_shape: `(time, features)`; a `time` of None takes any length.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: A `kerasnn.tasks.Task` or its name.
        units: Units of each recurrent layer; all but the last return their whole sequence.
        cell: `"lstm"`, `"gru"` or `"simple"`, with tanh as the activation.
        bidirectional: Whether each layer reads the sequence in both directions.
        mask_value: Value of padding. A step whose features all equal it is skipped: it takes no
            part in the statistics of `normalize` or in the recurrence, so that a sequence is
            predicted the same with padding and without. Choose a value that no step has, and pad
            with `data.pad(sequences, mask_value=mask_value)`. None reads every step.
        dropout: Fraction of each recurrent layer's outputs dropped in training, one or one a
            layer. The recurrent connections are not dropped.
        l1: Factor of the penalty l1 * sum(abs(W)) on every kernel but the recurrent ones.
        l2: Factor of the penalty l2 * sum(W**2) on every kernel but the recurrent ones.
        normalize: Whether to standardise each feature, and for `regression` the targets, with
            mean and variance of the training rows of the first `fit`.
        optimizer: Name of a Keras optimizer, or an optimizer with its own learning rate.
        learning_rate: Learning rate or schedule of an optimizer given by name.
        seed: Seed of initialisers and dropout. None uses the global seed of
            `keras.utils.set_random_seed`.
        compile: Whether to compile with the task's loss and metrics.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> rnn((28, 8), task="binary", cell="gru", units=(16, 16)).output_shape
        (None, 1)

    Reference:
        Hochreiter & Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735. Cho et al. (2014),
        arXiv:1406.1078.
    """
    task = Task(task)
    factory = _building_blocks.LayerFactory(l1=l1, l2=l2, batch_norm=False, seed=seed)
    shape = _building_blocks.checked_shape(input_shape, 2, "(time, features)")
    widths = _building_blocks.layer_sizes("units", units)
    drops = _building_blocks.dropout_rates("dropout", dropout, len(widths))
    stack: list[Any] = [keras.Input(shape, name="features")]
    if mask_value is not None:
        _checks.number("mask_value", mask_value, hint="To read every step, use None.")
        # In bfloat16 other values could equal the padding, and inputs would lose digits.
        dtype = keras.config.dtype_policy().variable_dtype
        stack.append(keras.layers.Masking(float(mask_value), dtype=dtype, name="masking"))
    stack += factory.standardize(normalize)
    stack += factory.recurrent(cell, widths, drops, bidirectional=bidirectional)
    stack += factory.output(outputs, task, normalize=normalize)
    model = Sequential(stack, name="rnn")
    return _building_blocks.compile_for(model, task, optimizer, learning_rate) if compile else model
