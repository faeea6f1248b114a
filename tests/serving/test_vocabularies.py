"""Models that look words and numbers up, and subclassed ones, of which no dtype is recorded."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving


def lookup(kind, vocabulary, oov=0):
    return kind(vocabulary=vocabulary, num_oov_indices=oov, output_mode="multi_hot")


def strings(*vocabulary):
    return lookup(keras.layers.StringLookup, vocabulary)


def integers(*vocabulary):
    return lookup(keras.layers.IntegerLookup, vocabulary)


def test_each_input_is_asked_for_what_it_looks_up(tmp_path):
    inputs = [
        keras.Input((2,), dtype="string", name="animal"),
        keras.Input((2,), dtype="string", name="plant"),
        keras.Input((1,), dtype="int64", name="code"),
        keras.Input((1,), name="weight"),
    ]
    layers = [strings("ant", "bee"), strings("oak"), integers(10, 20), integers(7)]
    outputs = [layer(tensor) for layer, tensor in zip(layers, inputs, strict=True)]
    report = serving.export(keras.Model(inputs, outputs), tmp_path)
    assert report.largest_difference == 0
    rows = {
        "animal": [["bee", "bee"]],
        "plant": [["oak", "oak"]],
        "code": [[20]],
        "weight": [[7.0]],
    }
    answers = serving.Predictor(report.path)(rows)
    assert [answer.tolist() for answer in answers.values()] == [[[0, 1]], [[1]], [[0, 1]], [[1]]]


def test_what_is_looked_up_twice_comes_from_both_vocabularies(tmp_path):
    words = keras.Input((2,), dtype="string")
    outputs = [strings("ant", "bee")(words[:, :1]), strings("cow", "bee")(words[:, 1:])]
    assert serving.export(keras.Model(words, outputs), tmp_path).largest_difference == 0


def test_vocabularies_with_nothing_in_common_need_inputs_of_their_own(tmp_path):
    words = keras.Input((2,), dtype="string")
    outputs = [strings("ant")(words[:, :1]), strings("cow")(words[:, 1:])]
    with pytest.raises(
        ValueError,
        match=r"is in its vocabulary; got assertion failed: .*\nGive .*each vocabulary an input "
        r"of its own or a place for other values: `num_oov_indices=1`",
    ):
        serving.export(keras.Model(words, outputs), tmp_path)
    assert list(tmp_path.iterdir()) == []


class Ids(keras.Model):
    def __init__(self):
        super().__init__()
        self.embed = keras.layers.Embedding(5, 3, mask_zero=True)
        self.read, self.sum = keras.layers.SimpleRNN(3), keras.layers.Dense(1)

    def call(self, ids):
        return self.sum(self.read(self.embed(ids)))


class Mixed(keras.Model):
    def __init__(self):
        super().__init__()
        self.word, self.code = strings("ant", "bee"), integers(10, 20)

    def call(self, x):
        # A size is rounded, and it is also used as it is.
        rest = x["size"] - keras.ops.cast(keras.ops.cast(x["size"], "int32"), "float32")
        return keras.ops.concatenate([self.word(x["word"]), self.code(x["code"]), rest], axis=-1)


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (Ids, {"features": np.array([[1, 4, 0]], "int32")}),
        (
            Mixed,
            {
                "word": np.array([["bee"]], object),
                "code": np.array([[20]]),
                "size": np.array([[0.5]], "float32"),
            },
        ),
    ],
)
def test_a_subclassed_model_takes_what_it_makes_of_its_inputs(model, rows, tmp_path):
    keras.utils.set_random_seed(0)
    model = model()
    x = {name: tf.constant(value) for name, value in rows.items()}
    expected = model(x.get("features", x)).numpy()
    report = serving.export(model, tmp_path)
    inputs = report.signatures["serving_default"]["inputs"]
    assert {name: spec.dtype for name, spec in inputs.items()} == {
        name: tf.as_dtype(tf.constant(value).dtype) for name, value in rows.items()
    }
    np.testing.assert_allclose(serving.Predictor(report.path)(rows)["predictions"], expected, 1e-6)
