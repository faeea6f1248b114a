"""Recommended activations and initializers."""

from typing import Any

import keras

from kerasnn import _checks
from kerasnn.layers.activations.leaky_relu import LeakyReLU
from kerasnn.tasks import Task

# Initializers that keep the variance of the outputs from layer to layer, by activation: He et al.
# (2015), arXiv:1502.01852; Glorot & Bengio (2010); Klambauer et al. (2017),
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
# Layers of the ReLU family, which cannot be looked up by name.
_RECTIFIERS = (
    LeakyReLU,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ELU,
)

# Hidden layers, by kind of network: activation and reason.
HIDDEN = {
    "mlp": (
        "relu",
        "its derivative is 1 wherever a unit is active, so that gradients do not vanish with "
        "depth, and it is cheap; if many units die, use LeakyReLU",
    ),
    "cnn": (
        "relu",
        "its derivative is 1 wherever a filter is active, so that gradients pass through deep "
        "stacks, and its zeros make feature maps sparse; if many filters die, use LeakyReLU",
    ),
    "rnn": (
        "tanh",
        "the same weights are applied at every step, so that with an unbounded activation the "
        "state can explode; tanh is bounded and centred on 0",
    ),
}
# Reasons for the output activation, which follows from the task for every network.
OUTPUT = {
    Task.BINARY: "one unit predicts the probability of class 1, which lies between 0 and 1",
    Task.MULTICLASS: "the classes are mutually exclusive: their probabilities are positive and "
    "sum to 1",
    Task.MULTILABEL: "each label is a separate yes or no, with its own probability",
    Task.REGRESSION: "a target may be any real number, so the output must be unbounded",
    Task.COUNT: "the mean of a count is positive, and effects on it are multiplicative",
}


class RecommendedActivation(str):
    """The name of an activation, with the reason for it.

    It is a string, and can be passed wherever Keras or kerasnn takes an activation by name.

    Attributes:
        reason: Why this activation is recommended, in a sentence.
        initializer: Name of the initializer that suits the kernel in front of it.
    """

    reason: str
    initializer: str

    def __new__(cls, name: str, reason: str) -> "RecommendedActivation":
        """Creates the string with its reason and initializer."""
        recommended = super().__new__(cls, name)
        recommended.reason = reason
        recommended.initializer = initializer_for(name).__name__
        return recommended

    def __reduce__(self) -> tuple[Any, ...]:
        """Returns the class and the arguments of a copy."""
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
        position: `"hidden"` for hidden layers, `"output"` for the last layer.
        network: `"mlp"`, `"cnn"` or `"rnn"`.

    Returns:
        The activation's name, a string with the attributes `reason` and `initializer`.

    Raises:
        InvalidArgument: If an argument is unknown.

    Example:
        >>> output = recommend_activation("multiclass", "output")
        >>> print(output, "because", output.reason)
        softmax because the classes are mutually exclusive: their probabilities are positive and
        sum to 1
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
    """Returns the initializer class for an activation, given as a name, a function or a layer."""
    if isinstance(activation, _RECTIFIERS):
        return keras.initializers.HeNormal
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", "")
    return INITIALIZERS.get(name, keras.initializers.GlorotUniform)
