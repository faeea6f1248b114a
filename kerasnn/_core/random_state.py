"""Random generators of the process, and seeds derived from one another."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
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
def seeded(seed: int, *, plain: bool = False) -> Iterator[None]:
    """Sets the seed of Keras; restores Python's and NumPy's generators at the end.

    Args:
        seed: The seed.
        plain: Whether only Keras's layers and initialisers draw, which take their seeds from
            Python's generator. TensorFlow's own seed is then not set: setting it makes TensorFlow
            prepare all its programs anew, which takes longer than a fold.
    """
    with _lock:
        before = random_state()
        if plain:
            random.seed(seed)
            np.random.seed(seed % 2**32)
        else:
            keras.utils.set_random_seed(seed)
        try:
            yield
            if not plain:
                # Otherwise the first traced layer that uses Keras's generator would seed it from
                # Python's generator, which is restored here.
                keras.random.uniform(())
        finally:
            set_random_state(before)


@contextlib.contextmanager
def watched(seed: int) -> Iterator[Callable[[], bool]]:
    """Sets all seeds as `seeded` does.

    Yields:
        A function that returns whether TensorFlow or Keras has since drawn from a global
        generator, as `tf.random.normal` and `keras.random.normal` do without a seed.
    """
    with seeded(seed):
        _draw()
        following = _draw()
    with seeded(seed):
        _draw()
        random.seed(seed)
        yield lambda: _draw() != following


def _draw() -> list[Any]:
    """Returns the next numbers of both generators; the first call makes Keras create its own."""
    return [np.asarray(draw((4,))).tolist() for draw in (tf.random.uniform, keras.random.uniform)]
