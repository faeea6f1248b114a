"""A wrong choice is an error that says so, and publishes nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving


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


class Complex(keras.layers.Layer):
    def call(self, x):
        return tf.cast(x, tf.complex64)


class Ragged(keras.layers.Layer):
    def call(self, x):
        return tf.RaggedTensor.from_tensor(x)


class Nothing(keras.Model):
    def call(self, x):
        return None


def answers_nothing():
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


def noisy():
    # With a seed, TensorFlow's noise is the same in the first call of every graph.
    keras.utils.set_random_seed(0)
    return of(Noise())


def of(*layers):
    return keras.Sequential([keras.Input((4,)), *layers])


class ScalesBytes(keras.Model):
    def call(self, x):
        return keras.ops.divide(x, 255) if x.dtype == "uint8" else x


def called_with_bytes():
    model = ScalesBytes()
    model(np.ones((1, 3), "uint8"))
    return model


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


def of_no_length():
    length = keras.Input((None,))
    return keras.Model(length, keras.layers.Reshape((77,))(length))


WRONG = {
    "another answer for another dtype": (
        called_with_bytes,
        {},
        "must give the same numbers the same answer in every dtype; .*`scales_bytes.*` answers "
        "uint8 otherwise .* Make its inputs known",
    ),
    "beyond float32": (
        lambda: of(Huge(dtype="float64")),
        {},
        r"must give numbers that float32 holds, up to 3.4e38, in its output `predictions`; got \d",
    ),
    "a table that no layer holds": (
        with_a_table_of_nobody,
        {},
        "must hold all that it needs; it reads a lookup table, .* keep it there as an attribute",
    ),
    "no length that is tried": (
        of_no_length,
        {"verify": False},
        r"(?s)must answer rows of some size, .*`features` of shape \(None, None\). Of the .*231\n"
        "Give its `keras.Input` a size in place of None",
    ),
    "batches beyond reason": (
        dense,
        {"batch_sizes": [10**6]},
        r"`batch_sizes` must be at most 65536 rows; got batch_sizes=\[1000",
    ),
    "batches beyond memory": (
        lambda: keras.Sequential([keras.Input((10**6,)), keras.layers.Identity()]),
        {"batch_sizes": [1000]},
        r"`batch_sizes` must be at most 536 for rows of 4000000 bytes, for a request has 2 GiB",
    ),
    "labels of whole numbers": (
        lambda: of(keras.layers.Softmax(), Whole()),
        {"labels": ["a", "b", "c", "d"]},
        "`model` ends in neither softmax nor sigmoid",
    ),
    "a file name": (
        lambda: "digits.keras",
        {},
        r"`model` must be a Keras model; got model='digits.keras'. Load a file first, with "
        r"`keras.saving.load_model`",
    ),
    "unbuilt": (
        lambda: keras.Sequential([keras.layers.Dense(2)], name="raw"),
        {},
        "`model` must be built, so that its inputs are known; `raw` is not. Call it on a batch",
    ),
    "two arguments": (
        called_with_two,
        {},
        r"(?s)`model` must answer .* for x of shape \(None, 3\); got TypeError: .*"
        r"export `keras.Model\(inputs, model\(inputs\)\)`",
    ),
    "stateful": (
        stateful,
        {},
        "`model` must not keep state between calls.*; the layer `memory` is stateful. Build it "
        "with stateful=False",
    ),
    "random in inference": (
        lambda: of(AlwaysDrops()),
        {},
        "`model` must not change its variables when it predicts.*always_drops.*"
        "must be off when training=False",
    ),
    "Python": (
        lambda: of(InPython()),
        {},
        "`model` must be made of TensorFlow's operations; .*in_python.* calls Python",
    ),
    "files": (
        lambda: of(ReadsAFile()),
        {},
        r"`model` must hold all that it needs; its operation `.*reads_a_file.*` \(ReadFile\) uses",
    ),
    "complex numbers": (
        lambda: of(Complex()),
        {},
        "`model` must give real numbers or strings; its output `predictions` is complex64",
    ),
    "rows of different lengths": (
        lambda: of(Ragged()),
        {},
        "must give real numbers or strings; its output `predictions` is RaggedTensor",
    ),
    "no answer": (
        answers_nothing,
        {},
        "must give real numbers or strings; its output `predictions` is NoneType",
    ),
    "noise": (
        noisy,
        {},
        r"its output `predictions` of `serving_default` differs by \d\S* of its scale, more than "
        "1e-05",
    ),
    "NaN": (
        broken,
        {},
        "its output `predictions` .* differs by nan .* Look for NaN in the weights",
    ),
    "no batch axis": (
        lambda: of(BatchMean()),
        {},
        "must give one answer a row, .*; its output `predictions` is a single number for the whole",
    ),
    "equal names": (
        same_names,
        {},
        "`model` must have inputs of different names, .*; got a_b, a_b. Rename its `Input` layers",
    ),
    "labels on regression": (
        dense,
        {"labels": ["a", "b"]},
        "`labels` must name the classes of a classifier; `model` ends in neither softmax nor "
        "sigmoid. For regression leave `labels` out",
    ),
    "labels on several outputs": (
        with_two_outputs,
        {"labels": ["a", "b"]},
        "`labels` must name the units of one output; `model` has 2: output_0, output_1",
    ),
    "too few labels": (
        lambda: dense(3, "softmax"),
        {"labels": ["a", "b"]},
        "`labels` must name the output's 3 units; got 2: a, b",
    ),
    "one label for one sigmoid": (
        lambda: dense(1, "sigmoid"),
        {"labels": ["a"]},
        "`labels` must name the 2 classes of one sigmoid; got 1: a",
    ),
    "labels that are numbers": (
        lambda: dense(2, "softmax"),
        {"labels": [0, 1]},
        r"`labels` must be a sequence of names .*; got labels=\[0, 1\]. Of numbers, make names",
    ),
    "labels in one string": (
        lambda: dense(2, "softmax"),
        {"labels": "ab"},
        "`labels` must be a sequence of names of one line each.*; got labels='ab'",
    ),
    "labels of two lines": (
        lambda: dense(2, "softmax"),
        {"labels": ["a\nb", "c"]},
        "`labels` must be a sequence of names of one line each",
    ),
    "one label twice": (
        lambda: dense(3, "softmax"),
        {"labels": ["a", "b", "a"]},
        "`labels` must name each class otherwise; 'a' is there 2 times",
    ),
    "labels without an order": (
        lambda: dense(2, "softmax"),
        {"labels": {"a", "b"}},
        "`labels` must be a sequence of names of one line each",
    ),
    "labels that are no text": (
        lambda: dense(2, "softmax"),
        {"labels": ["a", "\udcff"]},
        "`labels` must be a sequence of names of one line each in UTF-8",
    ),
    "warmup as text": (
        dense,
        {"warmup": "no"},
        "`warmup` must be True or False; got warmup='no'",
    ),
    "a version of more than 64 bits": (
        dense,
        {"version": 2**63},
        r"`version` must fit into int64, below 2\*\*63; got version=9223372036854775808",
    ),
    "version 0": (
        dense,
        {"version": 0},
        "`version` must be a whole number of at least 1; got version=0. Leave it out",
    ),
    "version as text": (
        dense,
        {"version": "2"},
        "`version` must be a whole number of at least 1; got version='2'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_raises_and_publishes_nothing(case, tmp_path):
    build, arguments, message = WRONG[case]
    model = build()
    with pytest.raises(ValueError, match=message):
        serving.export(model, tmp_path, **arguments)
    assert [entry.name for entry in tmp_path.iterdir() if not entry.name.startswith(".")] == []


def test_inputs_that_the_model_cannot_take(tmp_path):
    model = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(1, 3)])
    with pytest.raises(
        ValueError,
        match=r"(?s)`model` must answer the inputs that an export is checked with: .*is not in "
        r"\[0, 1\).*Give each `keras.Input` the dtype",
    ):
        serving.export(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_place_for_versions(tmp_path):
    file = tmp_path / "model"
    file.write_text("mine")
    with pytest.raises(ValueError, match=r"`path` must be a directory .*; got the file '.*model'"):
        serving.export(dense(), file)
    assert file.read_text() == "mine"


def test_a_path_below_a_file_and_a_link_to_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"`path` must be a directory .*; got the file '.*/file'"):
        serving.export(dense(), tmp_path / "file" / "model")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"`path` must .*; got the link to nothing '.*/link'"):
        serving.export(dense(), tmp_path / "link")
    assert not (tmp_path / "gone").exists()


def test_a_file_with_a_version_for_a_name(tmp_path):
    (tmp_path / "3").write_text("mine")
    with pytest.raises(
        ValueError, match=r"`version` must be new, or that of a directory, which '.*/3' is not; got"
    ):
        serving.export(dense(), tmp_path, version=3, overwrite=True)
    assert (tmp_path / "3").read_text() == "mine"


def test_after_the_largest_version_there_is_none(tmp_path):
    largest = tmp_path / str(2**63 - 1)
    largest.mkdir()
    with pytest.raises(
        ValueError, match=r"`version` must be given .* has the largest .*, 92233720"
    ):
        serving.export(dense(), tmp_path)
    with pytest.raises(ValueError, match=r"`version` must be new .*775807. To replace it, give ov"):
        serving.export(dense(), tmp_path, version=2**63 - 1)
    largest.rmdir()
    # No version to the server, nor here.
    (tmp_path / str(2**63)).mkdir()
    assert serving.export(dense(), tmp_path, verify=False).version == 1


@pytest.mark.parametrize("path", [3, "", b"a", "a\0b", "\udcff"])
def test_a_path_that_is_none(path):
    with pytest.raises(ValueError, match=r"`path` must be the directory of the .*; got path="):
        serving.export(dense(), path)


def test_an_existing_version(tmp_path):
    (tmp_path / "7").mkdir()
    with pytest.raises(
        ValueError,
        match=r"`version` must be new in .*; got version=7. The next free one is 8; leave ",
    ):
        serving.export(dense(), tmp_path, version=7)
    assert list((tmp_path / "7").iterdir()) == []


def test_a_misspelt_argument(tmp_path):
    with pytest.raises(TypeError, match=r"has no argument `lables`. Did you mean `labels`\?"):
        serving.export(dense(), tmp_path, lables=["a"])
