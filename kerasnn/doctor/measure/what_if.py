"""Changes that training would make to a model, tried and undone."""

import contextlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnn._core.optimizers import copy_of
from kerasnn.autodiff.gradients import by_weight
from kerasnn.doctor.measure.training_sample import TrainingSample
from kerasnn.layers._adaptation import not_adapted


@contextlib.contextmanager
def standardized(model: Any, sample: TrainingSample) -> Iterator[None]:
    """Adapts `Standardize` layers, as the first `fit` would before its first step.

    Each layer that has not learned yet learns from the sample. At the end of the context it is as
    before, bit for bit.
    """
    pending = not_adapted(model)
    with _undone(variable for layer, _ in pending for variable in layer.variables):
        for layer, read in pending:
            layer.adapt(read(sample.x, sample.y))
        yield


@contextlib.contextmanager
def after_one_step(model: Any, sample: TrainingSample) -> Iterator[None]:
    """Takes one step of the optimizer on a sample.

    The gradient is that in inference, so that no random number is drawn. At the end of the
    context weights, metrics and the optimizer's variables are as before, bit for bit; an optimizer
    that was not built is not built afterwards.
    """
    optimizer = model.optimizer
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # This gradient was not scaled.
        optimizer = optimizer.inner_optimizer
    found = by_weight(model, sample.x, sample.y, sample.sample_weight)
    pairs = [(gradient, weight) for _, weight, gradient in found if gradient is not None]
    if not optimizer.built:
        # Building cannot be undone.
        optimizer = _as_new(optimizer)
        optimizer.build(model.trainable_variables)
    with _undone([*model.variables, *model.metrics_variables, *optimizer.variables]):
        optimizer.apply_gradients(pairs)
        yield


@contextlib.contextmanager
def _undone(variables: Iterable[Any]) -> Iterator[None]:
    before = [(variable, variable.numpy()) for variable in variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _as_new(optimizer: Any) -> Any:
    """Returns a copy of an optimizer that has not stepped yet."""
    with warnings.catch_warnings():
        # Keras warns that a lambda cannot be saved, which is not done here.
        warnings.simplefilter("ignore")
        config = optimizer.get_config()
    if isinstance(config.get("learning_rate"), dict):
        # A schedule or a function of the user's own need not be registered.
        config["learning_rate"] = float(np.asarray(optimizer.learning_rate))
    return copy_of(optimizer, config)
