"""`kerasnn.transfer.features`."""

import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.stream_shapes import check_stream_shapes
from kerasnn.transfer._model_graph import Chain, before_head
from kerasnn.transfer.backbones.untrained import warn_of_noise
from kerasnn.transfer.freezing.trainability import leaves
from kerasnn.transfer.frozen_features.extractor import Caching, Extraction
from kerasnn.transfer.frozen_features.images import Images, check_source
from kerasnn.transfer.frozen_features.precision import check_precision


@_checks.known_arguments
def features(
    model: keras.Model,
    x: Any,
    *,
    precision: str = "auto",
    cache: str | os.PathLike[str] = "memory",
    cache_limit_gb: float = 20.0,
    verbose: int | str = "auto",
) -> np.ndarray:
    """Returns what a model's head gets: the pooled features of its backbone, for other uses.

    They are those that `fine_tune` trains the head on, one row for each image, to be used with
    scikit-learn, or to find nearest neighbours by. A warning says where a backbone has the random
    weights that it was built with.

    Args:
        model: A model with a head, which begins with a global pooling or Flatten.
        x: Images, `(batch, height, width, channels)`, as the model takes them; or a
            `tf.data.Dataset` of batches, of which targets are left out.
        precision: `"float32"`, `"bfloat16"`, or `"auto"`: bfloat16 where the machine has units
            for it, it saves at least 0.3 of the time on a sample, and the features differ by at
            most 5%.
        cache: `"memory"`, or a directory, where features that were computed once are found.
        cache_limit_gb: Most that the directory may hold, in gigabytes; what was used longest
            ago is removed.
        verbose: 0 for silence, else a progress bar.

    Returns:
        `(batch, features)` float32.

    Raises:
        ValueError: If the model has no head, images do not fit it, or an argument breaks its
            rule.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import models
        >>> cnn = models.cnn((8, 8, 1), 10, task="multiclass", normalize=False)
        >>> x = np.zeros((5, 8, 8, 1))
        >>> pretrained = cnn.fit(x + 1, np.arange(5), verbose=0)  # On real data, in earnest.
        >>> features(cnn, x, verbose=0).shape
        (5, 256)
    """
    check_precision(precision)
    caching = caching_of(cache, cache_limit_gb)
    chain = Chain(model)
    place = chain.head()
    if not chain.can_cut(place):
        raise ValueError(
            f"`{model.name}` must have one tensor alone behind the pooling of its head, "
            f"`{chain.layers[place - 1].name}`."
        )
    check_source("x", x)
    every = leaves(model)
    warn_of_noise(model, every[: before_head(every)], stacklevel=3)
    if isinstance(x, tf.data.Dataset):
        check_stream_shapes(model, x, ("x", "y"))
        images = Images(x.map(lambda *batch: keras.utils.unpack_x_y_sample_weight(batch)[0]))
    else:
        images = Images(arrays.read(model, x).x)
    extract = Extraction(chain.part(0, place), images, precision, caching, verbose)
    found = extract(images, "x")
    return joined_rows(found)


def caching_of(cache: Any, limit_gb: Any) -> Caching:
    """Returns where features are kept, as `cache` and `cache_limit_gb` ask."""
    _checks.number("cache_limit_gb", limit_gb, above=0)
    if not isinstance(cache, (str, os.PathLike)) or not str(cache):
        raise _checks.InvalidArgument("cache", "be 'memory', 'none' or a directory", cache)
    on_disk = str(cache) not in ("memory", "none")
    if on_disk and os.path.exists(cache) and not os.path.isdir(cache):
        raise _checks.InvalidArgument(
            "cache", "be a directory; there is a file of that name", cache
        )
    return Caching(cache if on_disk else None, int(limit_gb * 1e9))


def joined_rows(images: Images) -> np.ndarray:
    """Returns the rows of features as one array."""
    if not images.is_stream:
        return images.x
    return np.concatenate([np.asarray(x) for x, _, _ in images.batches()])
