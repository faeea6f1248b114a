"""`pack`: networks of different hyperparameters, trained at once, and the best mean of them."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnn import _checks, layers
from kerasnn._checks import layers as layer_checks
from kerasnn._core.random_state import derived, seeded
from kerasnn.models import _building_blocks
from kerasnn.models.ensembles.members import Columns, WeightedMean
from kerasnn.models.ensembles.pack_model import Pack
from kerasnn.models.ensembles.space import checked_space, default_space, settings
from kerasnn.tasks import Task

# Numbers of folds, those that are tried first in front.
_FOLDS = (4, 5, 3, 2, 7)


@_checks.known_arguments
def pack(
    input_shape: int | Sequence[int],
    outputs: int = 1,
    *,
    task: str,
    n: int = 32,
    space: Mapping[str, Any] | None = None,
    folds: int | None = None,
    periodic: bool | Sequence[int] = True,
    embeddings: Mapping[int, int] | None = None,
    seed: int | None = None,
) -> Pack:
    """Builds n networks with different hyperparameters, and the model of their best mean.

    y = sum_s w_s / K sum_k f_sk(x), over S = n / K settings of hyperparameters and K folds.

    Each setting is drawn at random, and trained K times: each of its networks leaves out another
    fold of the training rows, on which it stops early. So every row is predicted by a network of
    each setting that has not trained on it, and the weights w are chosen greedily to make the loss
    of the mean on these rows least. All networks of one architecture train in one program, by
    `kerasnn.fit_many`. Nothing has to be tuned.

    A network consists of periodic embeddings of the features, a learned factor of each, and hidden
    layers in the neural tangent parametrisation. All share `layers.RobustScale` of the inputs, and
    for `regression` the scale of the targets, both learned from the training rows.

    | name in `space`  | default                            | meaning                            |
    |------------------|------------------------------------|------------------------------------|
    | `hidden`         | `[(64, 64)]`, fewer units for more than 400 inputs | of the hidden layers |
    | `activation`     | `["mish"]` for regression, `["selu"]` else | of hidden layers, by name  |
    | `learning_rate`  | 0.01 to 0.1                        | the highest of `schedules.CosineLog` |
    | `dropout`        | `[0.05, 0.1, 0.2, 0.3]`            | fraction of hidden outputs dropped |
    | `weight_decay`   | `[0.0, 0.02, 0.1]`                 | of AdamW                           |
    | `sigma`          | 0.03 to 0.5                        | of `layers.PeriodicEmbedding` |

    Ranges are uniform in the logarithm. Networks with other `hidden` or `activation` are another
    architecture, and so another program, which takes seconds to trace.

    Args:
        input_shape: Number of columns, or a shape of one axis.
        outputs: Output units: 1 for `binary`, the number of classes for `multiclass`.
        task: A `kerasnn.tasks.Task` or its name.
        n: Number of networks, at least 2. More find a slightly better mean in more time.
        space: Name -> list of values, or a range such as `selection.log_uniform(0.01, 0.1)`, in
            place of the defaults of these names.
        folds: K, at least 2, of which n is a multiple. None is 4, or else the first of 5, 3, 2
            and 7 that divides n.
        periodic: Whether to append periodic embeddings to all columns, or the positions of the
            columns that get them: columns of zeros and ones need none, and are faster without.
        embeddings: `split.embeddings` of a table: position of each column of indices -> number of
            its indices. Such columns become trainable vectors.
        seed: Seed of settings, weights and folds. None draws one from Python's `random`, which
            `keras.utils.set_random_seed` seeds.

    Returns:
        A functional Keras model, compiled with the task's loss and metrics. Besides Keras's methods
        it has `members_` and `weights_`; see `Pack.fit` for how it trains.

    Raises:
        InvalidArgument: If an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> model = pack(2, task="regression", n=4, folds=2, seed=0)
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(40, 2))
        >>> history = model.fit(x, x[:, 0] * x[:, 1], epochs=2, verbose=0)
        >>> len(model.members_) == len(model.weights_), round(float(model.weights_.sum()), 5)
        (True, 1.0)

    Reference:
        Gorishniy et al. (2026), arXiv:2607.05380; Wenzel et al. (2020), arXiv:2006.13570; the
        selection is that of Caruana et al. (2004), doi:10.1145/1015330.1015432; the networks are
        those of Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491.
    """
    task = Task(task)
    [count] = _building_blocks.checked_shape(input_shape, 1, "a number of columns")
    task.check_outputs(outputs)
    folds = _folds(n, folds)
    if seed is None:
        seed = random.getrandbits(32)
    _checks.integer("seed", seed, at_least=0)
    if count is None:
        raise _checks.InvalidArgument("input_shape", "be a fixed number of columns", input_shape)
    embeddings = dict(embeddings or {})
    layer_checks.check_positions("embeddings", list(embeddings))
    layer_checks.check_inside("embeddings", list(embeddings), count)
    columns = Columns.of(count, _positions(periodic, count), embeddings)
    defaults = default_space(columns.width, regression=task is Task.REGRESSION)
    chosen = settings(checked_space(space, defaults), n // folds, derived(seed, 0))
    inputs = keras.Input((count,), name="features")
    x = layers.RobustScale(skip=list(embeddings), name="robust_scale")(inputs)
    with seeded(derived(seed, 1)):
        output: Any = WeightedMean(
            chosen,
            int(outputs),
            task,
            repeats=folds,
            periodic=columns.periodic,
            embeddings=embeddings,
            name="networks",
        )(x)
    if task is Task.REGRESSION:
        output = layers.Standardize(invert=True, name="target_units")(output)
    model = Pack(inputs, output, name="pack", seed=seed)
    model.compile("adam", **task.compile_arguments())
    return model


def _folds(n: Any, folds: Any) -> int:
    """Returns the number of folds, after a check of both numbers."""
    _checks.integer("n", n, at_least=2)
    hint = "Each setting is trained once a fold."
    if folds is None:
        known = [folds for folds in _FOLDS if n % folds == 0]
        if not known:
            raise _checks.InvalidArgument("n", "be a multiple of 2, 3, 5 or 7", n, hint)
        return known[0]
    _checks.integer("folds", folds, at_least=2, hint="A network needs rows to stop on.")
    if n % folds:
        raise _checks.InvalidArgument("n", f"be a multiple of folds={folds}", n, hint)
    return int(folds)


def _positions(periodic: Any, count: int) -> Sequence[int] | None:
    """Returns the positions of the columns with periodic embeddings; None for all."""
    if isinstance(periodic, bool):
        return None if periodic else ()
    layer_checks.check_positions("periodic", periodic)
    layer_checks.check_inside("periodic", periodic, count)
    return periodic
