"""`Task`: what a network predicts, with the output activation, loss and metrics."""

import enum
from typing import Any

import keras

from kerasnn import _checks


class Task(enum.StrEnum):
    """What the network predicts. Output activation, loss and metrics follow from it.

    A task equals its name: `Task.BINARY == "binary"`, and every `task=` accepts either.

    | task         | target                       | output units      | activation | loss                            |
    |--------------|------------------------------|-------------------|------------|---------------------------------|
    | `binary`     | 0 or 1                       | 1                 | sigmoid    | binary cross-entropy            |
    | `multiclass` | a class index from 0         | number of classes | softmax    | sparse categorical cross-entropy |
    | `multilabel` | a 0 or 1 for each label      | number of labels  | sigmoid    | binary cross-entropy            |
    | `regression` | real numbers                 | number of values  | linear     | mean squared error              |
    | `count`      | integers from 0              | number of counts  | exponential | Poisson                        |

    Each pairs the output with the loss whose gradient with respect to the pre-activation is
    prediction minus target: the canonical link of a generalised linear model.

    Example:
        >>> Task("multiclass").loss
        'sparse_categorical_crossentropy'

    Reference:
        Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.6.
    """  # noqa: E501

    activation: str
    loss: str
    metrics: list[str]

    def __new__(cls, name: str, activation: str, loss: str, metrics: tuple[str, ...]) -> "Task":
        """Makes a task with its attributes."""
        task = str.__new__(cls, name)
        task._value_ = name
        task.activation = activation
        task.loss = loss
        task.metrics = list(metrics)
        return task

    BINARY = "binary", "sigmoid", "binary_crossentropy", ("accuracy",)
    MULTICLASS = "multiclass", "softmax", "sparse_categorical_crossentropy", ("accuracy",)
    MULTILABEL = "multilabel", "sigmoid", "binary_crossentropy", ("binary_accuracy",)
    REGRESSION = "regression", "linear", "mean_squared_error", ("mean_absolute_error",)
    COUNT = "count", "exponential", "poisson", ("mean_absolute_error",)

    @classmethod
    def _missing_(cls, value: object) -> Any:
        names = [task.value for task in cls]
        _checks.one_of("task", value, names)

    def __repr__(self) -> str:
        """Returns the name in quotes, as it is written in `task=`."""
        return repr(self.value)

    @property
    def is_classification(self) -> bool:
        """Whether the targets are classes."""
        return self in (Task.BINARY, Task.MULTICLASS, Task.MULTILABEL)

    def check_outputs(self, outputs: int) -> None:
        """Raises unless `outputs` units fit the task."""
        _checks.integer("outputs", outputs)
        if self is Task.BINARY and outputs != 1:
            raise _checks.InvalidArgument(
                "outputs",
                "be 1 for task='binary': one sigmoid gives the probability of class 1",
                outputs,
                "For several exclusive classes use task='multiclass', for several labels at "
                "once task='multilabel'.",
            )
        if self is Task.MULTICLASS and outputs < 2:
            raise _checks.InvalidArgument(
                "outputs",
                "be the number of classes, at least 2, for task='multiclass'",
                outputs,
                "For one probability use task='binary'.",
            )

    def compile_arguments(self) -> dict[str, Any]:
        """Returns the `loss` and `metrics` for `compile`, as new objects."""
        metrics: list[Any] = [
            keras.metrics.get(name) for name in self.metrics if name != "accuracy"
        ]
        # "accuracy" stays a name: Keras picks its kind from the output's shape.
        return {"loss": self.loss, "metrics": metrics or ["accuracy"]}
