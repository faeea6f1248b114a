"""Answers on how well a network learns and predicts."""

import warnings
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from kerasnn import _checks
from kerasnn.doctor import TrainingDoctor, diagnose
from kerasnn.doctor.rules.finding import Finding
from kerasnn.playground.network.network import build
from kerasnn.playground.session.question import Question
from kerasnn.playground.session.words import of_finding
from kerasnn.selection import cross_validate
from kerasnn.tasks import Task
from kerasnn.training import lr_find

_FEWEST_EPOCHS, _MOST_EPOCHS = 20, 500
# Batches of ten rows are noisy: more steps than by default, over fewer rates.
_SWEEP: dict[str, Any] = {"low": 1e-4, "high": 10.0, "steps": 300, "smoothing": 0.95}
# A smaller fraction of the first loss is the noise of the batches.
_LEAST_FALL = 0.02


def epochs_of(question: Question) -> int:
    """Returns the epochs for which new networks are trained: as many as the one shown."""
    default = min(max(question.epoch, _FEWEST_EPOCHS), _MOST_EPOCHS)
    return question.integer("epochs", default, 1, _MOST_EPOCHS)


def learning_rates(question: Question) -> dict[str, Any]:
    """Returns the loss at increasing learning rates of the network before training."""
    configuration = question.configuration
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sweep = lr_find(
            build(configuration, question.data).model,
            *question.train,
            batch_size=configuration.batch_size,
            seed=configuration.seed,
            verbose=0,
            **_SWEEP,
        )
    suggestion, warning = _suggested(sweep)
    return {
        "learning_rates": sweep.learning_rates,
        "losses": sweep.losses,
        "smoothed": sweep.smoothed,
        "suggestion": suggestion,
        "warning": warning or (str(caught[0].message) if caught else None),
    }


def _suggested(sweep: Any) -> tuple[float | None, str | None]:
    """Returns the suggested rate; or None, and why there is none."""
    try:
        suggestion = sweep.suggestion
    except ValueError:
        suggestion = 0.0
    first = float(sweep.smoothed[0])
    falls = first - float(sweep.smoothed.min()) > _LEAST_FALL * abs(first)
    if falls and suggestion >= _SWEEP["low"]:
        return suggestion, None
    return None, "No rate is suggested: the loss hardly falls in so few steps at any rate."


def k_fold(question: Question) -> dict[str, Any]:
    """Returns the scores of folds of all rows."""
    folds = question.integer("folds", 5, 2, 10)
    x, y = (np.concatenate(parts) for parts in zip(question.train, question.test, strict=True))
    found = cross_validate(
        question.new_model,
        x,
        y,
        cv=folds,
        epochs=epochs_of(question),
        batch_size=question.configuration.batch_size,
        seed=question.configuration.seed,
        verbose=0,
    )
    metric = "mae" if question.data.task is Task.REGRESSION else "accuracy"
    scores = np.asarray(found.scores[metric])
    if question.data.units is not None:
        # In units of the table's target, as the page shows the mean error.
        scores = scores * question.data.units[1]
    return {
        "folds": folds,
        "metric": _named(question) if metric == "mae" else metric,
        "scores": scores,
        "mean": scores.mean(),
        "standard_error": scores.std(ddof=1) / np.sqrt(len(scores)),
    }


def _named(question: Question) -> str:
    """Returns the name of the mean absolute error, with what it is measured in."""
    table = question.data.table
    return "mean error" if table is None else f"mean error of {question.configuration.target}"


def confusion(question: Question) -> dict[str, Any]:
    """Returns how often each class is taken for each, a row for each true class."""
    data = question.data
    if not data.classes:
        raise _checks.InvalidArgument(
            "task", "be classification: regression has no classes to confuse", "regression"
        )
    model = question.network().model
    found: dict[str, Any] = {"classes": data.classes}
    parts = (("train", data.split.x_train, data.y_train), ("test", data.split.x_test, data.y_test))
    for name, x, y in parts:
        outputs = np.asarray(model(x, training=False))
        is_binary = outputs.shape[1] == 1
        predicted = (outputs[:, 0] > 0.5).astype(int) if is_binary else outputs.argmax(axis=1)
        found[name] = confusion_matrix(y, predicted, labels=range(len(data.classes)))
        found[f"{name}_accuracy"] = float((predicted == y).mean())
    return found


def findings(question: Question) -> dict[str, Any]:
    """Returns what the doctor has found in this training, and what it finds now."""
    model = question.network().model
    found = [*question.findings, *_of_training(question, model)]
    found += diagnose(model, *question.train, validation_data=question.test).findings
    by_place = {(each.name, each.layer): each for each in reversed(found)}
    places = dict.fromkeys((each.name, each.layer) for each in found)
    is_standardised = question.data.table is not None
    texts = [of_finding(by_place[place], is_standardised=is_standardised) for place in places]
    return {"findings": [{"level": "warning", "text": text} for text in texts]}


def _of_training(question: Question, model: Any) -> list[Finding]:
    """Returns what the doctor that looked on would find if the training ended now."""
    if question.doctor is None:
        return []
    doctor = TrainingDoctor(verbose=0)
    doctor.set_model(model)
    doctor.set_data((*question.train, None), (*question.test, None))
    doctor.on_train_begin()
    doctor.restore(question.doctor)
    doctor.on_train_end()
    return doctor.findings_
