"""Generated point sets of several classes, and TensorFlow Playground's of regression.

Each generator receives the number of points, the noise in [0, 0.5] and a NumPy generator, and
returns `(x, y)`.

Reference:
    https://github.com/tensorflow/playground/blob/master/src/dataset.ts
"""

import numpy as np

from kerasnn import _checks
from kerasnn.data.rows.partition import check_partition, split_arrays
from kerasnn.data.split import Split
from kerasnn.tasks import Task

NAMES = ("clusters", "rings", "plane", "multi-gaussian")

_RADIUS = 6.0
# Centres (x, y) of the bumps, and their signs.
_BUMPS = np.array(
    [(-4, 2.5, 1), (0, 2.5, -1), (4, 2.5, 1), (-4, -2.5, -1), (0, -2.5, 1), (4, -2.5, -1)]
)


@_checks.known_arguments
def load(
    name: str,
    *,
    classes: int = 3,
    samples: int = 500,
    noise: float = 0.0,
    test_size: float = 0.5,
    seed: int = 0,
) -> Split:
    """Returns points in a plane by the name of their set.

    | name | what it is | task |
    |---|---|---|
    | `clusters` | a normal cloud for each class, on a circle | multiclass |
    | `rings` | a ring for each class, one around the other | multiclass |
    | `plane` | y = (x1 + x2) / 10 on a square | regression |
    | `multi-gaussian` | six cones of alternating sign | regression |

    The last two are TensorFlow Playground's.

    Args:
        name: One of the names above.
        classes: Number of classes, at least 2.
        samples: Number of points.
        noise: From 0 to 0.5.
        test_size: Fraction of the points in the test part, in (0, 1).
        seed: Seed of the points and of the split.

    Raises:
        InvalidArgument: If an argument breaks its rule.

    Example:
        >>> load("rings", classes=4).classes
        ('0', '1', '2', '3')
    """
    _checks.one_of("name", name, NAMES)
    check_partition(test_size, seed)
    _checks.integer("classes", classes, at_least=2)
    _checks.integer("samples", samples, at_least=10)
    _checks.number("noise", noise, at_least=0, at_most=0.5)
    rng = np.random.default_rng(seed)
    if name in ("plane", "multi-gaussian"):
        x, moved = _square(samples, noise, rng)
        y = moved.sum(axis=1) / 10 if name == "plane" else _bumps(moved)
        task, names = Task.REGRESSION, None
    else:
        make = _clusters if name == "clusters" else _rings
        y = np.arange(samples) % classes
        x = make(y, classes, noise, rng)
        task, names = Task.MULTICLASS, tuple(map(str, range(classes)))
    return split_arrays(
        x.astype(np.float32),
        y.astype(np.float32 if names is None else np.int64),
        task,
        names,
        ("x1", "x2"),
        test_size=test_size,
        seed=seed,
    )


def _clusters(y: np.ndarray, classes: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    angle = np.pi / 2 + 2 * np.pi * y / classes
    centre = 3.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return centre + rng.normal(0, np.sqrt(0.3 + 4 * noise), centre.shape)


def _rings(y: np.ndarray, classes: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    width = 5.5 / classes
    radius = width * (y + rng.uniform(0.1, 0.8, len(y)))
    angle = rng.uniform(0, 2 * np.pi, len(y))
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return x + rng.uniform(-2, 2, x.shape) * noise


def _square(samples: int, noise: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns points in a square, and where the target is taken: the noise moves no point."""
    x = rng.uniform(-_RADIUS, _RADIUS, (samples, 2))
    return x, x + rng.uniform(-_RADIUS, _RADIUS, x.shape) * noise


def _bumps(x: np.ndarray) -> np.ndarray:
    distance = np.linalg.norm(x[:, None] - _BUMPS[None, :, :2], axis=2)
    heights = _BUMPS[:, 2] * np.clip(1 - distance / 2, 0, 1)
    return heights[np.arange(len(x)), np.abs(heights).argmax(axis=1)]
