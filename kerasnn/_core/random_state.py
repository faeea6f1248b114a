"""Random generators of the process, and seeds derived from one another."""

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def random_state() -> dict[str, Any]:
    """Returns the states of Python's `random` and of NumPy's global generator."""
    return {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}


def set_random_state(state: dict[str, Any]) -> None:
    """Restores both."""
    version, numbers, gauss = state["python"]
    # Resume keeps tuples as lists.
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state(state["numpy"])


# The generators are shared by all threads: folds that run in threads build one at a time.
_lock = threading.RLock()


def derived(seed: int, *numbers: int) -> int:
    """Returns a seed for a part of a computation, such as a fold, derived from that of the whole.

    >>> derived(0, 1) == derived(0, 1), derived(0, 1) == derived(0, 2)
    (True, False)
    """
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1)[0])


@contextlib.contextmanager
def seeded(seed: int, *, tensorflow: bool = True) -> Iterator[None]:
    """Sets all seeds, as `keras.utils.set_random_seed` does.

    Puts Python's and NumPy's generators back at the end.

    Args:
        seed: The seed.
        tensorflow: Whether to set that of `tf.random` too, and to make Keras's generator for layers
            that draw from it later. TensorFlow then drops all operations that it has prepared, and
            building a small model takes twice as long.
    """
    with _lock:
        before = random_state()
        # In a graph TensorFlow keeps the seed for the graph alone.
        with contextlib.nullcontext() if tensorflow else tf.Graph().as_default():
            keras.utils.set_random_seed(seed)
        try:
            yield
            if tensorflow:
                # Else the first layer that draws from Keras's generator when it is traced makes it
                # from Python's generator, which is put back here.
                keras.random.uniform(())
        finally:
            set_random_state(before)


def draws_from_tensorflow(seed: int) -> bool:
    """Whether `tf.random` has drawn since its seed was set to this."""
    drawn = float(tf.random.uniform(()))
    tf.random.set_seed(seed)
    return drawn != float(tf.random.uniform(()))
