"""The networks and the jobs that are timed; each is one description for every library."""

import dataclasses
from typing import Any

import keras
import numpy as np
import sklearn.datasets
import tensorflow as tf

import kerasnn

_KERAS_LAYERS: dict[str, Any] = {
    "dense": lambda units: keras.layers.Dense(units, activation="relu"),
    "batch_norm": keras.layers.BatchNormalization,
    "dropout": kerasnn.layers.Dropout,
    "keras_dropout": keras.layers.Dropout,
    "simple_rnn": keras.layers.SimpleRNN,
    "gru": keras.layers.GRU,
    "lstm": keras.layers.LSTM,
    "conv": lambda filters: keras.layers.Conv2D(filters, 3, activation="relu"),
    "pool": keras.layers.MaxPooling2D,
    "flatten": keras.layers.Flatten,
}


@dataclasses.dataclass(frozen=True)
class Network:
    """A classifier, trained by Adam, with loss and accuracy tracked.

    Args:
        name: What the tables call it.
        inputs: Shape of a row.
        hidden: Layers before the last, as `(kind, argument)`; the last is dense with softmax.
        rows: Rows to an epoch, where it is timed step by step.
        outputs: Number of classes.
        policy: Keras's dtype policy.
        epsilon: Adam's, a constant of the compiled program.
    """

    name: str
    inputs: tuple[int, ...]
    hidden: tuple[tuple[Any, ...], ...]
    rows: int = 0
    outputs: int = 10
    policy: str = "float32"
    epsilon: float = 1e-7

    @property
    def kinds(self) -> set[str]:
        """The kinds of its layers."""
        return {kind for kind, *_ in self.hidden}

    @property
    def is_dense(self) -> bool:
        """Whether it has dense layers, and what goes between them, alone."""
        return self.kinds <= {"dense", "batch_norm", "dropout", "keras_dropout"}

    @property
    def engine(self) -> str:
        """The engine that long training takes."""
        convolves_on_cpu = "conv" in self.kinds and not on_gpu()
        return "graph" if convolves_on_cpu else "xla"

    @property
    def engines(self) -> tuple[str, ...]:
        """The engines to time: on a CPU, XLA compiles a larger convolution for minutes."""
        if self.engine == "graph" and self.inputs[0] > 8:
            return ("graph",)
        return ("graph", "xla")

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns random inputs and labels."""
        return noise(self.rows, self.inputs, self.outputs)

    def keras_model(self, **options: Any) -> keras.Model:
        """Returns a new model, compiled with further options."""
        keras.config.set_dtype_policy(self.policy)
        hidden = [_KERAS_LAYERS[kind](*arguments) for kind, *arguments in self.hidden]
        last = keras.layers.Dense(self.outputs, activation="softmax", dtype="float32")
        model = keras.Sequential([keras.Input(self.inputs), *hidden, last])
        keras.config.set_dtype_policy("float32")
        loss = "sparse_categorical_crossentropy"
        optimizer = keras.optimizers.Adam(epsilon=self.epsilon)
        model.compile(optimizer, loss=loss, metrics=["accuracy"], **options)
        return model


@dataclasses.dataclass(frozen=True)
class Job:
    """A whole training, from a fresh model on."""

    network: Network
    x: np.ndarray
    y: np.ndarray
    epochs: int
    batch_size: int = 32
    validation: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def steps(self) -> int:
        """Training steps in all."""
        return self.epochs * -(-len(self.x) // self.batch_size)


def noise(rows: int, inputs: tuple[int, ...], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns normally distributed inputs, and labels that have nothing to do with them."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((rows, *inputs), np.float32)
    return x, generator.integers(classes, size=rows, dtype=np.int32)


def on_gpu() -> bool:
    """Whether TensorFlow computes on a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


_DENSE_64 = ("dense", 64)
_MNIST_CNN = (("conv", 32), ("pool",), ("conv", 64), ("pool",), ("flatten",))
_CIFAR_CNN = (("conv", 32),) * 2 + (("pool",),) + (("conv", 64),) * 2 + (("pool",), ("flatten",))

# Row counts as they come: of the digits (1,797), of others that leave a remainder of 32, and,
# for the recurrent networks, one that does not.
NETWORKS = (
    Network("2-8-2", (2,), (("dense", 8),), rows=1000, outputs=2),
    Network("64-64-10", (64,), (_DENSE_64,), rows=1797),
    Network("784-128-10", (784,), (("dense", 128),), rows=10_000),
    Network("64-64 BN-10", (64,), (_DENSE_64, ("batch_norm",)), rows=1797),
    Network("64-64-10 Dropout", (64,), (_DENSE_64, ("dropout", 0.5)), rows=1797),
    Network("64-64-10 Keras's Dropout", (64,), (_DENSE_64, ("keras_dropout", 0.5)), rows=1797),
    Network("784-128-10 Dropout", (784,), (("dense", 128), ("dropout", 0.5)), rows=10_000),
    Network(
        "784-128-10 Keras's Dropout", (784,), (("dense", 128), ("keras_dropout", 0.5)), rows=10_000
    ),
    Network("SimpleRNN 32, 28 steps", (28, 28), (("simple_rnn", 32),), rows=1024),
    Network("GRU 32, 28 steps", (28, 28), (("gru", 32),), rows=1024),
    Network("LSTM 32, 28 steps", (28, 28), (("lstm", 32),), rows=1024),
    Network("conv16, 8x8", (8, 8, 1), (("conv", 16), ("pool",), ("flatten",)), rows=1797),
    Network("conv32-conv64, 28x28", (28, 28, 1), _MNIST_CNN, rows=2000),
    Network("conv32-conv64, 28x28, bfloat16", (28, 28, 1), _MNIST_CNN, 2000, 10, "mixed_bfloat16"),
    Network("4 convolutions, 32x32x3", (32, 32, 3), _CIFAR_CNN, rows=500),
)


def jobs() -> list[Job]:
    """Returns the jobs that are timed from end to end."""
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    parity = np.array([0, 1, 1, 0], np.int32)
    digits = sklearn.datasets.load_digits()
    images, labels = (digits.data / 16).astype(np.float32), digits.target.astype(np.int32)
    cancer = sklearn.datasets.load_breast_cancer()
    cells = cancer.data
    cells = ((cells - cells.mean(axis=0)) / cells.std(axis=0)).astype(np.float32)
    cnn = (("conv", 32), ("pool",), ("conv", 64), ("flatten",))
    return [
        Job(Network("XOR", (2,), (("dense", 8),), outputs=2), corners, parity, 2000, 4),
        Job(
            Network("digits MLP, validated", (64,), (_DENSE_64,)),
            images[:1437],
            labels[:1437],
            epochs=20,
            validation=(images[1437:], labels[1437:]),
        ),
        Job(Network("digits CNN", (8, 8, 1), cnn), images.reshape(-1, 8, 8, 1), labels, 10),
        Job(
            Network("breast_cancer", (30,), (_DENSE_64, _DENSE_64), outputs=2),
            cells,
            cancer.target.astype(np.int32),
            epochs=5,
        ),
        Job(
            Network("60,000 x 784", (784,), (("dense", 128),)),
            *noise(60_000, (784,), 10),
            epochs=2,
        ),
    ]
