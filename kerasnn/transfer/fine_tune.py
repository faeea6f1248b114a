"""`kerasnn.transfer.fine_tune`."""

import os
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.transfer.backbones.untrained import warn_of_noise
from kerasnn.transfer.features import caching_of
from kerasnn.transfer.fine_tuning.request import Assignment
from kerasnn.transfer.fine_tuning.runner import Tuning
from kerasnn.transfer.fine_tuning.stages import STAGES, plan
from kerasnn.transfer.frozen_features.precision import check_precision


@_checks.known_arguments
def fine_tune(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    validation_data: Any = None,
    regime: str | None = "auto",
    epochs: int,
    head_epochs: int | None = None,
    learning_rate: float | None = None,
    layer_decay: float = 0.9,
    precision: str = "auto",
    cache: str | os.PathLike[str] = "memory",
    cache_limit_gb: float = 20.0,
    augment: bool | int = False,
    batch_size: int | None = None,
    callbacks: Any = None,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    verbose: int | str = "auto",
    engine: str = "auto",
    seed: int | None = None,
) -> keras.callbacks.History:
    """Trains a pretrained model on data of one's own, and computes what is frozen only once.

    The frozen layers run once over all images. What follows trains on the features that they
    gave, through kerasnn's engine, and shares its weights with `model`, which is whole and
    trained at the end, ready to predict and to export. Three regimes say what trains:

    - small: the head.
    - medium: the head; then the last block of the backbone too, at a tenth of the rate.
    - large: the head; then all layers, at a tenth of the rate.

    Behind the head the rate falls by `layer_decay` from each layer with weights to the one before.
    Batch normalisations of the backbone stay in inference in all three.

    A backbone with random weights (`weights=None`) has nothing to keep: a warning says where one
    would stay frozen. It is found by its initializers' seeds, which a saved file holds only where
    they were given; train such a model with `fit`.

    Args:
        model: A compiled Keras model of one input with a head, which begins with the last global
            pooling or Flatten: one of `vgg16` or `from_backbone`, or of one's own.
        x: Images as the model takes them, or a `tf.data.Dataset` of batches of (x, y) or
            (x, y, sample_weight), as `data.from_directory(..., in_memory=False)` gives it.
        y: Targets, where `x` does not hold them.
        validation_data: `(x, y)`, `(x, y, sample_weight)` or a dataset. Its features are computed
            once, too.
        regime: `"small"`, `"medium"` or `"large"`; `"auto"` for what `kerasnn.transfer.regime`
            says of the data; or None to train, in one stage, what is trainable now, as
            `freeze_to` has set it.
        epochs: Epochs of the last stage.
        head_epochs: Epochs of the head's stage before another one; as `epochs` by default.
        learning_rate: Of the head's stage; the next one takes a tenth. By default that of the
            optimizer, which it has again at the end where one is given.
        layer_decay: Factor of the rate from each layer with weights to the one before it, in
            (0, 1], in the second stage and with `regime=None`.
        precision: What frozen layers compute in: `"float32"`, `"bfloat16"`, or `"auto"` for
            bfloat16 where the machine has units for it, it saves at least 0.3 of the time on a
            sample, and the features differ by at most 5%.
        cache: Where features are kept: `"memory"`; `"none"`, to compute them in each epoch; or a
            directory, where they are found again, after a kill, too, or with another head.
        cache_limit_gb: Most that the directory may hold, in gigabytes; what was used longest ago
            is removed.
        augment: Whether training sees each image moved and turned at random, by up to a tenth of
            its size and 10 degrees. True draws anew in each epoch, for which no features can be
            kept; a number keeps those of as many altered copies of each image.
        batch_size: Rows to a step; 32 by default. A dataset has batches of its own, which hold
            for what trains on images.
        callbacks: Keras callbacks, told of `model` as a whole in each stage.
        class_weight: Weight of each class in the loss.
        sample_weight: Weight of each row in the loss.
        verbose: 0 for silence, else a bar for the features and for each stage, with images/s and
            the time left.
        engine: `"auto"`, `"graph"` or `"xla"`, as for `kerasnn.fit`.
        seed: Seed of the order of the rows. The default takes one from
            `keras.utils.set_random_seed`.

    Returns:
        Keras's `History` over all stages, one after the other. `history.stages` says for each
        its `name`, `epochs`, `trainable` parameters, `engine`, and the `precision` of its
        features, which is None where nothing was kept. A loss on features leaves out the
        penalties of frozen layers, which no step changes.

    Raises:
        ValueError: If data or an argument cannot be right. Nothing has changed then.
        FloatingPointError: If weights or loss become NaN or infinite. The model has the last
            finite weights then.
        TypeError: If an argument is unknown.

    Example:
        >>> import numpy as np
        >>> from kerasnn import models
        >>> cnn = models.cnn((8, 8, 1), 3, task="multiclass")
        >>> x, y = np.random.default_rng(0).normal(size=(30, 8, 8, 1)), np.arange(30) % 3
        >>> pretrained = cnn.fit(x, y, verbose=0)  # On other and more data, in earnest.
        >>> history = fine_tune(cnn, x, y, epochs=2, verbose=0)
        >>> [stage.name for stage in history.stages], len(history.history["loss"])
        (['head'], 2)

    Reference:
        Yosinski et al. (2014), arXiv:1411.1792. Howard & Ruder (2018), arXiv:1801.06146.
    """
    _checks.whole_number("epochs", epochs)
    if head_epochs is not None:
        _checks.whole_number("head_epochs", head_epochs)
    if learning_rate is not None:
        _checks.number("learning_rate", learning_rate, above=0)
    _checks.number("layer_decay", layer_decay, above=0, at_most=1)
    if regime is not None:
        _checks.one_of("regime", regime, ["auto", *STAGES])
    if not isinstance(augment, bool):
        _checks.whole_number("augment", augment, hint="For no augmentation use False.")
    check_precision(precision)
    assignment = Assignment(
        model=model,
        x=x,
        y=y,
        validation_data=validation_data,
        sample_weight=sample_weight,
        class_weight=class_weight,
        batch_size=batch_size,
        callbacks=callbacks,
        verbose=verbose,
        engine=engine,
        seed=seed,
        learning_rate=learning_rate,
    )
    tuning = Tuning(
        assignment,
        precision=precision,
        caching=caching_of(cache, cache_limit_gb),
        keeps=cache != "none",
        augment=augment,
    )
    stages = plan(regime, assignment.examples, assignment.classes)
    warn_of_noise(model, stages[1][-1].frozen(model), stacklevel=3)
    return tuning.run(stages, epochs, head_epochs, layer_decay)
