"""`kerasnn.fit`: training of any compiled Keras model."""

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
    allow_nan: bool = False,
) -> keras.callbacks.History:
    """Trains any compiled Keras model, after checking that the data fits the model.

    Every argument of `keras.Model.fit` keeps its meaning. `Standardize` layers that have not
    learned yet learn from the training rows, never from validation data.

    Args:
        model: A compiled Keras model. One made in the scope of a `tf.distribute.MirroredStrategy`
            or `MultiWorkerMirroredStrategy` has each batch divided between its replicas, with the
            result of one device; all workers are given the same rows and arguments.
        x: Inputs: an array, tensor, data frame or list, a list or dictionary of them by input,
            or a `tf.data.Dataset`, `keras.utils.PyDataset` or generator of batches. A generator is
            read once, to its end or `steps_per_epoch` batches an epoch; if it has no batch for
            a further epoch, training stops with a warning. Keras's own loop trains on ragged and
            sparse tensors and sparse matrices of SciPy.
        y: Targets, if `x` does not hold them: an array, or arrays in the structure of the model's
            outputs. An output whose loss is None needs none: its target may be None or left out.
            Likewise, inputs made by `keras.Input(optional=True)` may be None. A model with its own
            `compute_loss` or `train_step` receives the structure as it is given.
        batch_size: Batch size; 32 by default, `"full"` for all rows (batch gradient descent), 1
            for stochastic gradient descent.
        epochs: Number of the epoch to stop after. If it is at most `initial_epoch`, nothing
            is trained and the `History` is empty.
        verbose: 0 for silence, 1 for a progress bar, 2 for a line an epoch; "auto" is 1 on a
            terminal, in a notebook or in PyCharm, and 2 elsewhere, such as in a file.
        callbacks: Keras callbacks. A `kerasnn.callbacks.Callback` also receives the rows in
            memory, in `set_data`, before training.
        validation_split: Fraction of the rows, taken from the end, to validate on, in [0, 1).
        validation_data: `(x, y)`, `(x, y, sample_weight)` or a stream to validate on. Without
            `validation_steps` a generator is read to its end, up to 2 GiB, before training, and
            its batches are kept, so that every validation is on the same data.
        shuffle: Whether to shuffle the rows anew in each epoch.
        class_weight: Weight of each class in the loss, for a model of one target, as in Keras.
            For several targets give `sample_weight` in their structure.
        sample_weight: Weight of each row in the loss; one array, or one for each target.
        initial_epoch: Number of the epoch to start with.
        steps_per_epoch: Number of batches in an epoch, for streams.
        validation_steps: Number of batches in a validation, for streams.
        validation_batch_size: Batch size of validation; as `batch_size` by default.
        validation_freq: Epochs from one validation to the next, or the epochs to validate.
        engine: How steps run: `"xla"`, many steps in one program compiled by XLA; `"graph"`, many
            steps in one TensorFlow graph; `"keras"`, Keras's own loop; `"auto"`, the one that is
            expected to finish first. Each creates the optimizer's state from the weights before
            the first step, as Keras does with `run_eagerly=True`. By default Keras creates it
            inside its first traced step, where that of `ScheduleFreeAdamW` starts differently.
        seed: Seed of the order of the rows; by default drawn from Python's `random`, which
            `keras.utils.set_random_seed` seeds.
        allow_nan: Whether inputs may be NaN, for a model whose own layer fills them in. Infinities
            are refused all the same. Keras's loop trains on a stream then.

    Returns:
        Keras's `History`, with `engine`, the engine that ran (`"none"` if there was no epoch to
        run), and `reason`, the reason for it.

    Raises:
        InvalidArgument: If data, weights or an argument cannot be right, or the requested engine
            cannot run the job. Nothing has changed then: each batch of a stream is checked before
            the model receives it, and weights, optimizer and metrics are as before `fit`.
            Indices into a `keras.layers.Embedding` are checked if they reach it unchanged,
            through layers that reshape and through slices, in functional and `Sequential` models.
            Not checked are batches of sparse and ragged tensors, datasets of grain and those that
            a distribution strategy divides; batches of a stream are checked for digits that the
            cast to float32 drops only if a `Standardize` learns from them.
        FloatingPointError: If weights or loss become NaN or infinite. The model then has the last
            finite weights.
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
        allow_nan=allow_nan,
    )
    return train(job)
