"""The generators that belong to the process and not to a model."""

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
    """Puts both back."""
    version, numbers, gauss = state["python"]
    # Resume keeps tuples as lists.
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state(state["numpy"])


# The generators are the process's: folds that run in threads build one after the other.
_lock = threading.RLock()


def derived(seed: int, *numbers: int) -> int:
    """Returns the seed of a part, such as a fold, of what a seed starts.

    >>> derived(0, 1) == derived(0, 1), derived(0, 1) == derived(0, 2)
    (True, False)
    """
    return int(np.random.SeedSequence([seed, *numbers]).generate_state(1)[0])


@contextlib.contextmanager
def seeded(seed: int, *, plain: bool = False) -> Iterator[None]:
    """Sets the seed of Keras; puts Python's and NumPy's generators back at the end.

    Args:
        seed: The seed.
        plain: Whether nothing draws but layers and initialisers of Keras's, which take their
            seeds from Python's generator. TensorFlow's own seed is then left alone: to set it
            makes TensorFlow prepare all its programs anew, which takes longer than a fold.
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
                # Else the first layer that draws from Keras's generator when it is traced makes it
                # from Python's generator, which is put back here.
                keras.random.uniform(())
        finally:
            set_random_state(before)


@contextlib.contextmanager
def watched(seed: int) -> Iterator[Callable[[], bool]]:
    """Sets all seeds as `seeded` does.

    Gives a function that says whether TensorFlow or Keras itself, as by `tf.random.normal` or
    `keras.random.normal` without a seed, has drawn since.
    """
    with seeded(seed):
        _draw()
        following = _draw()
    with seeded(seed):
        _draw()
        random.seed(seed)
        yield lambda: _draw() != following


def _draw() -> list[Any]:
    """Returns the next numbers of both; the first time, Keras makes its generator."""
    return [np.asarray(draw((4,))).tolist() for draw in (tf.random.uniform, keras.random.uniform)]
