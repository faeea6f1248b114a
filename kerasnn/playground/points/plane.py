"""The plane that is drawn: two axes through the inputs of a network."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from kerasnn import _checks
from kerasnn.data.split import Split
from kerasnn.data.tables.columns import NumberColumn
from kerasnn.playground.configuration import PCA, Configuration

#: Pixels along each side of the map.
PIXELS = 100

_POINTS_RANGE = (-6.0, 6.0)
_MOST_ROWS = 5000
_MARGIN = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """Two directions in the space of the inputs, through one point of it.

    A point (a, b) of the plane has the inputs origin + a * directions[0] + b * directions[1]. Rows
    are projected onto it by `readers`: (a, b) = (row - origin) @ readers.T.

    Attributes:
        axes: Labels of the axes.
        origin: `(inputs,)`.
        directions: `(2, inputs)`.
        readers: `(2, inputs)`.
        ranges: The least and the largest value drawn on each axis.
    """

    axes: tuple[str, str]
    origin: np.ndarray
    directions: np.ndarray
    readers: np.ndarray
    ranges: tuple[tuple[float, float], tuple[float, float]]

    def project(self, rows: np.ndarray) -> np.ndarray:
        """Returns the places of rows, `(rows, 2)`."""
        return ((rows - self.origin) @ self.readers.T).astype(np.float32)

    def grid(self) -> np.ndarray:
        """Returns the inputs at the centres of the pixels, the largest b first, then by a."""
        (left, right), (bottom, top) = self.ranges
        centres = (np.arange(PIXELS) + 0.5) / PIXELS
        a = np.tile(left + (right - left) * centres, PIXELS)
        b = np.repeat(top - (top - bottom) * centres, PIXELS)
        rows = self.origin + np.outer(a, self.directions[0]) + np.outer(b, self.directions[1])
        return rows.astype(np.float32)


def plane_of(configuration: Configuration, split: Split) -> Plane:
    """Returns the plane that a configuration asks for.

    Points are drawn as they are. Of a table, two columns of numbers are the axes, and all others
    have their mean over the training rows; or the axes are the first two principal components of
    the standardised columns.

    Raises:
        InvalidArgument: If a column that should be drawn is no column of numbers.
    """
    if configuration.dataset != "table":
        unit = np.eye(2)
        return Plane(
            axes=("x", "y"),
            origin=np.zeros(2),
            directions=unit,
            readers=unit,
            ranges=(_POINTS_RANGE, _POINTS_RANGE),
        )
    numeric = numeric_columns(split)
    chosen = (configuration.plot_x, configuration.plot_y)
    if PCA in chosen or (chosen == (None, None) and len(numeric) < 2):
        return _principal(split)
    names = _chosen(numeric, chosen)
    features = list(split.features or ())
    columns = [features.index(name) for name in names]
    unit = np.eye(len(features))[columns]
    origin = split.x_train.mean(axis=0, dtype=np.float64)
    origin[columns] = 0
    return _fitted((names[0], names[1]), split, origin, unit, unit)


def numeric_columns(split: Split) -> list[str]:
    """Returns the names of a table's columns of numbers, which can be drawn."""
    return [c.name for c in split.encoder.columns if isinstance(c, NumberColumn)]


def _chosen(numeric: Sequence[str], chosen: tuple[str | None, str | None]) -> list[str]:
    for argument, name in zip(("plot_x", "plot_y"), chosen, strict=True):
        if name is not None and name not in numeric:
            hint = f"Those are {', '.join(numeric) or 'none'}; or take {PCA!r}."
            raise _checks.InvalidArgument(
                argument, "be one of the table's columns of numbers", name, hint
            )
    rest = [name for name in numeric if name not in chosen]
    names = [name if name is not None else rest.pop(0) if rest else "" for name in chosen]
    if "" in names or names[0] == names[1]:
        hint = f"Take {PCA!r} for the first two principal components."
        raise _checks.InvalidArgument("plot_y", "be another column than `plot_x`", names[1], hint)
    return names


def _principal(split: Split) -> Plane:
    rows = split.x_train[:_MOST_ROWS].astype(np.float64)
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1)
    _, _, components = np.linalg.svd((rows - mean) / deviation, full_matrices=False)
    components = np.vstack([components, np.zeros((2, rows.shape[1]))])[:2]
    names = ("first component", "second component")
    return _fitted(names, split, mean, components * deviation, components / deviation)


def _fitted(
    axes: tuple[str, str],
    split: Split,
    origin: np.ndarray,
    directions: np.ndarray,
    readers: np.ndarray,
) -> Plane:
    """Returns the plane with the ranges of the rows."""
    places = (np.concatenate([split.x_train, split.x_test]) - origin) @ readers.T
    ranges = []
    for values in places.T:
        low, high = float(values.min()), float(values.max())
        margin = _MARGIN * (high - low) or max(1.0, math.fabs(low))
        ranges.append((low - margin, high + margin))
    return Plane(
        axes=axes,
        origin=origin,
        directions=directions,
        readers=readers,
        ranges=(ranges[0], ranges[1]),
    )
