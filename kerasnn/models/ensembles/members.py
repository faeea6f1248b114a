"""The networks of a pack, and the layer that holds them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnn import layers
from kerasnn.tasks import Task

# Half as many as in a network on its own: others of a pack have other frequencies.
_FREQUENCIES = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Columns of a table, and what is made of them.

    Attributes:
        count: Number of columns.
        periodic: Positions of those with periodic embeddings.
        embeddings: Position of each column of indices -> number of its indices.
    """

    count: int
    periodic: Sequence[int]
    embeddings: Mapping[int, int]

    @classmethod
    def of(
        cls, count: int, periodic: Sequence[int] | None, embeddings: Mapping[int, int]
    ) -> "Columns":
        """Returns the columns; of those that are not embedded all are periodic by default."""
        numbers = [i for i in range(count) if i not in embeddings]
        chosen = numbers if periodic is None else [i for i in numbers if i in periodic]
        return cls(count=count, periodic=tuple(chosen), embeddings=embeddings)

    @property
    def width(self) -> int:
        """Number of what the first hidden layer sees."""
        shape: Any = (self.count,)
        for layer in self.layers(1.0):
            shape = layer.compute_output_shape(shape)
        return shape[0]

    def layers(self, sigma: float) -> list[keras.layers.Layer]:
        """Returns the layers that embed them; `sigma` is the spread of the first frequencies."""
        numbers = [i for i in range(self.count) if i not in self.embeddings]
        skip = [place for place, i in enumerate(numbers) if i not in self.periodic]
        stack: list[Any] = []
        if self.embeddings:
            stack.append(layers.EmbedColumns(self.embeddings, dense_gradient=True, name="embed"))
            [width] = stack[-1].compute_output_shape((self.count,))
            skip += range(len(numbers), width)
        if self.periodic:
            stack.append(
                layers.PeriodicEmbedding(
                    sigma=sigma, frequencies=_FREQUENCIES, skip=skip, name="periodic"
                )
            )
        return stack


def member(
    columns: Columns, outputs: int, task: Task, setting: Mapping[str, Any], name: str
) -> keras.Sequential:
    """Returns one network, not compiled.

    Embedded columns, a learned factor of each, and hidden layers in the neural tangent
    parametrisation.

    Args:
        columns: The columns.
        outputs: Number of output units.
        task: The task, which has the activation of the output.
        setting: Hyperparameters by name.
        name: Name of the network.
    """
    stack: list[Any] = [keras.Input((columns.count,), name="features")]
    stack += [*columns.layers(setting["sigma"]), layers.Scale(name="scale")]
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
        periodic: Positions of the columns with periodic embeddings; all by default.
        embeddings: Position of each column of indices -> number of its indices.
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
        periodic: Sequence[int] | None = None,
        embeddings: Mapping[int, int] | None = None,
        counts: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = [dict(setting) for setting in settings]
        self.outputs, self.task, self.repeats = outputs, Task(task), repeats
        self.periodic = None if periodic is None else tuple(periodic)
        self.embeddings = dict(embeddings or {})
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
        columns = Columns.of(input_shape[-1], self.periodic, self.embeddings)
        self.members = [
            member(columns, self.outputs, self.task, setting, f"network_{i}_{k}")
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
            "periodic": self.periodic,
            # The keys of JSON are texts.
            "embeddings": [list(pair) for pair in self.embeddings.items()],
            "counts": list(self.counts),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WeightedMean":
        """Returns the layer that `get_config` described."""
        return cls(**{**config, "embeddings": dict(config["embeddings"])})
