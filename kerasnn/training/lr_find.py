"""`kerasnn.lr_find`: search for a learning rate."""

import collections
import contextlib
import itertools
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.display.progress import Bar
from kerasnn._core.model import State
from kerasnn._core.optimizers import copy_of
from kerasnn._core.process.strategy import has_workers, scope_of, uses_strategy
from kerasnn.training.inputs.standardization import learn_standardization
from kerasnn.training.learning_rate_sweep import METHODS, RateSweep, endless_batches, has_risen
from kerasnn.training.loop.job import Job, check_model
from kerasnn.training.programs.replicas.limits import check_optimizer, why_not_divided
from kerasnn.training.programs.train_step import TracedStep, build, build_eagerly


@_checks.known_arguments
def lr_find(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | str | None = None,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
    divergence: float = 4.0,
    method: str = "minimum",
    sample_weight: Any = None,
    class_weight: dict[int, float] | None = None,
    steps_per_epoch: int | None = None,
    seed: int = 0,
    verbose: int | str = "auto",
) -> RateSweep:
    """Trains at increasing learning rates, one step each, and restores the model.

    Step t of n has the rate low * (high / low) ** (t / (n - 1)). Afterwards weights, optimizer,
    statistics, seeds and random states have their former values, bit for bit, with two exceptions,
    since neither Keras nor TensorFlow gives access to two global generators. If the sweep is the
    first to use `keras.random` without a seed, in a process or since
    `keras.utils.set_random_seed`, or the model runs eagerly, later draws without a seed differ; to
    avoid this, give the layers a seed, or draw once beforehand: `keras.random.uniform(())`. Draws
    by `tf.random.normal` and its like without a seed differ after a sweep.

    If the loss has not risen by the last rate, by more than the noise of the batches, a warning
    says so: the suggestion then depends on `high`, or on chance, and not on the model. Where
    it has fallen by no more than that noise, the sweep that is shown says so.

    Args:
        model: A compiled Keras model. Its optimizer may have a schedule.
        x: Inputs, or a `tf.data.Dataset` or `keras.utils.PyDataset` of batches, as in `fit`.
        y: Targets, where `x` does not hold them.
        batch_size: Batch size, as in `fit`; a smaller last batch is left out.
        low: The first rate.
        high: The last rate.
        steps: Number of steps; data with fewer batches is read again.
        smoothing: Fraction of the moving average of the loss that is kept at each step, in
            [0, 1).
        divergence: The sweep ends where the smoothed loss is this many times its lowest value,
            or NaN or infinite.
        method: How the suggestion is chosen; see `RateSweep`.
        sample_weight: Weight of each row in the loss.
        class_weight: Weight of each class in the loss.
        steps_per_epoch: Number of batches to read from a stream before it starts again.
        seed: Seed of the order of the rows.
        verbose: 1 for a progress bar, 0 for silence, "auto" for a bar on a terminal or in a
            notebook where it takes over two seconds.

    Returns:
        The sweep, with `suggestion`, `learning_rates`, `losses`, `smoothed` and `plot()`.

    Raises:
        InvalidArgument: If data or an argument cannot be right, the first loss is not finite, or
            the model is one that several workers train.
        TypeError: If an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> sweep = lr_find(model, [[1.0], [2.0], [3.0], [4.0]], [3.0, 6.0, 9.0, 12.0])
        >>> 1e-3 < sweep.suggestion < 1
        True

    Reference:
        Smith (2017), arXiv:1506.01186.
    """
    _checks.number("low", low, above=0)
    _checks.number("high", high, above=low)
    _checks.integer("steps", steps, at_least=10)
    _checks.rate("smoothing", smoothing)
    _checks.number("divergence", divergence, above=1)
    _checks.one_of("method", method, METHODS)
    _checks.integer("seed", seed, at_least=0)
    if hasattr(x, "__next__"):
        raise _checks.InvalidArgument(
            "x",
            "be data that can be read again, since `fit` would miss the batches of the sweep",
            x,
            "Give arrays, or a tf.data.Dataset.",
            got=f"a {type(x).__name__}",
        )
    check_model(model)
    _check_strategy(model)
    rates = np.geomspace(low, high, steps).astype("float32")
    with scope_of(model), _restored(model):
        job = Job.read(
            model=model,
            x=x,
            y=y,
            verbose=0,
            batch_size=batch_size,
            sample_weight=sample_weight,
            class_weight=class_weight,
            steps_per_epoch=steps_per_epoch,
        )
        if job.train is None and class_weight is not None:
            rule = f"be left out where `x` is a {type(x).__name__}"
            raise _checks.InvalidArgument(
                "class_weight", rule, class_weight, "Yield sample weights."
            )
        learn_standardization(model, job.x, job.y, steps_per_epoch, checked=job.check.stream)
        with Bar("Sweep of learning rates", steps, verbose) as bar:
            losses = _sweep(job, rates, endless_batches(job, seed), divergence, smoothing, bar)
    sweep = RateSweep(rates[: len(losses)], losses, _smooth(losses, smoothing), method)
    if len(losses) == steps and not has_risen(sweep):
        _checks.warn(
            f"The loss has not risen by the last rate, high={high!r}, so the sweep did not find "
            "which rate is too high, and its suggestion may be far too low. Use a higher one, "
            f"such as high={10 * high:g}."
        )
    return sweep


def _check_strategy(model: Any) -> None:
    """Raises where a model's distribution strategy cannot run a sweep."""
    if not uses_strategy(model):
        return
    check_optimizer(model)
    why = "workers sweep alone" if has_workers(model) else why_not_divided(model)
    if why:
        raise _checks.InvalidArgument(
            "model",
            "be one whose batches replicas can divide, where a distribution strategy is used",
            model,
            "Sweep a model made outside of the scope of the strategy; its rates are the same.",
            got=f"one that they cannot: {why}",
        )


def _sweep(
    job: Job,
    rates: np.ndarray,
    batches: Iterator[Any],
    divergence: float,
    smoothing: float,
    bar: Bar,
) -> np.ndarray:
    """Returns the losses, up to the step at which they diverge."""
    model, loss, losses = job.model, np.nan, []
    first = next(batches)
    with _other_optimizer(model, float(rates[0])) as own:
        spec = tf.nest.map_structure(lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), first)
        if model.run_eagerly:
            build_eagerly(model, first)
        else:
            build(model, spec)
        _copy_slots(own, model.optimizer)
        step = _Step(model, spec)
        try:
            for rate, batch in zip(rates, itertools.chain([first], batches), strict=False):
                loss = step(batch, rate)
                if not np.isfinite(loss):
                    break
                losses.append(loss)
                bar.step(loss=loss)
                smoothed = _smooth(losses, smoothing)
                if smoothed[-1] > divergence * smoothed.min() > 0:
                    break
        finally:
            step.restore()
    if not losses:
        raise _checks.InvalidArgument(
            "low",
            "be a learning rate at which the first loss is finite",
            float(rates[0]),
            "Give finite data, or a model that has not diverged.",
            got=f"loss {loss} with low={rates[0]:g}",
        )
    return np.asarray(losses)


class _Step:
    """One training step at a given rate, and the values to restore.

    Args:
        model: A compiled model, with the optimizer of the sweep.
        spec: Structure of `tf.TensorSpec` for one batch.
    """

    def __init__(self, model: Any, spec: Any) -> None:
        self._model = model
        optimizer = model.optimizer
        self._rates = [o.learning_rate for o in getattr(optimizer, "optimizers", [optimizer])]
        self._steps = TracedStep(model, spec)
        self._run: Any = self._train
        self._values: list[Any] = []
        if not model.run_eagerly:
            rate = tf.TensorSpec((), tf.float32)
            self._run = tf.function(self._train, input_signature=[spec, rate], autograph=False)
            variables = self._run.get_concrete_function().variables
            # Metrics are among them, and Keras's global seed generator.
            self._values = [(v, v.read_value()) for v in variables]

    def __call__(self, batch: Any, rate: float) -> float:
        """Trains on a batch; returns its loss."""
        return float(self._run(batch, tf.constant(rate, tf.float32)))

    def restore(self) -> None:
        """Restores the values from before the first step."""
        for variable, value in self._values:
            variable.assign(value)

    def _train(self, batch: Any, rate: Any) -> Any:
        for variable in self._rates:
            variable.assign(rate)
        self._model.reset_metrics()
        logs = self._steps.logs(self._steps.step(batch))
        if "loss" not in logs:
            raise ValueError(
                f"`train_step` of `{self._model.name}` must return a 'loss'; got "
                f"{', '.join(map(repr, logs))}."
            )
        return logs["loss"]


@contextlib.contextmanager
def _restored(model: Any) -> Iterator[None]:
    """Restores variables and random states at the end."""
    states, before = (random.getstate(), np.random.get_state()), State(model)
    # Otherwise `_Step` restores them.
    seeds = [(v, v.read_value()) for v in (_global_seeds() if model.run_eagerly else [])]
    try:
        yield
    finally:
        before.restore()
        for variable, value in seeds:
            variable.assign(value)
        random.setstate(states[0])
        np.random.set_state(states[1])


def _global_seeds() -> list[tf.Variable]:
    """Returns the state of the generator that `keras.random` draws from without a seed.

    Keras gives no access to it, but a trace of a draw refers to it, and draws nothing.
    """
    draw = tf.function(lambda: keras.random.uniform(()), autograph=False)
    return list(draw.get_concrete_function().variables)


@contextlib.contextmanager
def _other_optimizer(model: Any, rate: float) -> Iterator[Any]:
    """Gives a model a copy of its optimizer with a number as rate; yields the original.

    The rate of an optimizer with a schedule could be set, but not restored.
    """
    own = model.optimizer
    model.optimizer = copy_of(own, _with_rate(own.get_config(), rate))
    try:
        yield own
    finally:
        model.optimizer = own


def _with_rate(config: dict[str, Any], rate: float) -> dict[str, Any]:
    """Returns a configuration with one rate, also in an optimizer inside another one."""
    changed = {}
    for name, value in config.items():
        if name == "learning_rate":
            changed[name] = rate
        else:
            changed[name] = _with_rate(value, rate) if isinstance(value, dict) else value
    return changed


def _copy_slots(source: Any, target: Any) -> None:
    """Copies the state of one optimizer to another of the same kind."""
    values = collections.defaultdict(list)
    for variable in source.variables:
        values[variable.path].append(variable.value)
    for variable in target.variables:
        if values[variable.path]:
            variable.assign(values[variable.path].pop(0))


def _smooth(losses: Any, smoothing: float) -> np.ndarray:
    """Returns the moving average, corrected for its start at 0."""
    average, smoothed = 0.0, []
    for t, loss in enumerate(losses):
        average = smoothing * average + (1 - smoothing) * loss
        smoothed.append(average / (1 - smoothing ** (t + 1)))
    return np.asarray(smoothed)
