"""Answers on where a network is uncertain."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnn import _checks, layers, models
from kerasnn.playground.session.answers.quality import epochs_of
from kerasnn.playground.session.question import Question

Show = Callable[[str, np.ndarray], None]


def of_ensemble(question: Question, show: Show) -> dict[str, Any]:
    """Trains several networks from different weights, and shows where they disagree."""
    members, epochs = question.integer("members", 10, 2, 20), epochs_of(question)
    configuration = question.configuration
    model = models.ensemble(question.new_model, members, seed=configuration.seed)
    model.fit(*question.train, epochs=epochs, batch_size=configuration.batch_size, verbose=0)
    mean, deviation = model.predict_uncertainty(question.data.plane.grid())
    show("ensemble", _of_predicted(np.asarray(mean), np.asarray(deviation)))
    return {"members": members, "epochs": epochs}


def of_dropout(question: Question, show: Show) -> dict[str, Any]:
    """Predicts many times with active dropout, and shows how far the predictions scatter."""
    samples = question.integer("samples", 50, 2, 200)
    if not question.configuration.dropout or not question.configuration.units:
        raise _checks.InvalidArgument(
            "dropout",
            "be above 0, after at least one hidden layer, for predictions to scatter",
            question.configuration.dropout,
        )
    model, grid = question.network().model, question.data.plane.grid()
    mean, deviation = layers.predict_mc(model, grid, samples, seed=question.configuration.seed)
    show("mc_dropout", _of_predicted(np.asarray(mean), np.asarray(deviation)))
    return {"samples": samples}


def _of_predicted(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Returns the standard deviation of the output, or of the most probable class."""
    return deviation[np.arange(len(mean)), mean.argmax(axis=1)]
