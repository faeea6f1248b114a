"""Seeds of several networks, and one History of all."""

import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnn._core.random_state import derived


def member_seeds(seed: int | None, n: int) -> list[int]:
    """Returns one seed a network, derived from one seed, or from one of Python's `random`."""
    whole = random.getrandbits(32) if seed is None else seed
    return [derived(whole, i) for i in range(n)]


def mean_history(model: Any, histories: Sequence[Any]) -> Any:
    """Returns the History of a model of several networks.

    Args:
        model: The model.
        histories: Those of the networks, which become its attribute `members`.

    Returns:
        Means over the networks that trained in an epoch.
    """
    longest = max(histories, key=lambda history: len(history.epoch))
    mean: Any = keras.callbacks.History()
    mean.set_model(model)
    mean.set_params(longest.params)
    mean.on_train_begin()
    mean.epoch = list(longest.epoch)
    for name in longest.history:
        curves = [history.history.get(name, []) for history in histories]
        mean.history[name] = [
            float(np.mean([curve[i] for curve in curves if len(curve) > i]))
            for i in range(max(map(len, curves)))
        ]
    mean.members = list(histories)
    mean.engine, mean.reason = histories[0].engine, histories[0].reason
    return mean
