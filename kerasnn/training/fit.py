"""`kerasnn.fit`."""

from typing import Any

import keras

from kerasnn import _checks
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.training_loop import train


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
    seed: int | None = None,
) -> keras.callbacks.History:
    """Trains any compiled Keras model, after checking that data and model belong together.

    Every argument of `keras.Model.fit` keeps its meaning. `Standardize` layers that have not
    learned yet learn from the training rows, never from validation data.

    Args:
        model: A compiled Keras model.
        x: Inputs: an array, tensor, data frame or list, a list or dictionary of them by input,
            or a `tf.data.Dataset`, `keras.utils.PyDataset` or generator of batches. A generator is
            read once, to its end or `steps_per_epoch` batches an epoch; where it has no batch for
            a further epoch, training stops with a warning. Ragged and sparse tensors and sparse
            matrices of SciPy are trained on by Keras's own loop.
        y: Targets, where `x` does not hold them: an array, or a structure of them as the model's
            outputs. An output whose loss is None needs none: its target may be None or left out.
            Inputs made by `keras.Input(optional=True)` may be None likewise. Where a model has a
            `compute_loss` or `train_step` of its own, it receives the structure that is given.
        batch_size: Rows to a step; 32 by default, `"full"` for all rows (batch gradient
            descent), 1 for stochastic gradient descent.
        epochs: Number of the epoch to stop after. Where it is at most `initial_epoch`, nothing
            is trained and the `History` is empty.
        verbose: 0 for silence, 1 for a progress bar, 2 for a line an epoch, or `"auto"`.
        callbacks: Keras callbacks. One with a method `set_data(train, validation)` is given the
            rows, (x, y, sample_weight) each, before training; None for a stream or nothing.
        validation_split: Share of the rows, taken from the end, to validate on.
        validation_data: `(x, y)`, `(x, y, sample_weight)` or a stream to validate on. Without
            `validation_steps` a generator is read whole, up to 2 GiB, before training, and its
            batches are kept, so that every validation is on the same data.
        shuffle: Whether to draw a new order of the rows for each epoch.
        class_weight: Weight of each class in the loss, for a model of one target, as in Keras.
            For several targets give `sample_weight`, in their structure.
        sample_weight: Weight of each row in the loss; one array, or one for each target.
        initial_epoch: Number of the epoch to start with.
        steps_per_epoch: Batches to an epoch, for streams.
        validation_steps: Batches to a validation, for streams.
        validation_batch_size: Rows to a validation step; as `batch_size` by default.
        validation_freq: Epochs from one validation to the next, or the epochs to validate.
        engine: What runs the steps: `"xla"`, a run of batches compiled by XLA; `"graph"`, a run
            of batches as one TensorFlow graph; `"keras"`, Keras's own loop; `"auto"`, the one
            that is done first. Each builds the optimizer's slots from the weights before the
            first step, as Keras does with `run_eagerly=True`. By default Keras builds them inside
            its first traced step, and `ScheduleFreeAdamW` starts from other slots there.
        seed: Seed of the order of the rows. The default takes one from
            `keras.utils.set_random_seed`.

    Returns:
        Keras's `History`, with `engine`, the engine that ran, and `reason`, why; `"none"` where
        there was no epoch to run.

    Raises:
        InvalidArgument: If data, weights or an argument cannot be right, or the requested engine
            cannot run the job. Nothing has changed then: each batch of a stream is checked before
            the model receives it, and weights, optimizer and metrics are as before `fit`.
            Values that index the rows of a `keras.layers.Embedding` are checked where they reach
            it as they are, through layers that reshape and through slices, in functional and
            `Sequential` models; not what a lookup, arithmetic or a `call` of your own makes.
            Batches of sparse and ragged tensors, and the datasets of grain, are not checked; nor
            are the batches of a stream for digits that the cast to float32 drops, but where a
            `Standardize` learns from them.
        FloatingPointError: If weights or loss become NaN or infinite. The model has the last
            finite weights then.
        TypeError: If an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> history = fit(model, [[0.0], [1.0]], [0.0, 2.0], epochs=3, verbose=0)
        >>> len(history.history["loss"])
        3
    """
    job = Job.read(
        model=model,
        x=x,
        y=y,
        batch_size=batch_size,
        epochs=epochs,
        verbose=verbose,
        callbacks=callbacks,
        validation_split=validation_split,
        validation_data=validation_data,
        shuffle=shuffle,
        class_weight=class_weight,
        sample_weight=sample_weight,
        initial_epoch=initial_epoch,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
        validation_freq=validation_freq,
        engine=engine,
        seed=seed,
    )
    return train(job)
