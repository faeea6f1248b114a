"""A wrong choice is an error with its reason, and publishes nothing."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import data, serving


def dense(units=1, activation=None):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation)])


class TwoArguments(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2)

    def call(self, left, right):
        return self.dense(left) + self.dense(right)


class AlwaysDrops(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.5)

    def call(self, x):
        return self.drop(x, training=True)


class Noise(keras.layers.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x))


class InPython(keras.layers.Layer):
    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(np.sin, [x], tf.float32), x.shape)


class ReadsAFile(keras.layers.Layer):
    def call(self, x):
        length = tf.strings.length(tf.io.read_file("/etc/hostname"))
        return x + tf.cast(length, x.dtype)


class Whole(keras.layers.Layer):
    def call(self, x):
        return keras.ops.cast(x, "int32")


class BatchMean(keras.layers.Layer):
    def call(self, x):
        return keras.ops.mean(x)


class SubtractsTheFirst(keras.layers.Layer):
    def call(self, x):
        return x - x[0]


class Complex(keras.layers.Layer):
    def call(self, x):
        return tf.cast(x, tf.complex64)


class Ragged(keras.layers.Layer):
    def call(self, x):
        return tf.RaggedTensor.from_tensor(x)


class Nothing(keras.Model):
    def call(self, x):
        return None


def outputs_nothing():
    model = Nothing()
    model(np.ones((1, 3)))
    return model


def called_with_two():
    model = TwoArguments()
    model(np.ones((1, 3)), np.ones((1, 3)))
    return model


def stateful():
    return keras.Sequential(
        [keras.Input(batch_shape=(2, 5, 3)), keras.layers.GRU(4, stateful=True, name="memory")]
    )


def broken():
    model = dense()
    model.layers[0].bias.assign([np.nan])
    return model


def with_two_outputs():
    features = keras.Input((4,))
    outputs = [keras.layers.Dense(2, "softmax")(features) for _ in range(2)]
    return keras.Model(features, outputs)


def same_names():
    inputs = [keras.Input((1,), name=name) for name in ("a b", "a-b")]
    return keras.Model(inputs, keras.layers.Add()(inputs))


def of(*layers):
    return keras.Sequential([keras.Input((4,)), *layers])


class Huge(keras.layers.Layer):
    def call(self, x):
        return tf.cast(x, tf.float64) * 1e300 + 1e300


def with_a_table_of_nobody():
    pairs = tf.lookup.KeyValueTensorInitializer(tf.constant(["a"]), tf.constant([1.0]))
    table = tf.lookup.StaticHashTable(pairs, 0.0)

    class Finds(keras.layers.Layer):
        def call(self, words):
            return table.lookup(words)

        def compute_output_spec(self, words):
            return keras.KerasTensor(words.shape, "float32")

    return keras.Sequential([keras.Input((2,), dtype="string"), Finds()])


# Case -> how to make the model, the arguments, the argument at fault, and a part of what was got.
WRONG = {
    "beyond float32": (lambda: of(Huge(dtype="float64")), {}, "model", "e+300"),
    "a table that no layer holds": (with_a_table_of_nobody, {}, "model", "a lookup table"),
    "batches beyond reason": (dense, {"batch_sizes": [10**6]}, "batch_sizes", "1000000"),
    "batches beyond memory": (
        lambda: keras.Sequential([keras.Input((10**6,)), keras.layers.Identity()]),
        {"batch_sizes": [1000], "examples": np.ones((1, 10**6), "float32")},
        "batch_sizes",
        "1000",
    ),
    "labels of integers": (
        lambda: of(keras.layers.Softmax(), Whole()),
        {"labels": ["a", "b", "c", "d"]},
        "labels",
        "neither softmax nor sigmoid",
    ),
    "a file name": (lambda: "digits.keras", {}, "model", "digits.keras"),
    "a split": (lambda: data.load("xor"), {}, "model", "a Split"),
    "unbuilt": (lambda: keras.Sequential([keras.layers.Dense(2)], name="raw"), {}, "model", "raw"),
    "two arguments": (called_with_two, {}, "model", "TypeError"),
    "stateful": (stateful, {}, "model", "`memory`"),
    "random in inference": (lambda: of(AlwaysDrops()), {}, "model", "always_drops"),
    "Python": (lambda: of(InPython()), {}, "model", "in_python"),
    "files": (lambda: of(ReadsAFile()), {}, "model", "(ReadFile)"),
    "complex numbers": (lambda: of(Complex()), {}, "model", "complex64"),
    "rows of different lengths": (lambda: of(Ragged()), {}, "model", "RaggedTensor"),
    "no output": (outputs_nothing, {}, "model", "NoneType"),
    "no batch axis": (lambda: of(BatchMean()), {}, "model", "a single number"),
    "equal names": (same_names, {}, "model", "a_b, a_b"),
    "labels on regression": (dense, {"labels": ["a", "b"]}, "labels", "neither"),
    "labels on several outputs": (
        with_two_outputs,
        {"labels": ["a", "b"]},
        "labels",
        "output_0, output_1",
    ),
    "too few labels": (lambda: dense(3, "softmax"), {"labels": ["a", "b"]}, "labels", "2: a, b"),
    "one label for one sigmoid": (lambda: dense(1, "sigmoid"), {"labels": ["a"]}, "labels", "1: a"),
    "version 0": (dense, {"version": 0}, "version", "0"),
    "warmup as text": (dense, {"warmup": "no"}, "warmup", "'no'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_raises_and_publishes_nothing(case, tmp_path, invalid):
    build, arguments, argument, got = WRONG[case]
    model = build()
    with invalid(argument) as caught:
        serving.export(model, tmp_path, **arguments)
    assert got in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "labels", [[0, 1], "ab", ["a\nb", "c"], ["a", "a"], {"a"}, ["a", "\udcff"], []]
)
def test_labels_that_are_no_names(labels, tmp_path, invalid):
    with invalid("labels", value=labels):
        serving.export(dense(2, "softmax"), tmp_path, labels=labels)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: of(Noise()), r"differs by \d\S* of its scale"),
        (broken, "differs by nan"),
        (lambda: of(SubtractsTheFirst()), "mixes the rows of a batch"),
    ],
)
def test_other_outputs_than_the_models_are_not_published(build, reason, tmp_path):
    model = build()
    with pytest.raises(ValueError, match=reason):
        serving.export(model, tmp_path, batch_sizes=[1], signatures=["serving_default"])
    [kept] = tmp_path.iterdir()
    assert kept.name.startswith(".")


def test_places_that_hold_no_versions(tmp_path, invalid):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to(tmp_path / "gone")
    for path in (file, file / "model", link):
        with invalid("path", value=path):
            serving.export(dense(), path)
    assert file.read_text() == "mine"
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("path", [3, "", b"a", "a\0b", "\udcff"])
def test_a_path_that_is_none(path, invalid):
    with invalid("path", value=path):
        serving.export(dense(), path)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a directory that refuses everybody")
def test_a_place_that_cannot_be_written():
    with pytest.raises(OSError, match="`path` must be a directory that can be written"):
        serving.export(dense(), "/proc/model")


def test_versions_that_are_taken(tmp_path, invalid):
    largest = 2**63 - 1
    (tmp_path / "3").write_text("mine")
    (tmp_path / "7").mkdir()
    with invalid("version", value=3):
        serving.export(dense(), tmp_path, version=3, overwrite=True)
    with invalid("version", value=7) as caught:
        serving.export(dense(), tmp_path, version=7)
    assert "The next free one is 8" in caught.value.hint
    (tmp_path / str(largest)).mkdir()
    with invalid("version", value=None):
        serving.export(dense(), tmp_path)
    with invalid("version", value=largest) as caught:
        serving.export(dense(), tmp_path, version=largest)
    assert caught.value.hint.startswith("To replace it")
    (tmp_path / str(largest)).rmdir()
    # No version to the server, nor here.
    (tmp_path / str(2**63)).mkdir()
    assert serving.export(dense(), tmp_path, verify=False).version == 8
    assert (tmp_path / "3").read_text() == "mine"


def test_a_misspelt_argument(tmp_path):
    with pytest.raises(TypeError, match=r"has no argument `lables`. Did you mean `labels`\?"):
        serving.export(dense(), tmp_path, lables=["a"])
