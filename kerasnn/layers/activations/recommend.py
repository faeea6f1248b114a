"""Which activation to use, and why."""

from typing import Any

import keras

from kerasnn import _checks
from kerasnn.layers.activations.leaky_relu import LeakyReLU
from kerasnn.tasks import Task

# The initialiser keeps the variance of the signal from layer to layer, which depends on the
# activation: He et al. (2015), arXiv:1502.01852; Glorot & Bengio (2010); Klambauer et al. (2017),
# arXiv:1706.02515.
INITIALIZERS = {
    "relu": keras.initializers.HeNormal,
    "relu6": keras.initializers.HeNormal,
    "leaky_relu": keras.initializers.HeNormal,
    "elu": keras.initializers.HeNormal,
    "gelu": keras.initializers.HeNormal,
    "silu": keras.initializers.HeNormal,
    "swish": keras.initializers.HeNormal,
    "mish": keras.initializers.HeNormal,
    "softplus": keras.initializers.HeNormal,
    "selu": keras.initializers.LecunNormal,
    "tanh": keras.initializers.GlorotUniform,
    "sigmoid": keras.initializers.GlorotUniform,
    "hard_sigmoid": keras.initializers.GlorotUniform,
    "softsign": keras.initializers.GlorotUniform,
    "linear": keras.initializers.GlorotUniform,
}
# The family of "relu" as layers, which have no name to be looked up by.
_RECTIFIERS = (
    LeakyReLU,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
)

# The decision tree. Hidden layers: by network.
HIDDEN = {
    "mlp": (
        "relu",
        "its derivative is 1 wherever a unit fires, so that gradients do not vanish with depth, "
        "and it is cheap; where many units die, take LeakyReLU",
    ),
    "cnn": (
        "relu",
        "its derivative is 1 wherever a filter fires, so that gradients pass through deep stacks, "
        "and its zeros make feature maps sparse; where many filters die, take LeakyReLU",
    ),
    "rnn": (
        "tanh",
        "the same weights act at every step, so that an unbounded activation lets the state "
        "explode; tanh bounds it and is centred on 0",
    ),
}
# The output: the activation is the task's own, whatever the network.
OUTPUT = {
    Task.BINARY: "one unit gives the probability of class 1, which lies between 0 and 1",
    Task.MULTICLASS: "the classes exclude each other: their probabilities are positive and sum to "
    "1",
    Task.MULTILABEL: "each label is a yes or no of its own, with a probability of its own",
    Task.REGRESSION: "a target may be any real number, and so must the output",
    Task.COUNT: "the mean of counts is positive, and effects on it multiply",
}


class RecommendedActivation(str):
    """The name of an activation, with the reason for it.

    It is a string, and can be given wherever Keras or kerasnn takes an activation by name.

    Attributes:
        reason: Why this one, in a sentence.
        initializer: Name of the initialiser that suits the kernel in front of it.
    """

    reason: str
    initializer: str

    def __new__(cls, name: str, reason: str) -> "RecommendedActivation":
        """Keeps the reason and the initialiser beside the name."""
        recommended = super().__new__(cls, name)
        recommended.reason = reason
        recommended.initializer = initializer_for(name).__name__
        return recommended

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns what a copy is made from."""
        return type(self), (str(self), self.reason)


@_checks.known_arguments
def recommend_activation(
    task: str, position: str = "hidden", network: str = "mlp"
) -> RecommendedActivation:
    """Recommends an activation; the builders of `kerasnn.models` follow it.

    | position | network    | task                   | activation  |
    |----------|------------|------------------------|-------------|
    | hidden   | mlp or cnn | any                    | relu        |
    | hidden   | rnn        | any                    | tanh        |
    | output   | any        | binary, multilabel     | sigmoid     |
    | output   | any        | multiclass             | softmax     |
    | output   | any        | regression             | linear      |
    | output   | any        | count                  | exponential |

    Args:
        task: What the network predicts; see `kerasnn.tasks.Task`.
        position: `"hidden"` for the layers inside, `"output"` for the last.
        network: `"mlp"`, `"cnn"` or `"rnn"`.

    Returns:
        The activation's name, a string with the attributes `reason` and `initializer`.

    Raises:
        ValueError: If an argument is unknown.

    Example:
        >>> output = recommend_activation("multiclass", "output")
        >>> print(output, "because", output.reason)
        softmax because the classes exclude each other: their probabilities are positive and sum
        to 1
        >>> keras.layers.Dense(3, activation=output).activation.__name__
        'softmax'

    Reference:
        Goodfellow, Bengio & Courville (2016), Deep Learning, sections 6.2.2, 6.3 and 10.2.
    """
    task = Task(task)
    _checks.one_of("position", position, ("hidden", "output"))
    _checks.one_of("network", network, HIDDEN)
    if position == "output":
        return RecommendedActivation(task.activation, OUTPUT[task])
    return RecommendedActivation(*HIDDEN[network])


def initializer_for(activation: Any) -> type[keras.initializers.Initializer]:
    """Returns the initialiser that suits an activation, given by name, as a function or a layer."""
    if isinstance(activation, _RECTIFIERS):
        return keras.initializers.HeNormal
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", "")
    return INITIALIZERS.get(name, keras.initializers.GlorotUniform)
