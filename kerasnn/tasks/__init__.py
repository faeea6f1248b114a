"""What a network is asked to predict; output layer, loss and metrics follow from it."""

from kerasnn.tasks.infer import infer as infer
from kerasnn.tasks.task import Task as Task

binary = Task.BINARY
multiclass = Task.MULTICLASS
multilabel = Task.MULTILABEL
regression = Task.REGRESSION
count = Task.COUNT
