"""The networks of a pack, and the layer that holds them."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnn import layers
from kerasnn.tasks import Task


def member(
    features: int, outputs: int, task: Task, setting: Mapping[str, Any], name: str
) -> keras.Sequential:
    """Returns one network, not compiled.

    Embedded numbers, a learned factor of each, and hidden layers in the neural tangent
    parametrisation.

    Args:
        features: Number of scaled features.
        outputs: Number of output units.
        task: The task, which has the activation of the output.
        setting: Hyperparameters by name.
        name: Name of the network.
    """
    stack: list[Any] = [
        keras.Input((features,), name="features"),
        layers.PeriodicEmbedding(sigma=setting["sigma"], name="embedding"),
        layers.Scale(name="scale"),
    ]
    for i, units in enumerate(setting["hidden"], 1):
        stack += [
            layers.NTKDense(units, name=f"hidden_{i}"),
            layers.ParametricActivation(setting["activation"], name=f"activation_{i}"),
        ]
        if setting["dropout"]:
            stack.append(layers.Dropout(setting["dropout"], name=f"dropout_{i}"))
    stack.append(layers.NTKDense(outputs, activation=task.activation, name="output"))
    return keras.Sequential(stack, name=name)


@keras.saving.register_keras_serializable("kerasnn")
class WeightedMean(keras.layers.Layer):
    """Weighted mean of the networks of several settings; those of weight 0 are not computed.

    Forward: y = sum_s w_s / K sum_k f_sk(x), with K networks of each setting s

    Args:
        settings: Hyperparameters by name, one dictionary a setting.
        outputs: Number of output units of a network.
        task: Name of the task.
        repeats: K.
        counts: Weights up to a common factor, one a setting; equal by default.

    Shape:
        `(batch, features)` -> `(batch, outputs)`.

    Attributes:
        members: The networks, K after one another for each setting.
    """

    def __init__(
        self,
        settings: Sequence[Mapping[str, Any]],
        outputs: int,
        task: str,
        *,
        repeats: int = 1,
        counts: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = [dict(setting) for setting in settings]
        self.outputs, self.task, self.repeats = outputs, Task(task), repeats
        self.counts = tuple(counts or [1] * len(self.settings))
        self.members: list[Any] = []

    @property
    def layers(self) -> list[Any]:
        """The networks."""
        return list(self.members)

    @property
    def metrics(self) -> list[Any]:
        """None: those of the networks are for their own training."""
        return []

    def build(self, input_shape: Any) -> None:
        """Creates the networks."""
        self.members = [
            member(input_shape[-1], self.outputs, self.task, setting, f"network_{i}_{k}")
            for i, setting in enumerate(self.settings)
            for k in range(self.repeats)
        ]

    def call(self, inputs: Any) -> Any:
        """Computes the mean."""
        total: Any = None
        for i, network in enumerate(self.members):
            count = self.counts[i // self.repeats]
            if count:
                part = network(inputs) * (count / (sum(self.counts) * self.repeats))
                total = part if total is None else total + part
        return total

    def compute_output_spec(self, inputs: Any) -> Any:
        """Returns the shape with the outputs in the last axis."""
        return keras.KerasTensor((*inputs.shape[:-1], self.outputs), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "settings": [dict(setting) for setting in self.settings],
            "outputs": self.outputs,
            "task": str(self.task),
            "repeats": self.repeats,
            "counts": list(self.counts),
        }
