"""Figure of the importance of columns."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.display.svg import names_in_figures
from kerasnn._core.plotting import COLOURS, given_or_current
from kerasnn.data.split import Split, check_is_split
from kerasnn.plots._permutation import Importance, Permuted, importances_of, loss_name
from kerasnn.tasks._row_losses import targets_and_predictions, targets_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@_checks.known_arguments
def importance(
    model: keras.Model,
    split: Split,
    *,
    repeats: int = 5,
    rows: int = 2000,
    count: int = 20,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws by how much the loss rises when the values of one column are permuted among the rows.

    About 0 means that the model does without the column. Of columns that say the same, each may
    look unimportant. Columns are the raw ones where the split has an encoder, so that a category is
    one column and not one for each name; else they are those of x. The thin lines are the standard
    deviation over the permutations.

    Args:
        model: A trained Keras model.
        split: The data, of which the test part is used.
        repeats: Number of permutations of each column.
        rows: Maximum number of rows to predict for each permutation, drawn at random.
        count: Maximum number of columns to draw, the most important ones.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: columns downwards, the most important first, against the rise of the log loss for
        classes, the mean squared error for numbers, and the Poisson deviance for counts.

    Raises:
        InvalidArgument: If the test part is no table in memory, or the model's predictions do not
            suit it; if another argument is invalid.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import data, models
        >>> iris = data.load("iris")
        >>> model = models.mlp(4, outputs=3, task="multiclass", hidden=())
        >>> history = model.fit(iris.x_train, iris.y_train, epochs=5, verbose=0)
        >>> ax = importance(model, iris)
        >>> sorted(label.get_text() for label in ax.get_yticklabels()) == sorted(iris.features)
        True

    Reference:
        Breiman (2001), Random forests, doi:10.1023/A:1010933404324.
    """
    for name, value in (("repeats", repeats), ("rows", rows), ("count", count)):
        _checks.integer(name, value)
    if not isinstance(model, keras.Model):
        hint = "The model comes first, then the split." if _checks.is_split(model) else ""
        raise _checks.InvalidArgument("model", "be a Keras model", model, hint)
    split = _checked(split)
    _check_columns(model, split)
    found = _importances(model, split, rows, repeats)[:count]
    ax = given_or_current(ax)
    ax.barh(
        names_in_figures([each.name for each in found]),
        [each.mean for each in found],
        xerr=[each.deviation for each in found],
        color=COLOURS[0],
        error_kw={"elinewidth": 0.8},
    )
    ax.invert_yaxis()
    ax.axvline(0, color="black", linewidth=0.8)
    # Long labels of small numbers would overlap.
    ax.locator_params(axis="x", nbins=5)
    ax.ticklabel_format(axis="x", scilimits=(-2, 4))
    ax.set_xlabel(f"rise of the {loss_name(split.task)}")
    ax.set_ylabel("permuted column")
    return ax


def _importances(model: Any, split: Split, rows: int, repeats: int) -> list[Importance]:
    sample = np.arange(len(split.x_test))
    if len(sample) > rows:
        sample = np.sort(np.random.default_rng(0).choice(len(sample), rows, replace=False))
    if split.encoder is not None and split.raw_test is not None:
        raw = {name: values[sample] for name, values in split.raw_test.items()}
        permuted = Permuted.of_raw_rows(split.encoder, raw)
    else:
        permuted = Permuted.of_table(np.asarray(split.x_test)[sample], split.features)
    targets = np.asarray(split.y_test)[sample]

    def outputs(x: np.ndarray) -> np.ndarray:
        predicted = model.predict(x, batch_size=256, verbose=0)
        return targets_and_predictions(split.task, targets, predicted, split.classes)[1]

    y = targets_of(split.task, targets)
    return importances_of(permuted, outputs, split.task, y, repeats)


def _check_columns(model: Any, split: Split) -> None:
    """Raises where rows of the split are none that the model takes."""
    taken, given = getattr(model, "input_shape", None), split.x_test.shape[1:]
    if isinstance(taken, tuple) and len(model.inputs) == 1:
        fits = len(taken) == len(given) + 1 and all(
            size in (None, n) for size, n in zip(taken[1:], given, strict=True)
        )
        if not fits:
            raise _checks.InvalidArgument(
                "split",
                f"hold rows of shape {taken[1:]}, as `model` takes them",
                split,
                "Give the split that the model was trained on.",
                got=f"rows of shape {given}",
            )


def _checked(split: Any) -> Split:
    check_is_split("split", split)
    if split.y_test is None:
        raise _checks.InvalidArgument(
            "split",
            "have its test part in memory",
            split,
            "Load it with `in_memory=True`.",
            got="a stream",
        )
    if split.x_test.ndim not in (2, 3) or not len(split.x_test):
        raise _checks.InvalidArgument(
            "split",
            "hold a table, as (rows, columns), or windows, as (rows, steps, columns)",
            split,
            got=f"a test part of shape {split.x_test.shape}",
        )
    return split
