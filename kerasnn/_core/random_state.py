"""The generators that belong to the process and not to a model."""

import contextlib
import random
import threading
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def random_state() -> dict[str, Any]:
    """Returns the states of Python's `random` and of NumPy's global generator."""
    return {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}


def set_random_state(state: dict[str, Any]) -> None:
    """Puts both back."""
    random.setstate(state["python"])
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
def seeded(seed: int) -> Iterator[None]:
    """Sets all seeds, as `keras.utils.set_random_seed` does.

    Puts Python's and NumPy's generators back at the end.
    """
    with _lock:
        before = random_state()
        keras.utils.set_random_seed(seed)
        try:
            yield
            # Else the first layer that draws from Keras's generator when it is traced makes it
            # from Python's generator, which is put back here.
            keras.random.uniform(())
        finally:
            set_random_state(before)
