"""`kerasnn.callbacks.diagnose`."""

import dataclasses
import math
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.autodiff import _loss
from kerasnn.doctor.diagnosis import Diagnosis
from kerasnn.doctor.measure.measurements import Vitals
from kerasnn.doctor.measure.model_probe import Probe
from kerasnn.doctor.measure.training_sample import (
    Sample,
    check_inputs,
    check_rows,
    names_in,
    own_sample,
)
from kerasnn.doctor.measure.what_if import after_one_step, standardized
from kerasnn.doctor.rules.evidence import Case
from kerasnn.doctor.rules.run_rules import examine


@_checks.known_arguments
def diagnose(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    validation_data: Any = None,
) -> Diagnosis:
    """Looks for what is wrong with a compiled model, at one moment.

    It measures on at most 256 rows, in inference, as `TrainingDoctor` does, and takes one step of
    the optimizer on them. `Standardize` layers that have not learned yet learn from them first, as
    in the first `fit`. All is taken back: model and optimizer stay as they are, bit for bit.
    What only the course of training shows, such as overfitting, it cannot find.

    Args:
        model: A compiled Keras model.
        x: Inputs that it is, or will be, trained on: an array or a structure of arrays.
        y: Targets.
        sample_weight: Weight of each row, or of each target, in the loss.
        validation_data: `(x, y)` or `(x, y, sample_weight)` of rows that it is not trained on.
            They show whether labels are shuffled against inputs.

    Returns:
        The findings, and per layer what was measured. `print` shows both, `.plot()` draws them.

    Raises:
        ValueError: If `model` is not a compiled Keras model with a loss, or nothing in it is
            trained; if the rows do not go together; if it is not known what reaches a
            `Standardize` layer that has not learned yet.
        TypeError: If an argument is unknown.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential(
        ...     [keras.Input((2,)), keras.layers.Dense(1, "sigmoid", name="output")]
        ... )
        >>> model.compile(loss="mse")
        >>> [finding] = diagnose(model, np.eye(2), np.array([0, 1])).findings
        >>> finding.name, finding.layer
        ('loss does not fit the task', 'output')
    """
    _loss.check_model(model)
    if validation_data is not None:
        check_rows("validation_data", validation_data)
    sample = own_sample(("x", "y", "sample_weight"), x, y, sample_weight)
    check_inputs("x", model, sample)
    _loss.check_loss(model, sample.x)
    _loss.read(model, sample.x, sample.y)
    if not model.trainable_variables:
        raise ValueError(
            f"`model` must have weights that are trained; in `{model.name}` there are none. Set "
            "`trainable = True` on a layer with weights, and compile it again."
        )
    held = None
    if validation_data is not None:
        held = own_sample(names_in("validation_data"), *validation_data)
        check_inputs("validation_data[0]", model, held)
    with standardized(model, sample):
        return _look(model, sample, held)


def _look(model: keras.Model, sample: Sample, held: Sample | None) -> Diagnosis:
    probe = Probe(model, sample, held)
    now = probe.vitals(0)
    before = probe.weights()
    with after_one_step(model, sample):
        then = probe.vitals(0, before, 1)
        # In place of that of an epoch. The model's own takes a logarithm from before the softmax,
        # where that of an answer, of a probability so small that it is clipped, says too little.
        loss = float(_loss.of(model, sample.x, sample.y, sample.sample_weight))
        loss -= sum(map(float, model.losses))
    case = Case(model, sample, [_with_updates(now, then)], [(loss, math.nan)], start=now.train)
    return Diagnosis(case.now, tuple(examine(case)))


def _with_updates(now: Vitals, then: Vitals) -> Vitals:
    layers = tuple(
        dataclasses.replace(layer, update=stepped.update)
        for layer, stepped in zip(now.layers, then.layers, strict=True)
    )
    return dataclasses.replace(now, layers=layers, update=then.update)
