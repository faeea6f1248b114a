"""Whether two models would train alike, seen from one step of each."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._core.optimizers import build_slots

# Large weights and a large step bring out what small ones hide: a weight decay of 1e-4, the delta
# of a Huber loss, what stands before a kernel of zeros.
_SPREAD, _RATE = 0.5, 1.0
_TOLERANCE = 1e-5


def steps_alike(kept: Any, fresh: Any, rows: Any) -> bool:
    """Whether one training step from the same random weights changes two models alike.

    It shows what no configuration says: the arguments of some losses, what an optimizer was told
    to exclude, attributes set on a weight, methods replaced on an object. All values are compared:
    weights, statistics, seeds, the optimizer's state and the metrics. Those of `fresh` are put
    back; those of `kept` are left as they came out.

    Args:
        kept: A model that has the values of the other, with its optimizer built.
        fresh: The other model.
        rows: Some rows, (x, y, sample_weight).
    """
    build_slots(fresh.optimizer, fresh.trainable_variables)
    before = [(variable, np.array(variable)) for variable in _state(fresh)]
    generator = np.random.default_rng(0)
    try:
        for one, other in zip(kept.trainable_variables, fresh.trainable_variables, strict=True):
            noise = _SPREAD * generator.normal(size=one.shape)
            for variable in (one, other):
                variable.assign(variable + keras.ops.cast(noise, variable.dtype))
        batch = keras.tree.map_structure(
            lambda a: None if a is None else tf.convert_to_tensor(a), rows
        )
        return _alike(_stepped(kept, batch), _stepped(fresh, batch))
    finally:
        for variable, value in before:
            variable.assign(value)
        fresh.reset_metrics()


def _stepped(model: Any, batch: Any) -> list[np.ndarray]:
    """Returns all values after as many steps as the optimizer gathers gradients of."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if isinstance(optimizer.learning_rate, keras.Variable):
        optimizer.learning_rate.assign(_RATE)
    model.reset_metrics()
    for _ in range(optimizer.gradient_accumulation_steps or 1):
        model.train_step(batch)
    return [np.array(variable) for variable in (*_state(model), *model.metrics_variables)]


def _state(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _alike(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return len(some) == len(others) and all(
        a.shape == b.shape
        and np.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE * _size(b), equal_nan=True)
        for a, b in zip(some, others, strict=True)
    )


def _size(values: np.ndarray) -> float:
    finite = np.abs(values[np.isfinite(values)].astype(float))
    return float(finite.max(initial=0.0))
