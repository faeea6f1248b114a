"""`features`: pooled features of the backbone of a model."""

import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.stream_shapes import check_stream_shapes
from kerasnn.transfer._model_graph import ModelGraph, head_index
from kerasnn.transfer.backbones.untrained import warn_of_noise
from kerasnn.transfer.freezing.trainability import leaves
from kerasnn.transfer.frozen_features.extractor import CacheSettings, FeatureExtractor
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
    """Returns the pooled features of the backbone of a model, one row for each image.

    These are the features on which `fine_tune` trains the head. Use them with scikit-learn, or to
    find nearest neighbours. A warning says if the backbone still has its initial random weights.

    Args:
        model: A model with a head, which begins with a global pooling or Flatten.
        x: Images, `(batch, height, width, channels)`, as the model takes them; or a
            `tf.data.Dataset` of batches, whose targets are ignored.
        precision: `"float32"`, `"bfloat16"`, or `"auto"`: bfloat16 if the machine has units
            for it, it saves at least 30% of the time on a sample, and the features differ by at
            most 5%.
        cache: `"memory"`, or a directory that keeps features for later calls. They are found by
            the images, and by the configuration and weights of the network.
        cache_limit_gb: Most gigabytes of all features in the directory.
        verbose: 1 for a progress bar, 0 for silence, "auto" for a bar on a terminal or in a
            notebook where it takes over two seconds.

    Returns:
        `(batch, features)` float32.

    Raises:
        InvalidArgument: If the model has no head, images do not fit it, or an argument breaks its
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
    settings = cache_settings(cache, cache_limit_gb)
    graph = ModelGraph(model)
    cut = graph.after_pooling()
    if not graph.can_cut(cut):
        raise _checks.InvalidArgument(
            "model",
            "have a single tensor after the pooling of its head",
            model,
            got=f"`{model.name}`, which has several after `{graph.layers[cut - 1].name}`",
        )
    check_source("x", x)
    every = leaves(model)
    warn_of_noise(model, every[: head_index(every)])
    if isinstance(x, tf.data.Dataset):
        check_stream_shapes(model, x, ("x", "y"))
        images = Images(x.map(lambda *batch: keras.utils.unpack_x_y_sample_weight(batch)[0]))
    else:
        images = Images(arrays.read(model, x).x)
    extract = FeatureExtractor(graph.submodel(0, cut), images, precision, settings, verbose)
    return _as_array(extract(images, "x"))


def cache_settings(cache: Any, limit_gb: Any) -> CacheSettings:
    """Returns the settings for `cache` and `cache_limit_gb`."""
    _checks.number("cache_limit_gb", limit_gb, above=0)
    if not isinstance(cache, (str, os.PathLike)) or not str(cache):
        raise _checks.InvalidArgument("cache", "be 'memory', 'none' or a directory", cache)
    on_disk = str(cache) not in ("memory", "none")
    if on_disk and os.path.exists(cache) and not os.path.isdir(cache):
        raise _checks.InvalidArgument("cache", "be a directory, not a file", cache)
    return CacheSettings(cache if on_disk else None, limit_gb)


def _as_array(images: Images) -> np.ndarray:
    """Returns features as one array."""
    if not images.is_stream:
        return images.x
    return np.concatenate([np.asarray(x) for x, _, _ in images.batches()])
