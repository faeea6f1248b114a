"""Served outputs equal the model's predictions, for every kind of Keras model."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving
from tests.helpers.seeds import set_seeds

set_seeds(0)
RANDOM = np.random.default_rng(0)


def floats(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def dict_inputs():
    # Not in alphabetical order, which is how Keras flattens a dict.
    inputs = {"b": keras.Input((3,), name="b"), "a": keras.Input((3,), name="a")}
    difference = keras.layers.Subtract()([inputs["b"], inputs["a"]])
    model = keras.Model(inputs, keras.layers.Dense(2)(difference))
    batch = {"b": floats(5, 3), "a": floats(5, 3)}
    return model, batch, batch, ["predictions"]


def list_of_outputs():
    features = keras.Input((3,))
    outputs = [keras.layers.Dense(units)(features) for units in (1, 2)]
    batch = {"features": floats(5, 3)}
    return keras.Model(features, outputs), batch, batch["features"], ["output_0", "output_1"]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.classify = keras.layers.Dense(3, "softmax")
        self.hide = keras.layers.Dense(4, "relu")

    def call(self, inputs):
        return self.classify(self.hide(inputs["x"]) + self.hide(inputs["y"]))


def subclassed():
    model = Subclassed()
    batch = {"x": floats(5, 3), "y": floats(5, 3)}
    model(batch)
    return model, batch, batch, ["probabilities"]


def byte_images():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(2, 3),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    batch = {"image": RANDOM.integers(0, 256, (5, 8, 8, 3)).astype("uint8")}
    return model, batch, batch["image"], ["predictions"]


CASES = [
    dict_inputs,
    list_of_outputs,
    subclassed,
    byte_images,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_outputs_are_those_of_predict(case, tmp_path, ask):
    model, batch, x, outputs = case()
    report = serving.export(model, tmp_path, verify=False)
    served = ask(report, **batch)
    expected = model.predict(x, verbose=0)
    expected = dict(zip(outputs, keras.tree.flatten(expected), strict=True))
    assert sorted(served) == outputs
    for name, output in expected.items():
        # Equal outputs for all rows would prove nothing.
        assert output.std() > 1e-4
        np.testing.assert_allclose(served[name], output, atol=1e-6)
    signature = report.signatures["serving_default"]
    assert {name: spec.dtype for name, spec in signature["inputs"].items()} == {
        name: tf.as_dtype(value.dtype) for name, value in batch.items()
    }


def test_augmentation_noise_and_dropout_are_off(tmp_path, ask):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.RandomFlip(),
            keras.layers.RandomRotation(0.5),
            keras.layers.GaussianNoise(1.0),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    image = floats(1, 8, 8, 1)
    report = serving.export(model, tmp_path, verify=False)
    loaded = tf.saved_model.load(report.path)
    served = loaded.signatures["serving_default"]
    outputs = [served(image=tf.constant(image))["probabilities"].numpy() for _ in range(3)]
    for output in outputs:
        np.testing.assert_array_equal(output, outputs[0])
    # With training=True the same model gives random outputs.
    assert np.abs(model(image, training=True) - outputs[0]).max() > 1e-3


def test_sixteen_bit_outputs_become_float32(tmp_path, ask):
    policy = keras.DTypePolicy("mixed_bfloat16")
    model = keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(64, "gelu", dtype=policy),
            keras.layers.Dense(3, "softmax", dtype=policy),
        ]
    )
    x = floats(5, 16)
    report = serving.export(model, tmp_path, verify=False)
    served = ask(report, features=x)["probabilities"]
    assert model(x).dtype == tf.bfloat16
    assert served.dtype == np.float32
    # Two programs may round a number of eight binary digits to either neighbour.
    wanted = model.predict(x, verbose=0).astype("float32")
    np.testing.assert_allclose(served, wanted, rtol=2**-6)


def test_labels_name_the_largest_probability(tmp_path, ask):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    x = np.array([[5, 1, 2], [1, 2, 5], [1, 5, 2], [np.nan, 0, 0]], "float32")
    labels = ["ant", "bee", "cat"]
    report = serving.export(model, tmp_path, labels=labels, verify=False)
    assert ask(report, features=x)["labels"].tolist() == [b"ant", b"cat", b"bee", b""]
    text = (report.path / "assets.extra" / "labels.txt").read_text()
    assert text.splitlines() == labels


def test_labels_name_a_sigmoid_without_an_axis_of_its_own(tmp_path, ask):
    features = keras.Input((2,))
    model = keras.Model(features, keras.ops.sigmoid(keras.ops.sum(features, axis=1)))
    report = serving.export(model, tmp_path, labels=["no", "yes"], verify=False)
    x = np.array([[1, 1], [-1, 0], [np.nan, 0]], "float32")
    served = ask(report, features=x)
    assert served["labels"].tolist() == [b"yes", b"no", b""]
    p = 1 / (1 + np.exp(-x.sum(axis=1)))
    np.testing.assert_allclose(served["probabilities"], np.stack([1 - p, p], 1), atol=1e-6)


@pytest.mark.parametrize("shape", [(1,), (5, 1)])
def test_one_sigmoid_with_labels_gives_the_probability_of_each(shape, tmp_path, ask):
    model = keras.Sequential([keras.Input(shape), keras.layers.Activation("sigmoid")])
    # Log-odds of p = 1/4, 1/2 and 4/5; at 1/2 the first label stands, as `argmax` has it.
    x = np.log(np.array([1 / 3, 1, 4])).reshape(3, *[1] * len(shape)).astype("float32")
    x = np.broadcast_to(x, (3, *shape))
    report = serving.export(model, tmp_path, labels=["no", "yes"], verify=False)
    both = np.array([[0.75, 0.25], [0.5, 0.5], [0.2, 0.8]]).reshape(3, *[1] * (len(shape) - 1), 2)
    names = np.array([b"no", b"no", b"yes"]).reshape(3, *[1] * (len(shape) - 1))
    served = ask(report, features=x)
    rows = (3, *shape[:-1])
    np.testing.assert_allclose(
        served["probabilities"], np.broadcast_to(both, (*rows, 2)), atol=1e-6
    )
    assert served["labels"].tolist() == np.broadcast_to(names, rows).tolist()
    card = json.loads((report.path / "assets.extra" / "model_card.json").read_text())
    outputs = card["signatures"]["serving_default"]["outputs"]
    assert outputs["probabilities"]["shape"] == [None, *shape[:-1], 2]
    assert card["labels"] == ["no", "yes"]


def test_one_sigmoid_without_labels_gives_what_the_model_gives(tmp_path, ask):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Activation("sigmoid")])
    served = ask(
        serving.export(model, tmp_path, verify=False), features=np.array([[0.0]], "float32")
    )
    assert {name: array.tolist() for name, array in served.items()} == {"probabilities": [[0.5]]}


def test_several_sigmoids_keep_their_labels_in_the_file_only(tmp_path, ask):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "sigmoid")])
    report = serving.export(model, tmp_path, labels=["wet", "cold"], verify=False)
    assert list(ask(report, features=floats(1, 4))) == ["probabilities"]
    assert (report.path / "assets.extra" / "labels.txt").read_text() == "wet\ncold\n"


def test_another_shape_is_refused_by_the_graph(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.GlobalMaxPooling2D()]
    )
    report = serving.export(model, tmp_path, verify=False)
    loaded = tf.saved_model.load(report.path)

    # A server passes on what it gets, so nothing outside the graph may know the shape.
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def request(image):
        return loaded.signatures["serving_default"](image=image)

    assert request(floats(2, 8, 8, 3))["predictions"].shape == (2, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected shape \[\?,8,8,3\]"):
        request(floats(2, 9, 9, 3))
