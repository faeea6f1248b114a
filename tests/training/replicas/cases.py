"""Trainings that processes run under a strategy and on one device, and what they compare."""

import json
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import kerasnn

rng = np.random.default_rng(0)
ROWS = 70
X = rng.normal(size=(ROWS, 5)).astype("float32")
Y = rng.integers(0, 3, ROWS)
WEIGHTS = rng.uniform(0.2, 2.0, ROWS).astype("float32")
IMAGES = rng.normal(size=(ROWS, 6, 6, 1)).astype("float32")
INDICES = rng.integers(0, 9, (ROWS, 4))
# The last of them has one row, so that some replicas have none.
UNEVEN = {"batch_size": 23}
LOSS = "sparse_categorical_crossentropy"


def network(optimizer="adam", *, shape=(5,), hidden=(), l2=0.0, **arguments):
    """A compiled classifier, always with the same weights."""
    keras.utils.set_random_seed(1)
    penalty = keras.regularizers.L2(l2) if l2 else None
    first = [] if hidden else [keras.layers.Dense(6, "relu", kernel_regularizer=penalty)]
    layers = [*first, *(make() for make in hidden), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input(shape), *layers] if shape else layers)
    optimizer = optimizer() if callable(optimizer) else optimizer
    metrics = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    model.compile(optimizer, **{"loss": LOSS, **metrics, **arguments})
    return model


def two_outputs():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((5,))
    outputs = {"a": keras.layers.Dense(3, "softmax"), "b": keras.layers.Dense(1)}
    model = keras.Model(inputs, {name: layer(inputs) for name, layer in outputs.items()})
    model.compile("adam", {"a": LOSS, "b": "mse"}, metrics={"a": ["accuracy"]})
    return model


def sgd(**arguments):
    return lambda: keras.optimizers.SGD(0.1, **arguments)


def stream(x=X, size=23):
    return (tf.data.Dataset.from_tensor_slices((x, Y)).batch(size),)


def write_streams(folder):
    """Writes a table and a folder of images, which are read by `read_stream`."""
    lines = [f"{a},{b},{'xyz'[c]}" for (a, b), c in zip(X[:, :2], Y, strict=True)]
    (folder / "table.csv").write_text("\n".join(["a,b,kind", *lines]))
    for name in "xyz":
        (folder / "images" / name).mkdir(parents=True)
        for i in range(9):
            pixels = rng.integers(0, 256, (3, 3, 3))
            keras.utils.save_img(folder / "images" / name / f"{i}.png", pixels, scale=False)


def read_stream(path):
    """A split that is not in memory; the last batch is smaller."""
    if path.is_dir():
        return kerasnn.data.from_directory(path, image_size=(3, 3), in_memory=False, batch_size=5)
    return kerasnn.data.from_csv(path, "kind", in_memory=False, batch_size=13)


# Row i has the number i in its inputs, and belongs to the class i % 2.
NUMBERED = {"csv": 40, "images": 24, "tfds": 20}


def numbered_split(kind, folder):
    """A split that is not in memory, with as many training rows as `NUMBERED` says."""
    settings = {"in_memory": False, "batch_size": 9}
    if kind == "csv":
        lines = [f"{i},{'ab'[i % 2]}" for i in range(50)]
        (folder / "rows.csv").write_text("\n".join(["number,kind", *lines]))
        return kerasnn.data.from_csv(folder / "rows.csv", "kind", **settings)
    if kind == "images":
        for i in range(30):
            (folder / kind / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
            path = folder / kind / "ab"[i % 2] / f"{i}.png"
            keras.utils.save_img(path, np.full((3, 3, 3), i), scale=False)
        return kerasnn.data.from_directory(folder / kind, image_size=(3, 3), **settings)

    def rows(*_, **__):
        numbers = np.arange(20)
        images = np.broadcast_to(numbers[:, None, None, None], (20, 28, 28, 1)).astype("uint8")
        return tf.data.Dataset.from_tensor_slices({"image": images, "label": numbers % 2})

    with tfds.testing.mock_data(num_examples=20, as_dataset_fn=rows):
        return kerasnn.data.from_tfds("mnist", split=("train", "test"), **settings)


class OneHot(keras.layers.Layer):
    """Gives each row a 1 in the place of its number."""

    def call(self, inputs):
        rows = keras.ops.reshape(inputs, (keras.ops.shape(inputs)[0], -1))
        return keras.ops.one_hot(keras.ops.cast(rows[:, 0], "int32"), 50)


def counted(strategy, folder):
    """Trains an epoch on streams, with a weight for each row, which no other row changes.

    Returns:
        For each stream how far the gradients of each row have moved its weight, where a row that
        was seen once in a batch of n rows gives 1 / n.
    """
    found = {}
    for kind in NUMBERED:
        split = numbered_split(kind, folder)
        with strategy.scope():
            initial = keras.initializers.Constant(-1.0)
            layer = keras.layers.Dense(1, use_bias=False, kernel_initializer=initial)
            inputs = keras.Input(split.x_train.element_spec[0].shape[1:])
            model = keras.Model(inputs, layer(OneHot()(inputs)))
            model.compile(keras.optimizers.SGD(1.0), "mse")
        kerasnn.fit(model, split.x_train, verbose=0)
        moved = np.ravel(model.get_weights()[0]) + 1
        found[kind] = (moved / (2 * (1 + np.arange(50) % 2))).tolist()
    return found


def check_counted(found):
    """Checks that each row was seen once: in batches of 9 rows, or the smaller last one."""
    for kind, rows in NUMBERED.items():
        wanted = [1 / 9] * (rows - rows % 9) + [1 / (rows % 9)] * (rows % 9)
        got = [each for each in found[kind] if each]
        np.testing.assert_allclose(np.sort(got), np.sort(wanted), rtol=1e-5, err_msg=kind)


def stream_network(shape):
    """A compiled classifier for rows or small images, always with the same weights."""
    hidden = IMAGE_LAYERS if len(shape) > 1 else [lambda: keras.layers.Dense(6, "relu")]
    return network(sgd(momentum=0.9), shape=shape, hidden=hidden)


IMAGE_LAYERS = (lambda: keras.layers.Rescaling(1 / 255), keras.layers.Flatten)
CONVOLUTION = (
    lambda: keras.layers.Conv2D(3, 3, activation="relu"),
    keras.layers.MaxPooling2D,
    keras.layers.Flatten,
)
NORMALIZED = (lambda: keras.layers.Dense(6, "relu"), keras.layers.BatchNormalization)
EMBEDDING = (lambda: keras.layers.Embedding(9, 3), keras.layers.Flatten)
BOTH = {"a": Y[:64], "b": X[:64, :1]}
WEIGHTED = {**UNEVEN, "sample_weight": WEIGHTS}
VALIDATED = {**WEIGHTED, "validation_data": (X[:37], Y[:37], WEIGHTS[:37])}
# Name -> what makes the model, the data, and the arguments of `fit`.
CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "sgd": (lambda: network(sgd()), (X, Y), WEIGHTED),
    "momentum and L2": (
        lambda: network(sgd(momentum=0.9, nesterov=True), l2=0.01),
        (X, Y),
        WEIGHTED,
    ),
    "adam": (lambda: network(l2=0.01), (X, Y), VALIDATED),
    "normalization": (lambda: network(hidden=NORMALIZED), (X, Y), {}),
    "clipped norm": (lambda: network(sgd(clipnorm=0.05)), (X, Y), UNEVEN),
    "clipped global norm": (lambda: network(sgd(global_clipnorm=0.05)), (X, Y), UNEVEN),
    "own sgd": (
        lambda: network(lambda: kerasnn.optimizers.SGD(0.1, momentum=0.9, l1=1e-3)),
        (X, Y),
        UNEVEN,
    ),
    "own adamw": (lambda: network(lambda: kerasnn.optimizers.AdamW(0.01)), (X, Y), UNEVEN),
    "averaged weights": (lambda: network(sgd(use_ema=True)), (X, Y), UNEVEN),
    "one batch": (lambda: network(), (X, Y), {"batch_size": "full"}),
    "class weights": (lambda: network(), (X, Y), {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}),
    "convolution": (
        lambda: network(shape=(6, 6, 1), hidden=CONVOLUTION),
        (IMAGES, Y),
        {"batch_size": 33},
    ),
    "embedding, sgd": (
        lambda: network(sgd(momentum=0.9), shape=(4,), hidden=EMBEDDING),
        (INDICES, Y),
        UNEVEN,
    ),
    "embedding, adam": (
        lambda: network(lambda: kerasnn.optimizers.AdamW(0.01), shape=(4,), hidden=EMBEDDING),
        (INDICES, Y),
        UNEVEN,
    ),
    "recurrent": (
        lambda: network(shape=(6, 6), hidden=[lambda: keras.layers.LSTM(4)]),
        (IMAGES[..., 0], Y),
        UNEVEN,
    ),
    "made without an input": (lambda: network(shape=None), (X, Y), UNEVEN),
    "two outputs": (two_outputs, (X[:64], BOTH), {"batch_size": 24}),
    "mlp": (
        lambda: kerasnn.models.mlp(5, 3, task="multiclass", batch_norm=True, l2=1e-3, seed=1),
        (X, Y),
        {"validation_split": 0.2},
    ),
    "stream": (lambda: network(), stream, {"validation_data": stream}),
    "stream, convolution": (
        lambda: network(shape=(6, 6, 1), hidden=CONVOLUTION),
        lambda: stream(IMAGES, 33),
        {},
    ),
}
QUICK = ("sgd", "momentum and L2", "adam", "normalization")


def distance(got, wanted):
    """The largest difference between two structures of numbers, relative to values above 1."""
    pairs = zip(keras.tree.flatten(got), keras.tree.flatten(wanted), strict=True)
    arrays: Any = [(np.asarray(a, "float64"), np.asarray(b, "float64")) for a, b in pairs]
    return max((float((abs(a - b) / np.maximum(1, abs(b))).max()) for a, b in arrays if a.size))


def settings(model):
    """What a trace in replicas changes for its time."""
    limits = [getattr(model.optimizer, name) for name in ("clipnorm", "global_clipnorm")]
    return [*limits, *(getattr(layer, "synchronized", None) for layer in model.layers)]


def compare(strategy, name):
    """Trains under a strategy and on one device; returns how far the results are apart."""
    build, made, given = CASES[name]
    # A process makes its devices before any tensor.
    arguments = {key: value()[0] if callable(value) else value for key, value in given.items()}
    data: Any = made() if callable(made) else made
    with strategy.scope():
        divided = build()
    alone = build()
    histories: Any = [
        kerasnn.fit(model, *data, **{"epochs": 3, "verbose": 0, "seed": 0, **arguments})
        for model in (divided, alone)
    ]
    found = {
        "engine": histories[0].engine,
        "reason": histories[0].reason,
        "weights": distance(divided.get_weights(), alone.get_weights()),
        "history": distance(*(history.history for history in histories)),
        "settings": [settings(model) for model in (divided, alone)],
        "bits": [each.tobytes().hex() for each in divided.get_weights()],
    }
    if len(data) == 2:
        given = {"verbose": 0, "batch_size": 32, "return_dict": True}
        results = [kerasnn.training.evaluate(m, *data, **given) for m in (divided, alone)]
        found["evaluation"] = distance(*results)
        outputs = [kerasnn.training.predict(m, data[0], verbose=0) for m in (divided, alone)]
        found["predictions"] = distance(*outputs)
    return found


def report(results):
    """Prints what a process found, as its last line."""
    print(json.dumps(results), flush=True)


def environment(**more):
    """The environment of a process of its own."""
    return {**os.environ, "KERASNN_COMPILATION_CACHE": "0", "TF_CPP_MIN_LOG_LEVEL": "3", **more}
