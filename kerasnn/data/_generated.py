"""Generators of point sets, most of them as defined by TensorFlow Playground.

Each function receives the number of points, the noise in [0, 0.5] and a NumPy generator, and
returns `(x, y)`.

Reference:
    https://github.com/tensorflow/playground/blob/master/src/dataset.ts
"""

from collections.abc import Callable

import numpy as np

Points = tuple[np.ndarray, np.ndarray]

_RADIUS = 5.0
_PADDING = 0.3


def circles(samples: int, noise: float, rng: np.random.Generator) -> Points:
    """A disc of radius 2.5 (class 1) inside a ring from 3.5 to 5 (class 0).

    The noise changes classes only: a point near the border may have the other class, and no point
    is moved.
    """
    inside = samples - samples // 2
    r = np.concatenate(
        [
            rng.uniform(0, 0.5 * _RADIUS, inside),
            rng.uniform(0.7 * _RADIUS, _RADIUS, samples - inside),
        ]
    )
    angle = rng.uniform(0, 2 * np.pi, samples)
    x = r[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    moved = x + rng.uniform(-_RADIUS, _RADIUS, x.shape) * noise
    return x, (np.linalg.norm(moved, axis=1) < 0.5 * _RADIUS).astype(np.int64)


def gaussians(samples: int, noise: float, rng: np.random.Generator) -> Points:
    """Two normal clouds, around (2, 2) (class 1) and (-2, -2) (class 0).

    Their variance grows from 0.5 without noise to 4 at noise 0.5.
    """
    variance = 0.5 + noise / 0.5 * (4 - 0.5)
    y = _halves(samples)
    centre = np.where(y == 1, 2.0, -2.0)[:, None]
    return centre + rng.normal(0, np.sqrt(variance), (samples, 2)), y


def spirals(samples: int, noise: float, rng: np.random.Generator) -> Points:
    """Two arms of 1.75 turns, half a turn apart; the noise moves each point by up to `noise`."""
    y = _halves(samples)
    along = np.concatenate([np.linspace(0, 1, (y == k).sum(), endpoint=False) for k in (1, 0)])
    t = 1.75 * along * 2 * np.pi + np.where(y == 1, 0, np.pi)
    x = 5 * along[:, None] * np.stack([np.sin(t), np.cos(t)], axis=1)
    return x + rng.uniform(-1, 1, x.shape) * noise, y


def moons(samples: int, noise: float, rng: np.random.Generator) -> Points:
    """Scikit-learn's two half circles; `noise` is the standard deviation of both coordinates."""
    from sklearn.datasets import make_moons

    x, y = make_moons(samples, noise=noise, random_state=int(rng.integers(2**31)))
    return np.asarray(x), np.asarray(y)


def sine(samples: int, noise: float, rng: np.random.Generator) -> Points:
    """Y = sin(2 pi x) for x in [0, 1]; `noise` is the standard deviation of y."""
    x = rng.uniform(0, 1, (samples, 1))
    return x, np.sin(2 * np.pi * x[:, 0]) + rng.normal(0, noise, samples)


def gate(name: str) -> Callable[[int, float, np.random.Generator], Points]:
    """Returns the generator that scatters points over a square and labels them by `name`.

    The square is [-5.3, 5.3] on both axes without a strip of 0.3 on either side of each axis,
    and a coordinate is true if it is positive. The noise changes classes only. `xor` is
    Playground's: class 1 where x1 x2 >= 0, so where the signs are *equal*, which is the
    opposite of the truth table's xor.
    """

    def scattered(samples: int, noise: float, rng: np.random.Generator) -> Points:
        x = rng.uniform(-_RADIUS, _RADIUS, (samples, 2))
        x += np.where(x > 0, _PADDING, -_PADDING)
        moved = x + rng.uniform(-_RADIUS, _RADIUS, x.shape) * noise
        true = {
            "and": (moved > 0).all(axis=1),
            "or": (moved > 0).any(axis=1),
            "xor": moved.prod(axis=1) >= 0,
        }
        return x, true[name].astype(np.int64)

    return scattered


def truth_table(name: str) -> Points:
    """The four rows of the gate `name`, with 0 for false and 1 for true.

    >>> truth_table("xor")[1].tolist()
    [0, 1, 1, 0]
    """
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    true = x.sum(axis=1)
    return x, {"and": true == 2, "or": true >= 1, "xor": true == 1}[name].astype(np.int64)


def _halves(samples: int) -> np.ndarray:
    """Class 1 for the first half, which gets the odd point, and class 0 for the second."""
    return (np.arange(samples) < samples - samples // 2).astype(np.int64)
