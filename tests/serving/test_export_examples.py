"""Example rows of an export: the user's, or made ones."""

import json
import shlex

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving
from kerasnn.serving.graph import example_rows
from kerasnn.serving.graph.tensor_names import of_inputs
from kerasnn.serving.runtime import recorded_examples
from tests.helpers.seeds import set_seeds


def specs(inputs):
    flat = keras.tree.flatten(inputs)
    return {
        name: tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for name, tensor in zip(of_inputs(inputs), flat, strict=True)
    }


def strings(*vocabulary):
    lookup = keras.layers.StringLookup
    return lookup(vocabulary=vocabulary, num_oov_indices=0, output_mode="multi_hot")


def test_examples_are_recorded_verified_and_shown_in_the_card(tmp_path):
    words = keras.Input((2,), dtype="string", name="both words")
    sizes = keras.Input((1,), name="size")
    # Each word must be in its vocabulary.
    outputs = [strings("ant")(words[:, :1]), strings("cow", "bee")(words[:, 1:]), sizes]
    model = keras.Model({"both words": words, "size": sizes}, outputs)
    rows = {"both words": [["ant", "bee"], ["ant", "cow"]], "size": [[0.25], [0.5]]}
    report = serving.export(model, tmp_path, examples=rows)
    assert report.largest_difference == 0
    recorded = recorded_examples.read(report.path / recorded_examples.FILE)["serving_default"]
    assert recorded.inputs["both_words"].tolist() == [[b"ant", b"bee"], [b"ant", b"cow"]]
    assert recorded.inputs["size"].dtype == np.float32
    card = json.loads((report.path / "assets.extra" / "model_card.json").read_text())
    body = json.loads(shlex.split(card["requests"]["curl"]["serving_default"])[2])
    [instance] = body["instances"]
    assert instance["size"] == [0.25]


def test_a_model_that_refuses_made_rows_needs_examples(tmp_path, invalid):
    words = keras.Input((1,), dtype="string")
    model = keras.Model(words, strings("ant", "bee")(words))
    with invalid("examples", value=None) as caught:
        serving.export(model, tmp_path)
    assert "examples=" in caught.value.hint
    with invalid("examples"):
        serving.export(model, tmp_path, examples=np.array([["cow"]]))
    assert list(tmp_path.iterdir()) == []


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.embed = keras.layers.Embedding(5, 3, mask_zero=True)
        self.read, self.sum = keras.layers.SimpleRNN(3), keras.layers.Dense(1)

    def call(self, x):
        numbers = self.sum(self.read(self.embed(x["ids"])))
        return numbers + keras.ops.cast(x["flags"], "float32") + x["sizes"]


def test_a_subclassed_model_takes_the_dtypes_of_its_examples(tmp_path):
    set_seeds(0)
    rows = {
        "ids": np.array([[1, 4, 0], [2, 2, 2]], "int32"),
        "flags": np.array([[True], [False]]),
        "sizes": np.array([[0.5], [1.5]]),
    }
    model = Subclassed()
    expected = model(rows).numpy()
    report = serving.export(model, tmp_path, examples=rows, verify=False)
    inputs = report.signatures["serving_default"]["inputs"]
    assert {name: spec.dtype.name for name, spec in inputs.items()} == {
        "ids": "int32",
        "flags": "bool",
        "sizes": "float32",
    }
    outputs = serving.Predictor(report.path)(rows)["predictions"]
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "examples"),
    [
        (keras.Input((2,)), [[1, 2], [3, 4]]),
        (keras.Input((2,)), {"features": np.array([[1, 2], [3, 4]])}),
        ([keras.Input((2,), name="a")], [[1, 2], [3, 4]]),
    ],
)
def test_rows_of_one_input(inputs, examples):
    [array] = example_rows.given(examples, inputs, specs(inputs)).values()
    assert (array.tolist(), array.dtype) == ([[1, 2], [3, 4]], np.float32)


def test_rows_of_several_inputs():
    a, b = keras.Input((), name="a"), keras.Input((), name="b", dtype="int32")
    for inputs, examples in (
        ([a, b], [[0.5], [1]]),
        ([a, b], (np.array([0.5]), [1])),
        ([a, b], {"b": [1], "a": [0.5]}),
        ({"x": a, "y": [b]}, {"x": [0.5], "y": [[1]]}),
    ):
        found = example_rows.given(examples, inputs, specs(inputs))
        assert [array.tolist() for array in found.values()] == [[0.5], [1]]


@pytest.mark.parametrize(
    ("examples", "argument"),
    [
        (np.ones((3, 2)), "examples"),
        ([[0.5]], "examples"),
        ([[0.5], [1], [2]], "examples"),
        ({"a": [0.5]}, "examples"),
        ({}, "examples"),
        ([[0.5, 1], [1]], "examples"),
        ([np.ones(0), np.ones(0, "int32")], "examples"),
        ([["word"], [1]], "examples['a']"),
        ([[[0.5]], [1]], "examples['a']"),
        ([[0.5], [1.5]], "examples['b']"),
    ],
)
def test_examples_that_do_not_fit(examples, argument, invalid):
    inputs = [keras.Input((), name="a"), keras.Input((), name="b", dtype="int32")]
    with invalid(argument):
        example_rows.given(examples, inputs, specs(inputs))


def test_made_rows_fit_every_dtype_and_are_the_same_each_time():
    inputs = [
        keras.Input((3,), name="floats"),
        keras.Input((3,), name="integers", dtype="int64"),
        keras.Input((1,), name="words", dtype="string"),
        keras.Input((None, 2), name="sequence"),
        keras.Input((None, 10, 3), name="image", dtype="uint8"),
        keras.Input((1,), name="flags", dtype="bool"),
        keras.Input((1,), name="half", dtype="bfloat16"),
    ]
    wanted = specs(inputs)
    rows = example_rows.made(wanted)
    for name, again in example_rows.made(wanted).items():
        np.testing.assert_array_equal(rows[name], again)
    assert rows["sequence"].shape == (3, 32, 2)
    assert rows["image"].shape == (3, 128, 10, 3)
    assert rows["image"].max() > 100
    assert set(rows["words"].ravel()) == {b"a", b"b"}
    assert set(rows["integers"].ravel()) == {0, 1}
    assert 0 <= rows["floats"].min() < rows["floats"].max() < 1
    assert example_rows.given(list(rows.values()), inputs, wanted).keys() == rows.keys()
