"""Diagnosis of a model at one moment."""

import dataclasses
import math
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.autodiff import _loss
from kerasnn.doctor.diagnosis import Diagnosis
from kerasnn.doctor.measure.measurements import Measurements
from kerasnn.doctor.measure.model_probe import ModelProbe
from kerasnn.doctor.measure.training_sample import (
    TrainingSample,
    check_inputs,
    check_pair,
    checked_sample,
    part_names,
)
from kerasnn.doctor.measure.what_if import after_one_step, standardized
from kerasnn.doctor.rules.evidence import Evidence
from kerasnn.doctor.rules.run_rules import run_rules


@_checks.known_arguments
def diagnose(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    validation_data: Any = None,
) -> Diagnosis:
    """Finds faults of a compiled model at one moment.

    It measures on at most 256 rows, in inference, as `TrainingDoctor` does, and tries one step of
    the optimizer on them. `Standardize` layers that have not learned yet learn from them first, as
    in the first `fit`. All of it is undone: model and optimizer stay as they are, bit for bit.
    Faults that only the course of training shows, such as overfitting, are not found.

    Args:
        model: A compiled Keras model.
        x: Inputs that it is, or will be, trained on: an array or a structure of arrays.
        y: Targets.
        sample_weight: Weight of each row, or of each target, in the loss.
        validation_data: `(x, y)` or `(x, y, sample_weight)` of rows that it is not trained on.
            They show whether labels are shuffled against inputs, and whether a model that has
            learned something predicts other rows no better than a constant does.

    Returns:
        The findings, and the measurements by layer. `print` shows both, `.plot()` draws them.

    Raises:
        InvalidArgument: If `model` is not a compiled Keras model with a loss, or has no trainable
            weights; if the rows do not match each other or the model; if the inputs of a
            `Standardize` layer that has not learned yet are not known.
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
        check_pair("validation_data", validation_data)
    sample = checked_sample(("x", "y", "sample_weight"), x, y, sample_weight)
    check_inputs("x", model, sample)
    _loss.check_loss(model, sample.x)
    _loss.read(model, sample.x, sample.y)
    if not model.trainable_variables:
        raise _checks.InvalidArgument(
            "model",
            "have trainable weights",
            model.name,
            "Set `trainable = True` on a layer with weights, and compile it again.",
            got="none",
        )
    validation = None
    if validation_data is not None:
        validation = checked_sample(part_names("validation_data"), *validation_data)
        check_inputs("validation_data[0]", model, validation)
    with standardized(model, sample):
        return _diagnose(model, sample, validation)


def _diagnose(
    model: keras.Model, sample: TrainingSample, validation: TrainingSample | None
) -> Diagnosis:
    probe = ModelProbe(model, sample, validation)
    now = probe.measure(0)
    before = probe.weights()
    with after_one_step(model, sample):
        stepped = probe.measure(0, before, 1)
        # It takes the place of an epoch's loss. The model's own works on logits where it can; one
        # that is computed from clipped probabilities would hide very large losses.
        loss = float(_loss.of(model, sample.x, sample.y, sample.sample_weight))
        loss -= sum(map(float, model.losses))
    evidence = Evidence(
        model=model,
        sample=sample,
        history=[_with_updates(now, stepped)],
        losses=[(loss, math.nan)],
        initial_score=now.train,
        is_moment=True,
    )
    return Diagnosis(evidence.latest, tuple(run_rules(evidence)))


def _with_updates(now: Measurements, stepped: Measurements) -> Measurements:
    layers = tuple(
        dataclasses.replace(layer, update=moved.update)
        for layer, moved in zip(now.layers, stepped.layers, strict=True)
    )
    return dataclasses.replace(now, layers=layers, update=stepped.update)
