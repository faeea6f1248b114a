"""The generators that belong to the process and not to a model."""

import random
from typing import Any

import numpy as np


def random_state() -> dict[str, Any]:
    """Returns the states of Python's `random` and of NumPy's global generator."""
    return {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}


def set_random_state(state: dict[str, Any]) -> None:
    """Puts both back."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
