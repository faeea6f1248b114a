"""Comparison of the network with others on the same folds."""

import time
from collections.abc import Sequence

import numpy as np

from kerasnn._core.display.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.cli.training.networks.trained import Settings
from kerasnn.cli.training.problem import Problem
from kerasnn.cli.training.scores import Comparison, metric_names, score


def compare(
    problem: Problem,
    settings: Settings,
    *,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    seed: int,
    verbose: int,
) -> Comparison:
    """Trains and scores all models on each fold of the training part.

    Nothing sees a fold's test rows before its models are scored on them: encoders, standardisation
    and early stopping learn from its training rows alone.

    Args:
        problem: The data.
        settings: Settings of the network.
        folds: Training rows and test rows of each fold, as `Problem.folds` returns them.
        seed: Seed of the models.
        verbose: 1 for a progress bar of each model.
    """
    split = problem.split
    metrics = metric_names(split.task)
    scores: dict[str, dict[str, list[float]]] = {}
    seconds: dict[str, list[float]] = {}
    for name, predict in problem.contestants(settings).items():
        scores[name], seconds[name] = {metric: [] for metric in metrics}, []
        with Progress(name, len(folds), verbose) as bar:
            for i, (train, test) in enumerate(folds):
                fold = problem.fold(train, test)
                began = time.perf_counter()
                predictions = predict(fold, derived(seed, 1, i))
                seconds[name].append(time.perf_counter() - began)
                found = score(split.task, split.outputs, split.y_train[test], predictions)
                for metric, value in found.items():
                    scores[name][metric].append(value)
                bar.step()
    return Comparison(task=split.task, scores=scores, seconds=seconds)
