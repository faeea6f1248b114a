"""Comparison of the network with others on the same folds."""

import time

from kerasnn._core.progress import Progress
from kerasnn._core.random_state import derived
from kerasnn.cli.training.network import Settings
from kerasnn.cli.training.problem import Problem
from kerasnn.cli.training.scores import Comparison, metric_names, score


def compare(
    problem: Problem, settings: Settings, *, folds: int, seed: int, verbose: int
) -> Comparison:
    """Trains and scores all models on each fold of the training part.

    Nothing sees a fold's test rows before its models are scored on them: encoders, standardisation
    and early stopping learn from its training rows alone.

    Args:
        problem: The data.
        settings: Settings of the network.
        folds: Number of folds.
        seed: Seed of folds and models.
        verbose: 1 for a progress bar.
    """
    split = problem.split
    contestants = problem.contestants(settings)
    metrics = metric_names(split.task)
    scores = {name: {metric: [] for metric in metrics} for name in contestants}
    seconds = dict.fromkeys(contestants, 0.0)
    pairs = problem.folds(folds, derived(seed, 0))
    with Progress("", len(pairs) * len(contestants), verbose, unit="model") as bar:
        for i, (train, test) in enumerate(pairs):
            fold = problem.fold(train, test)
            for name, predict in contestants.items():
                began = time.perf_counter()
                predictions = predict(fold, derived(seed, 1, i))
                seconds[name] += (time.perf_counter() - began) / len(pairs)
                found = score(split.task, split.outputs, split.y_train[test], predictions)
                for metric, value in found.items():
                    scores[name][metric].append(value)
                bar.step()
    return Comparison(task=split.task, scores=scores, seconds=seconds)
