"""Greedy selection of the members of an ensemble."""

import numpy as np

from kerasnn.tasks import Task

_LEAST_WEIGHT = 0.1


def losses(task: Task, y: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Returns the loss of each row.

    Args:
        task: The task.
        y: Targets, `(rows,)` class numbers, or `(rows, outputs)`.
        outputs: `(..., rows, outputs)`.
    """
    if task is Task.REGRESSION:
        return np.square(outputs - y).mean(axis=-1)
    tiny = 1e-7
    if task is Task.COUNT:
        return (outputs - y * np.log(outputs + tiny)).mean(axis=-1)
    p = np.clip(outputs, tiny, 1 - tiny)
    if task is Task.MULTICLASS:
        return -np.log(p[..., np.arange(len(y)), y])
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=-1)


def greedy_counts(
    task: Task, y: np.ndarray, outputs: np.ndarray, weights: np.ndarray, rounds: int
) -> tuple[int, ...]:
    """Returns how often each candidate counts in the mean with the least loss that was found.

    Beginning with nothing, each round adds the candidate with which the mean has the least loss;
    the best mean of all rounds is kept, without candidates of a small weight, which cost time at
    each prediction.

    Args:
        task: The task.
        y: Targets of the rows that no candidate has trained on.
        outputs: `(candidates, rows, outputs)`; those with NaN are left out.
        weights: Weight of each row.
        rounds: Number of rounds.

    Reference:
        Caruana et al. (2004), doi:10.1145/1015330.1015432.
    """
    outputs = outputs.astype(np.float64)
    total, counts = np.zeros(outputs.shape[1:]), np.zeros(len(outputs), int)
    best, best_counts = np.inf, counts
    for i in range(rounds):
        loss = losses(task, y, (total + outputs) / (i + 1)) @ weights
        chosen = int(np.argmin(np.where(np.isfinite(loss), loss, np.inf)))
        total, counts = total + outputs[chosen], counts.copy()
        counts[chosen] += 1
        if loss[chosen] < best:
            best, best_counts = loss[chosen], counts
    kept = best_counts >= min(_LEAST_WEIGHT * best_counts.sum(), best_counts.max())
    return tuple(np.where(kept, best_counts, 0).tolist())
