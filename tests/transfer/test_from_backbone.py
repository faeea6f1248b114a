"""`from_backbone`: networks of `keras.applications`, and given models."""

from typing import Any

import keras
import numpy as np
import pytest

from kerasnn import models, transfer
from kerasnn.transfer.preprocessing import MODULES, application
from tests.helpers.seeds import set_seeds
from tests.transfer.transfer_cases import as_if_trained, images, network

NAMED = ["VGG19", "ResNet50", "MobileNetV2", "EfficientNetB0"]
EVERY = sorted(
    name
    for name, value in vars(keras.applications).items()
    if name[0].isupper() and callable(value)
)


def levels(size=48, rows=2):
    return np.random.default_rng(0).integers(0, 256, (rows, size, size, 3)).astype(np.uint8)


def assert_as_keras(name, size=48):
    """Features of raw images equal Keras's of preprocessed ones, with the same weights."""
    set_seeds(0)
    make = getattr(keras.applications, name)
    theirs = make(include_top=False, weights=None, input_shape=(size, size, 3))
    ours = transfer.from_backbone(
        name, (size, size, 3), 3, task="multiclass", weights=None, head=()
    )
    weights = theirs.get_weights()
    ours.set_weights([*weights, *ours.get_weights()[len(weights) :]])
    module = getattr(keras.applications, ours.get_layer("preprocess").application)
    # The module of MobileNetV3 has no constructor.
    assert getattr(module, name, make) is make
    maps = theirs.predict(module.preprocess_input(levels(size).astype("float32")), verbose=0)
    wanted = maps.mean(axis=(1, 2))
    found = transfer.features(ours, levels(size), precision="float32", verbose=0)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * max(1, np.abs(wanted).max()))
    if name in NAMED:
        names = [
            layer.name for layer in theirs.layers if layer.weights and "norm" not in layer.name
        ]
        assert set(names) <= {layer.name for layer in ours.layers}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*NAMED, "DenseNet121", "MobileNetV3Small"}))
def test_features_are_those_of_keras(name):
    assert_as_keras(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["InceptionV3", "ResNet50V2", "ConvNeXtTiny"])
def test_features_of_networks_for_larger_images_are_those_of_keras(name):
    assert_as_keras(name, 96)


def test_every_network_of_keras_has_a_name_and_a_preprocessing():
    for name in EVERY:
        make, module = application(name)
        assert make is getattr(keras.applications, name)
        assert module in MODULES


@pytest.mark.parametrize("module", MODULES)
def test_preprocessing_is_that_of_keras(module):
    layer = transfer.Preprocessing(module)
    x = levels(4)
    wanted = getattr(keras.applications, module).preprocess_input(x.astype("float32"))
    np.testing.assert_allclose(layer(x), wanted, atol=1e-5)
    again = transfer.Preprocessing.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x), layer(x))
    assert layer.compute_output_shape((None, 4, 4, 3)) == (None, 4, 4, 3)


def test_preprocessing_of_an_unknown_network_is_refused(invalid):
    with invalid("application", "vgg_16"):
        transfer.Preprocessing("vgg_16")


@pytest.mark.slow
def test_a_network_of_batch_norms_keeps_their_statistics_in_all_regimes():
    x, y = levels(32, 12), np.arange(12) % 2
    model = transfer.from_backbone("MobileNetV2", (32, 32, 3), task="binary", weights=None)
    as_if_trained(model)
    norms = [la for la in model.layers if isinstance(la, keras.layers.BatchNormalization)]
    before = [norm.get_weights() for norm in norms]
    transfer.fine_tune(model, x, y, regime="medium", epochs=1, precision="float32", verbose=0)
    for norm, arrays in zip(norms, before, strict=True):
        for after, value in zip(norm.get_weights(), arrays, strict=True):
            np.testing.assert_array_equal(after, value, err_msg=norm.name)


@pytest.mark.slow
def test_a_given_model_keeps_its_backbone_and_is_unchanged():
    source, (x, y) = network(), images()
    before = source.get_weights()
    model = transfer.from_backbone(source, outputs=5, task="multiclass", head=(6,))
    assert model.output_shape == (None, 5)
    np.testing.assert_allclose(
        transfer.features(model, x, precision="float32", verbose=0),
        transfer.features(source, x, precision="float32", verbose=0),
        atol=1e-6,
    )
    transfer.fine_tune(model, x, y, regime="large", epochs=1, verbose=0)
    for after, value in zip(source.get_weights(), before, strict=True):
        np.testing.assert_array_equal(after, value)


def test_a_builders_network_can_be_a_backbone():
    source = as_if_trained(models.cnn((8, 8, 1), 10, task="multiclass"))
    model = transfer.from_backbone(source, task="binary", pooling="flatten", head=())
    assert [layer.name for layer in model.layers][1:] == [
        "standardize",
        "block1_conv1",
        "block1_pool",
        "block2_conv1",
        "block2_pool",
        "flatten",
        "output",
    ]


@pytest.mark.slow
def test_equal_seeds_give_equal_networks():
    def weights():
        return transfer.from_backbone(
            "MobileNetV2", (32, 32, 3), task="binary", weights=None, seed=3
        ).get_weights()

    for a, b in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("arguments", "argument", "hint"),
    [
        ({"name": "ResNet51"}, "name", "`ResNet50`"),
        ({"name": 50}, "name", ""),
        ({"input_shape": (32, 32, 1)}, "input_shape", "np.repeat"),
        ({"name": "InceptionV3"}, "input_shape", "Keras says"),
    ],
)
def test_a_wrong_argument_is_refused(invalid, arguments, argument, hint):
    arguments = {"name": "MobileNetV2", "input_shape": (32, 32, 3), "weights": None, **arguments}
    with invalid(argument, arguments[argument]) as caught:
        transfer.from_backbone(arguments.pop("name"), task="binary", **arguments)
    assert hint in caught.value.hint


def test_arguments_that_a_given_model_has_are_refused(invalid):
    model = network()
    wrong: Any = {"weights": None, "input_shape": (8, 8, 3), "resize": (64, 64)}
    for argument, value in wrong.items():
        with invalid(argument, value):
            transfer.from_backbone(model, task="binary", **{argument: value})
