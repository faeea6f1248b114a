"""What a network is asked to predict; output layer, loss and metrics follow from it."""

from kerasnn.tasks.infer import infer
from kerasnn.tasks.task import Task

binary = Task.BINARY
multiclass = Task.MULTICLASS
multilabel = Task.MULTILABEL
regression = Task.REGRESSION
count = Task.COUNT

__all__ = [
    "Task",
    "infer",
]


def __dir__() -> list[str]:
    return sorted(__all__)
