"""Tasks: binary, multiclass, multilabel, regression, count."""

from kerasnn.tasks.infer import infer
from kerasnn.tasks.task import Task

binary = Task.BINARY
multiclass = Task.MULTICLASS
multilabel = Task.MULTILABEL
regression = Task.REGRESSION
count = Task.COUNT

__all__ = [
    "Task",
    "binary",
    "count",
    "infer",
    "multiclass",
    "multilabel",
    "regression",
]


def __dir__() -> list[str]:
    return sorted(__all__)
