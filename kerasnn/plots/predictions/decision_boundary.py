"""Figure of the decision boundary of a classifier."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, MARKS, given_or_current
from kerasnn.data.split import Split
from kerasnn.plots.predictions import inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 200
_MARGIN = 0.1
_MOST_ROWS = 2_000
# Standard deviations of a probability, which is at most 0.5.
_LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4)


@_checks.known_arguments
def decision_boundary(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    labels: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    uncertainty: Callable[[np.ndarray], tuple[Any, Any]] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws the predictions of a model of two features over the plane, and the rows.

    With one output the shade is the probability of class 1, and the black line is where it is
    0.5. With several outputs each region has the colour of the class with the largest one. Each
    class has a colour and a marker; misclassified rows have a black edge and lie above the others.

    Args:
        model: A Keras model, another object with `predict`, or a function: rows `(batch, 2)` ->
            probabilities `(batch, 1)` or `(batch, classes)`, or class numbers `(batch,)`.
        x: Rows, `(batch, 2)`; or a `data.Split`, of which the training rows are drawn, with the
            names of its features and classes. Of more than 2,000 rows as many are drawn, evenly
            spaced.
        y: Class numbers, `(batch,)` or `(batch, 1)`; None beside a split.
        labels: Names of the classes, in the order of their numbers.
        features: Names of the two features.
        uncertainty: A function of rows `(batch, 2)` that returns mean and standard deviation of
            the probabilities, such as `model.predict_uncertainty` of `models.ensemble`, or
            `functools.partial(layers.predict_mc, model)` of a network with dropout. Dotted lines
            then join points where the standard deviation of the class with the largest mean is
            0.05, 0.1, 0.2, 0.3 or 0.4.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: the first feature to the right, the second upwards.

    Raises:
        InvalidArgument: If `x` has not two features, `y` is not classes, or they differ in
            length; if the model or `uncertainty` predicts something else; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
        >>> ax = decision_boundary(lambda rows: rows.sum(axis=1, keepdims=True) > 1.5, x, y)
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('feature 1', 'feature 2')
    """
    if isinstance(x, Split):
        x, y, labels, features = _parts(x, y, labels, features)
    elif y is None:
        raise _checks.InvalidArgument("y", "be given, unless `x` is a `data.Split`", y)
    rows, classes = _rows(x, y)
    first_name, second_name = _features(features)
    predicted = _predictions(model, rows)
    count = max(int(classes.max()) + 1, 2, predicted.shape[1])
    names = [str(i) for i in range(count)]
    if labels is not None:
        names = inputs.names_of_classes(labels, count, "of `y` and the predictions")
    if count > len(COLOURS):
        raise _checks.InvalidArgument(
            "y", f"hold at most {len(COLOURS)} classes", count, got=f"{count} classes"
        )
    span = np.ptp(rows, axis=0)
    margin = _MARGIN * np.where(span > 0, span, 1.0)
    low, high = rows.min(axis=0) - margin, rows.max(axis=0) + margin
    first, second = np.linspace(low, high, _POINTS, axis=1)
    grid = np.stack(np.meshgrid(first, second), axis=-1)
    heights = _predictions(model, grid.reshape(-1, 2).astype(np.float32))
    ax = given_or_current(ax)
    if heights.shape[1] == 1:
        _shade(ax, first, second, heights.reshape(_POINTS, _POINTS))
        right = (predicted[:, 0] > 0.5) == classes
    else:
        _regions(ax, first, second, heights.argmax(axis=1).reshape(_POINTS, _POINTS), count)
        right = predicted.argmax(axis=1) == classes
    if uncertainty is not None:
        deviations = _deviations(uncertainty, grid.reshape(-1, 2).astype(np.float32))
        _deviation_lines(ax, first, second, deviations.reshape(_POINTS, _POINTS))
    drawn = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).astype(int))
    rows, classes, right = rows[drawn], classes[drawn], right[drawn]
    # Misclassified rows are drawn last: others at the same point would hide them.
    for is_right, edge, width in ((True, "white", 0.6), (False, "black", 1.5)):
        for number, name in enumerate(names):
            ax.scatter(
                *rows[(classes == number) & (right == is_right)].T,
                s=25,
                color=COLOURS[number],
                marker=MARKS[number],
                edgecolors=edge,
                linewidths=width,
                label=name if is_right else None,
            )
    if not right.all():
        ax.scatter(
            [],
            [],
            s=25,
            facecolors="none",
            edgecolors="black",
            linewidths=1.5,
            label="misclassified",
        )
    ax.set_xlabel(first_name)
    ax.set_ylabel(second_name)
    # With its default location Matplotlib warns if the search for it takes a second.
    ax.legend(title="class", loc="best")
    return ax


def _parts(split: Split, y: Any, labels: Any, features: Any) -> tuple[Any, Any, Any, Any]:
    """Returns the training rows of a split and its names, unless others are given."""
    if y is not None:
        hint = "For other rows than the training part, give `x` and `y` as arrays."
        raise _checks.InvalidArgument("y", "be left out beside a split", y, hint)
    if split.y_train is None:
        rule = "have its training part in memory"
        raise _checks.InvalidArgument("x", rule, split, "Load it with `in_memory=True`.")
    return split.x_train, split.y_train, labels or split.classes, features or split.features


def _features(names: Any) -> tuple[str, str]:
    if names is None:
        return "feature 1", "feature 2"
    if isinstance(names, str) or len(names) != 2 or not all(isinstance(n, str) for n in names):
        raise _checks.InvalidArgument("features", "be the names of two features", names)
    return names[0], names[1]


def _shade(ax: Any, first: np.ndarray, second: np.ndarray, heights: np.ndarray) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("classes", [COLOURS[0], "white", COLOURS[1]])
    ax.pcolormesh(first, second, heights, cmap=shades, vmin=0, vmax=1, alpha=0.5, rasterized=True)
    if heights.min() < 0.5 < heights.max():
        ax.contour(first, second, heights, levels=[0.5], colors="black", linewidths=1)


def _regions(
    ax: Any, first: np.ndarray, second: np.ndarray, winners: np.ndarray, count: int
) -> None:
    from matplotlib.colors import ListedColormap

    ax.pcolormesh(
        first,
        second,
        winners,
        cmap=ListedColormap(COLOURS[:count]),
        vmin=-0.5,
        vmax=count - 0.5,
        alpha=0.3,
        rasterized=True,
    )


def _deviations(uncertainty: Any, rows: np.ndarray) -> np.ndarray:
    """Returns for each row the standard deviation of the class with the largest mean."""
    rule = "be a function of rows that returns mean and standard deviation of their probabilities"
    if not callable(uncertainty):
        raise _checks.InvalidArgument("uncertainty", rule, uncertainty)
    moments: Any = uncertainty(rows)
    is_pair = isinstance(moments, tuple) and len(moments) == 2
    shapes = [np.shape(moment) for moment in moments] if is_pair else [np.shape(moments)]
    if not is_pair or len(set(shapes)) > 1 or len(shapes[0]) != 2 or shapes[0][0] != len(rows):
        got = f"a result of shapes {', '.join(map(str, shapes))} for {len(rows)} rows"
        raise _checks.InvalidArgument("uncertainty", rule, moments, got=got)
    mean, deviation = map(np.asarray, moments)
    return np.take_along_axis(deviation, mean.argmax(axis=1, keepdims=True), axis=1)[:, 0]


def _deviation_lines(
    ax: Any, first: np.ndarray, second: np.ndarray, deviations: np.ndarray
) -> None:
    levels = [level for level in _LEVELS if deviations.min() < level < deviations.max()]
    if levels:
        lines = ax.contour(
            first, second, deviations, levels, colors="#555555", linestyles="dotted", linewidths=1
        )
        ax.clabel(lines, fontsize="x-small")


def _rows(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    for name, data in (("x", x), ("y", y)):
        _checks.refuse_masked(name, data)
    rows, classes = np.asarray(x), np.asarray(y)
    _checks.row_count([("x", rows), ("y", classes)])
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise _checks.InvalidArgument(
            "x",
            "have two features, as shape (rows, 2)",
            rows,
            "With more features, train on two of them: `x[:, [0, 1]]`.",
            got=f"shape {rows.shape}",
        )
    _checks.numbers_only("x", rows)
    _checks.finite_range("x", rows)
    return rows.astype(np.float32), inputs.class_numbers("y", classes)


def _predictions(model: Any, rows: np.ndarray) -> np.ndarray:
    """Returns probabilities as (rows, outputs); class numbers become one-hot."""
    predict = getattr(model, "predict_proba", None) or getattr(model, "predict", model)
    if not callable(predict):
        raise _checks.InvalidArgument(
            "model", "have a method `predict`, or be a function of rows", model
        )
    quiet = {"verbose": 0} if isinstance(model, keras.Model) else {}
    outputs = np.asarray(predict(rows, **quiet))
    if outputs.ndim == 1:
        outputs = np.eye(max(2, int(outputs.max()) + 1))[outputs.astype(int)]
    if outputs.ndim != 2 or len(outputs) != len(rows):
        raise _checks.InvalidArgument(
            "model",
            "predict one row of probabilities for each row",
            outputs,
            got=f"predictions of shape {outputs.shape} for {len(rows)} rows",
        )
    # scikit-learn returns the probabilities of both classes of two.
    return outputs[:, 1:].astype(float) if outputs.shape[1] == 2 else outputs.astype(float)
