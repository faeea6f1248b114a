"""Extraction of features: the frozen part of a model, run once over images."""

import contextlib
import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn._core.config_names import without_names
from kerasnn._core.display.progress import Bar
from kerasnn.transfer.frozen_features.feature_cache import FeatureCache, digest, folder_of
from kerasnn.transfer.frozen_features.images import Images, concatenated
from kerasnn.transfer.frozen_features.precision import FrozenProgram, Precision

_SAMPLE_ROWS = 4
# Cached features of more bytes are not read into memory, but batch by batch in each epoch.
_MEMORY_BYTES = 1 << 29


@dataclasses.dataclass(frozen=True)
class CacheSettings:
    """Where features are cached.

    Args:
        directory: Folder on the disk, or None to keep them in memory alone.
        limit_gb: Most gigabytes in that folder.
    """

    directory: Any
    limit_gb: float


class FeatureExtractor:
    """Computes the features of images, each once.

    With a cache on the disk, features are found by the images, and by the configuration and the
    weights of the network. Code that a configuration does not hold, such as the body of a
    function, is not compared.

    Args:
        model: The frozen part of a model.
        images: Images; a few of them choose the precision.
        precision: `"auto"`, `"float32"` or `"bfloat16"`; see `FrozenProgram`.
        cache: Where features are cached.
        verbose: As of `Bar`.
        batch_size: Batch size of features that are too large for memory.
        seed: Seed of their order.
    """

    def __init__(
        self,
        model: keras.Model,
        images: Images,
        precision: str,
        cache: CacheSettings,
        verbose: Any,
        *,
        batch_size: int = 32,
        seed: int | None = None,
    ) -> None:
        if precision == "auto" and cache.directory is not None:
            precision = _cached_precision(model, cache.directory)
        self._program = FrozenProgram(model, images.sample(_SAMPLE_ROWS), precision)
        self._cache: FeatureCache | None = None
        if cache.directory is not None:
            self._cache = FeatureCache(
                cache.directory,
                _key(model, self.precision.name),
                self._program.shape,
                limit_gb=cache.limit_gb,
            )
        self._verbose, self._announced = verbose, False
        self._batch_size, self._seed = batch_size, seed

    @property
    def precision(self) -> Precision:
        """Precision in which the features are computed."""
        return self._program.precision

    def __call__(
        self,
        images: Images,
        what: str,
        *,
        passes: int = 1,
        augment: Callable[[Any], Any] | None = None,
    ) -> Images:
        """Returns the features of images, with the targets.

        Args:
            images: Images with targets.
            what: Name of the images in the progress bar.
            passes: Number of passes over the images.
            augment: Function that changes a batch at random before its features are computed.
        """
        cache = None if augment is not None else self._cache
        count = None if images.count is None else images.count * passes
        parts, targets, weights = [], [], []
        # Computed features are written also after an error.
        with contextlib.nullcontext() if cache is None else cache:
            for x, y, sample_weight in self._with_progress(images, what, passes, count):
                x = x if augment is None else augment(x)
                parts.append(self._program(x) if cache is None else self._cached(cache, x))
                targets.append(y)
                weights.append(sample_weight)
        if not parts:
            raise _checks.InvalidArgument(
                images.name, "hold at least one batch", None, got="an empty tf.data.Dataset"
            )
        y, sample_weight = concatenated(targets), concatenated(weights)
        if cache is None:
            return Images(np.concatenate(parts), y, sample_weight)
        keys = [key for part in parts for key in part]
        if len(keys) * math.prod(self._program.shape) * 4 <= _MEMORY_BYTES:
            return Images(cache.rows(keys), y, sample_weight)
        return Images(self._stream(cache, keys, y, sample_weight))

    def _cached(self, cache: FeatureCache, x: Any) -> list[bytes]:
        """Adds those features of a batch that the cache lacks; returns the keys of the batch."""
        array = np.ascontiguousarray(x)
        kind = f"{array.dtype} {array.shape[1:]}".encode()
        keys = [digest(kind + row.tobytes()) for row in array]
        new = [i for i, key in enumerate(keys) if key not in cache]
        if new:
            cache.check_room(len(new))
            cache.add([keys[i] for i in new], self._program(array[new]))
        return keys

    def _stream(
        self, cache: FeatureCache, keys: list[bytes], y: Any, sample_weight: Any
    ) -> tf.data.Dataset:
        """Returns a dataset of cached features in batches, in a new order in each epoch."""
        data = [a for a in keras.tree.flatten((y, sample_weight)) if a is not None]
        types = [tf.float32, *(tf.as_dtype(a.dtype) for a in data)]

        def read(indices: np.ndarray) -> list[np.ndarray]:
            return [cache.rows([keys[i] for i in indices]), *(a[indices] for a in data)]

        def load(indices: tf.Tensor) -> Any:
            x, *rest = tf.numpy_function(read, [indices], types)
            x.set_shape((None, *self._program.shape))
            for tensor, array in zip(rest, data, strict=True):
                tensor.set_shape((None, *array.shape[1:]))
            left = iter(rest)

            def take(nest: Any) -> Any:
                return keras.tree.map_structure(lambda a: None if a is None else next(left), nest)

            return keras.utils.pack_x_y_sample_weight(x, take(y), take(sample_weight))

        indices = tf.data.Dataset.range(len(keys)).shuffle(len(keys), seed=self._seed)
        return (
            indices.batch(self._batch_size)
            .map(load, num_parallel_calls=1)
            .prefetch(tf.data.AUTOTUNE)
        )

    def _with_progress(
        self, images: Images, what: str, passes: int, count: int | None
    ) -> Iterator[tuple[Any, Any, Any]]:
        """Yields the batches of all passes, and shows a progress bar."""
        title = f"Features of {what}{'' if self._announced else f', in {self.precision}'}"
        self._announced = True
        done, began = 0, time.perf_counter()
        with Bar(title, count, self._verbose, unit="image") as bar:
            for _ in range(passes):
                for batch in images.batches():
                    yield batch
                    done += len(batch[0])
                    rate = done / max(time.perf_counter() - began, 1e-9)
                    bar.step(len(batch[0]), **{"images/s": rate})


def _cached_precision(model: keras.Model, directory: Any) -> str:
    """Returns the precision of features in the cache, so that they are found, or "auto"."""
    for name in ("bfloat16", "float32"):
        if folder_of(directory, _key(model, name)).exists():
            return name
    return "auto"


def _key(model: keras.Model, precision: str) -> str:
    """Returns a text of what features depend on besides the images."""
    weights = b"".join(digest(np.ascontiguousarray(w).tobytes()) for w in model.get_weights())
    try:
        config = without_names(keras.saving.serialize_keras_object(model))
        architecture = json.dumps(config, default=str, sort_keys=True).encode()
    except NotImplementedError as error:
        raise _checks.InvalidArgument(
            "cache",
            "be 'memory' for a model with a layer without `get_config`",
            model,
            f"Keras says: {first_line(error)}",
            got=f"a directory for `{model.name}`",
        ) from error
    identity = {
        "layers": digest(architecture).hex(),
        "weights": digest(weights).hex(),
        "precision": precision,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    return json.dumps(identity)
