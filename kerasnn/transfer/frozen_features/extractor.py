"""The frozen part of a model, run once over images."""

import contextlib
import dataclasses
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._checks import first_line
from kerasnn._core.config_names import without_names
from kerasnn.transfer.frozen_features.feature_cache import FeatureStore, digest, folder_of
from kerasnn.transfer.frozen_features.images import Images, joined
from kerasnn.transfer.frozen_features.precision import Precision, Prefix

_SAMPLE_ROWS = 4
# More than this is not read from a store into memory, but batch by batch in each epoch.
_MEMORY_BYTES = 1 << 29
# ||found - computed|| / ||computed|| of features of one network, computed in batches of two sizes.
_MOST_DIFFERENCE = {"float32": 1e-3, "bfloat16": 2e-2}


@dataclasses.dataclass(frozen=True)
class Caching:
    """Where features are kept.

    Args:
        directory: On the disk, or None for memory alone.
        limit_bytes: Most bytes on the disk.
    """

    directory: Any
    limit_bytes: int


class Extraction:
    """Computes the features of images, each once.

    Args:
        model: The frozen part.
        images: Some rows of them choose the precision.
        precision: As asked for; see `Prefix`.
        caching: Where features are kept.
        verbose: 0 for silence.
        batch_size: Rows to a batch, where features are too many for memory.
        seed: Seed of their order then.
    """

    def __init__(
        self,
        model: keras.Model,
        images: Images,
        precision: str,
        caching: Caching,
        verbose: Any,
        *,
        batch_size: int = 32,
        seed: int | None = None,
    ) -> None:
        if precision == "auto" and caching.directory is not None:
            precision = _precision_of_store(model, caching.directory)
        self._prefix = Prefix(model, images.sample(_SAMPLE_ROWS), precision)
        self._store: FeatureStore | None = None
        if caching.directory is not None:
            self._store = FeatureStore(
                caching.directory,
                _key(model, self.precision.name),
                self._prefix.shape,
                limit_bytes=caching.limit_bytes,
            )
        self._verbose, self._told, self._checked = verbose, False, False
        self._batch_size, self._seed = batch_size, seed

    @property
    def precision(self) -> Precision:
        """What the features are computed in."""
        return self._prefix.precision

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
            images: What the features are of.
            what: What the progress bar calls them.
            passes: How often to go over them.
            augment: Changes a batch at random before its features are computed.
        """
        store = None if augment is not None else self._store
        count = None if images.count is None else images.count * passes
        parts, targets, weights = [], [], []
        # What was computed is kept, however this ends.
        with contextlib.nullcontext() if store is None else store:
            for x, y, sample_weight in self._watched(images, what, passes, count):
                x = x if augment is None else augment(x)
                parts.append(self._prefix(x) if store is None else self._stored(store, x))
                targets.append(y)
                weights.append(sample_weight)
        if not parts:
            raise ValueError(f"`{what}` must hold at least one batch; it is empty.")
        y, sample_weight = joined(targets), joined(weights)
        if store is None:
            return Images(np.concatenate(parts), y, sample_weight)
        keys = [key for part in parts for key in part]
        if len(keys) * math.prod(self._prefix.shape) * 4 <= _MEMORY_BYTES:
            return Images(store.rows(keys), y, sample_weight)
        return Images(self._stream(store, keys, y, sample_weight))

    def _stored(self, store: FeatureStore, x: Any) -> list[bytes]:
        """Computes what is not in the store yet, and returns the keys of a batch."""
        array = np.ascontiguousarray(x)
        kind = f"{array.dtype} {array.shape[1:]}".encode()
        keys = [digest(kind + row.tobytes()) for row in array]
        self._check_store(store, array, keys)
        new = [i for i, key in enumerate(keys) if key not in store]
        if new:
            store.check_room(len(new))
            store.add([keys[i] for i in new], self._prefix(array[new]))
        return keys

    def _check_store(self, store: FeatureStore, array: np.ndarray, keys: list[bytes]) -> None:
        """Compares, once, some features that were found with those that are computed now.

        Not all that features depend on is in a model's configuration: functions, and attributes
        that were set later, are not.
        """
        known = [i for i, key in enumerate(keys) if key in store][:_SAMPLE_ROWS]
        if self._checked or not known:
            return
        self._checked = True
        computed = self._prefix(array[known])
        difference = np.linalg.norm(store.rows([keys[i] for i in known]) - computed)
        if difference > _MOST_DIFFERENCE[self.precision.name] * np.linalg.norm(computed):
            store.clear()
            warnings.warn(
                "The features in `cache` are of another network, whose configuration and weights "
                "are the same. They were removed, and are computed again.",
                UserWarning,
                stacklevel=2,
            )

    def _stream(
        self, store: FeatureStore, keys: list[bytes], y: Any, sample_weight: Any
    ) -> tf.data.Dataset:
        """Returns what is stored in batches, in a new order for each epoch."""
        data = [a for a in keras.tree.flatten((y, sample_weight)) if a is not None]
        types = [tf.float32, *(tf.as_dtype(a.dtype) for a in data)]

        def read(numbers: np.ndarray) -> list[np.ndarray]:
            return [store.rows([keys[i] for i in numbers]), *(a[numbers] for a in data)]

        def load(numbers: tf.Tensor) -> Any:
            x, *rest = tf.numpy_function(read, [numbers], types)
            x.set_shape((None, *self._prefix.shape))
            for tensor, array in zip(rest, data, strict=True):
                tensor.set_shape((None, *array.shape[1:]))
            left = iter(rest)

            def take(nest: Any) -> Any:
                return keras.tree.map_structure(lambda a: None if a is None else next(left), nest)

            return keras.utils.pack_x_y_sample_weight(x, take(y), take(sample_weight))

        numbers = tf.data.Dataset.range(len(keys)).shuffle(len(keys), seed=self._seed)
        return (
            numbers.batch(self._batch_size)
            .map(load, num_parallel_calls=1)
            .prefetch(tf.data.AUTOTUNE)
        )

    def _watched(
        self, images: Images, what: str, passes: int, count: int | None
    ) -> Iterator[tuple[Any, Any, Any]]:
        """Yields the batches of all passes, and shows how far they are."""
        bar = None
        if self._verbose != 0:
            print(f"Features of {what}{'' if self._told else f', in {self.precision}'}")
            self._told = True
            bar = keras.utils.Progbar(count, unit_name="image", stateless_metrics=())
        done, began = 0, time.perf_counter()
        for _ in range(passes):
            for batch in images.batches():
                yield batch
                done += len(batch[0])
                if bar is not None:
                    rate = done / (time.perf_counter() - began)
                    bar.update(done, [("images/s", rate)], finalize=done == count)
        if bar is not None and count is None:
            bar.update(done, finalize=True)


def _precision_of_store(model: keras.Model, directory: Any) -> str:
    """Returns the precision in which features are kept already, so that they are found."""
    for name in ("bfloat16", "float32"):
        if folder_of(directory, _key(model, name)).exists():
            return name
    return "auto"


def _key(model: keras.Model, precision: str) -> str:
    """Returns what features depend on besides the images."""
    weights = b"".join(digest(np.ascontiguousarray(w).tobytes()) for w in model.get_weights())
    try:
        config = without_names(keras.saving.serialize_keras_object(model))
        architecture = json.dumps(config, default=str, sort_keys=True).encode()
    except NotImplementedError as error:
        raise ValueError(
            "`cache` must be 'memory' for a model with a layer that has no `get_config`, by which "
            f"its features would be found again. It says: {first_line(error)}"
        ) from error
    parts = {
        "layers": digest(architecture).hex(),
        "weights": digest(weights).hex(),
        "precision": precision,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    return json.dumps(parts)
