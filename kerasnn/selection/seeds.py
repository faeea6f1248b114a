"""Seeds that follow from one seed, and leave the process's own generators as they were."""

import contextlib
import threading
from collections.abc import Iterator

import keras
import numpy as np

from kerasnn.callbacks.random_state import random_state, set_random_state

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
    """Sets the seed of Keras; puts Python's and NumPy's generators back at the end."""
    with _lock:
        before = random_state()
        keras.utils.set_random_seed(seed)
        try:
            yield
        finally:
            set_random_state(before)
