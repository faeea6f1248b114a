"""Small data sets by name, available without a network."""

from collections.abc import Callable

import numpy as np

from kerasnn import _checks
from kerasnn.data import _generated
from kerasnn.data.rows.partition import check_partition, split_arrays
from kerasnn.data.split import Split
from kerasnn.tasks import Task

_GATES = ("and", "or", "xor")
_POINTS: dict[str, Callable] = {
    **{name: _generated.gate(name) for name in _GATES},
    "circles": _generated.circles,
    "moons": _generated.moons,
    "spirals": _generated.spirals,
    "gaussians": _generated.gaussians,
    "sine": _generated.sine,
}
_EMBEDDED = {
    "digits": Task.MULTICLASS,
    "iris": Task.MULTICLASS,
    "wine": Task.MULTICLASS,
    "breast_cancer": Task.BINARY,
    "diabetes": Task.REGRESSION,
}
_SAMPLES = 500


@_checks.known_arguments
def load(
    name: str,
    *,
    test_size: float = 0.2,
    seed: int = 0,
    samples: int | None = None,
    noise: float | None = None,
) -> Split:
    """Returns a small data set by name: real data from scikit-learn, or generated points.

    | name | what it is | x | task |
    |---|---|---|---|
    | `and`, `or`, `xor` | a gate's truth table; points in a square with `samples` or `noise` | (2,) | binary |
    | `circles`, `gaussians`, `spirals` | TensorFlow Playground's definitions | (2,) | binary |
    | `moons` | two half circles | (2,) | binary |
    | `sine` | y = sin(2 pi x) on [0, 1] | (1,) | regression |
    | `digits` | 1,797 real handwritten digits, pixels 0 to 16 | (8, 8, 1) | multiclass |
    | `iris` | 150 flowers of 3 species | (4,) | multiclass |
    | `wine` | 178 wines of 3 growers | (13,) | multiclass |
    | `breast_cancer` | 569 tumours; class 1 is benign | (30,) | binary |
    | `diabetes` | 442 patients; y is the disease's progress in a year | (10,) | regression |

    x is float32; y is int64 class indices, or float32 for regression. Classes have the same
    fractions of both parts.

    A truth table has four rows, which cannot be split: it is both the training part and
    the test part, and `test_size` and `seed` have no effect. With `samples` or `noise` the gates are
    points scattered as Playground does, and **Playground's `xor` is class 1 where the signs of
    the two coordinates are equal**, the opposite of the truth table's.

    Args:
        name: One of the names above.
        test_size: Fraction of the rows in the test part, in (0, 1).
        seed: Seed of the points and of the split.
        samples: Number of generated points; None is 500. Generated sets only.
        noise: From 0 to 0.5, None is 0: in Playground's units for its sets and the gates, the
            standard deviation of the coordinates for `moons` and of y for `sine`. Generated sets
            only.

    Raises:
        InvalidArgument: If the name is unknown, a number is out of range, or `samples` or `noise`
            is given for a data set that is not generated.

    Example:
        >>> from kerasnn import data
        >>> split = data.load("spirals", samples=1000, noise=0.1)
        >>> split.x_train.shape, split.x_test.shape
        ((800, 2), (200, 2))

    Reference:
        https://github.com/tensorflow/playground/blob/master/src/dataset.ts and
        https://scikit-learn.org/stable/datasets/toy_dataset.html
    """  # noqa: E501
    _checks.one_of("name", name, [*_POINTS, *_EMBEDDED])
    check_partition(test_size, seed)
    if name in _GATES and samples is None and noise is None:
        x, y = _generated.truth_table(name)
        return Split(x, y, x, y, Task.BINARY, ("0", "1"), ("x1", "x2"))
    if name in _EMBEDDED:
        for argument, value in (("samples", samples), ("noise", noise)):
            if value is not None:
                raise _checks.InvalidArgument(
                    argument, f"stay None for {name!r}, which is not generated", value
                )
        x, y, task, classes, features = _embedded(name)
    else:
        samples = _SAMPLES if samples is None else samples
        noise = 0.0 if noise is None else noise
        _checks.integer("samples", samples, at_least=10)
        _checks.number("noise", noise, at_least=0, at_most=0.5)
        x, y = _POINTS[name](samples, noise, np.random.default_rng(seed))
        if name == "sine":
            task, classes, features = Task.REGRESSION, None, ("x",)
        else:
            task, classes, features = Task.BINARY, ("0", "1"), ("x1", "x2")
    return split_arrays(
        x.astype(np.float32),
        y.astype(np.float32 if classes is None else np.int64),
        task,
        classes,
        features,
        test_size=test_size,
        seed=seed,
    )


def _embedded(name: str) -> tuple:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    task = _EMBEDDED[name]
    classes = tuple(map(str, bunch.target_names)) if task.is_classification else None
    if name == "digits":
        return bunch.images[..., np.newaxis], bunch.target, task, classes, None
    return bunch.data, bunch.target, task, classes, tuple(map(str, bunch.feature_names))
