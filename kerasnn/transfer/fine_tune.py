"""`fine_tune`: training of a pretrained model in stages."""

import os
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.transfer.backbones.untrained import warn_of_noise
from kerasnn.transfer.features import cache_settings
from kerasnn.transfer.fine_tuning.request import Request
from kerasnn.transfer.fine_tuning.runner import FineTuning
from kerasnn.transfer.fine_tuning.stages import STAGES, choose_stages
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
    """Trains a pretrained model on new data, and runs its frozen layers only once.

    The frozen layers run once over all images. The layers after them are trained on these
    features by kerasnn's engine, and share their weights with `model`, which at the end is trained
    and ready to predict and to export. Three regimes choose the layers to train:

    - small: the head.
    - medium: the head; then the last block of the backbone too, at a tenth of the learning rate.
    - large: the head; then all layers, at a tenth of the learning rate.

    In the second stage the learning rate falls by `layer_decay` from each layer with weights to the
    one before. Batch normalisations of the backbone stay in inference in all three.

    A backbone with random weights (`weights=None`) should not be frozen: a warning says if one
    would be. Random weights are recognised by the seeds of the initializers, which a saved file
    contains only if they were given; train such a model with `fit`.

    Args:
        model: A compiled Keras model of one input with a head, which begins with the last global
            pooling or Flatten: from `vgg16`, `from_backbone`, or any other.
        x: Images as the model takes them, or a `tf.data.Dataset` of batches of (x, y) or
            (x, y, sample_weight), as `data.from_directory(..., in_memory=False)` gives it.
        y: Targets, unless `x` is a dataset.
        validation_data: `(x, y)`, `(x, y, sample_weight)` or a dataset. Its features are computed
            once, too.
        regime: `"small"`, `"medium"` or `"large"`; `"auto"` for the result of
            `kerasnn.transfer.regime`; or None to train, in one stage, the layers that are
            trainable now, as set by `freeze_to`.
        epochs: Epochs of the last stage.
        head_epochs: Epochs of the head's stage if another stage follows; `epochs` by default.
        learning_rate: Learning rate of the head's stage; the next stage has a tenth. None is that
            of the optimizer, which is restored at the end.
        layer_decay: Factor of the learning rate from each layer with weights to the one before
            it, in (0, 1], in the second stage and with `regime=None`.
        precision: Precision of the frozen layers: `"float32"`, `"bfloat16"`, or `"auto"`: bfloat16
            if the machine has units for it, it saves at least 30% of the time on a sample, and
            the features differ by at most 5%.
        cache: Where features are kept: `"memory"`; `"none"`, to compute them in each epoch; or a
            directory, where later calls find them, also after a kill or with another head. They
            are found by the images, and by the configuration and weights of the frozen layers;
            code that a configuration does not hold, such as the body of a function, is not
            compared.
        cache_limit_gb: Most gigabytes of all features in the directory.
        augment: Whether to shift each image by up to a tenth of its size and rotate it by up to 10
            degrees, at random. True does so anew in each epoch, so that no features are kept; a
            number keeps the features of that many altered copies of each image.
        batch_size: Batch size; 32 by default. A dataset has its own batches, which are used
            when training on images.
        callbacks: Keras callbacks, which receive the whole `model` in each stage.
        class_weight: Weight of each class in the loss.
        sample_weight: Weight of each row in the loss.
        verbose: 1 for progress bars of the features and of each stage, and lines that say what is
            trained; 2 for these lines and one for each epoch; 0 for silence; "auto" as 1 on a
            terminal or in a notebook, with bars of what takes over two seconds, else as 0.
        engine: `"auto"`, `"graph"` or `"xla"`, as for `kerasnn.fit`.
        seed: Seed of the order of the rows. The default takes one from
            `keras.utils.set_random_seed`.

    Returns:
        Keras's `History` over all stages. `history.stages` holds for each its `name`, `epochs`,
        `trainable` parameters, `engine`, and the `precision` of its features, None if no features
        were kept. The loss on features does not include penalties of frozen layers, which are
        constant.

    Raises:
        InvalidArgument: If data or an argument breaks its rule. The model is unchanged then.
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
    _checks.integer("epochs", epochs)
    if head_epochs is not None:
        _checks.integer("head_epochs", head_epochs)
    if learning_rate is not None:
        _checks.number("learning_rate", learning_rate, above=0)
    _checks.number("layer_decay", layer_decay, above=0, at_most=1)
    if regime is not None:
        _checks.one_of("regime", regime, ["auto", *STAGES])
    if not isinstance(augment, bool):
        _checks.integer("augment", augment, hint="For no augmentation use False.")
    check_precision(precision)
    request = Request(
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
    tuning = FineTuning(
        request,
        precision=precision,
        cache=cache_settings(cache, cache_limit_gb),
        keeps_features=cache != "none",
        augment=augment,
    )
    name, stages = choose_stages(regime, request.examples, request.classes)
    warn_of_noise(model, stages[-1].frozen(model))
    return tuning.run(name, stages, epochs=epochs, head_epochs=head_epochs, layer_decay=layer_decay)
