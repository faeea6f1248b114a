"""`vgg16`: the features of Keras's VGG16, from raw images."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from kerasnn import transfer
from tests.transfer.transfer_cases import CLASSES, small_vgg

MEANS = np.array([103.939, 116.779, 123.68], np.float32)


@pytest.fixture(scope="module")
def pair():
    """Keras's VGG16 without top, and ours with its weights, for 224x224."""
    keras.utils.set_random_seed(0)
    theirs = keras.applications.VGG16(include_top=False, weights=None, pooling="avg")
    ours = transfer.vgg16(outputs=2, task="multiclass", weights=None, head=())
    weights = theirs.get_weights()
    ours.set_weights([*weights, *ours.get_weights()[len(weights) :]])
    return theirs, ours


@pytest.fixture(scope="module")
def small():
    return small_vgg()


@pytest.fixture(scope="module")
def photographs():
    """scikit-learn's two sample photographs, in the middle."""
    return np.stack([photo[100:324, 200:424] for photo in load_sample_images().images])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_features_are_those_of_keras_on_photographs(pair, photographs, kind):
    theirs, ours = pair
    x = photographs.astype(kind)
    prepared = keras.applications.vgg16.preprocess_input(photographs.astype("float32"))
    wanted = theirs.predict(prepared, verbose=0)
    found = transfer.features(ours, x, precision="float32", verbose=0)
    assert np.abs(wanted).max() > 1e-2
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_layers_have_the_names_of_keras(small):
    keras_names = [
        layer.name for layer in keras.applications.VGG16(include_top=False, weights=None).layers
    ][1:]
    assert [layer.name for layer in small.layers] == [
        "preprocess",
        *keras_names,
        "pool",
        "hidden_1",
        "dropout_1",
        "output",
    ]


def test_raw_levels_are_preprocessed_as_integers_and_floats(small):
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.uint8)
    expected = x[..., ::-1].astype(np.float32) - MEANS
    np.testing.assert_allclose(small.get_layer("preprocess")(x), expected, atol=1e-4)
    x = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    np.testing.assert_allclose(small(x), small(x.astype("float32")), rtol=1e-5)


def test_resize_scales_images_of_any_size():
    scaled = transfer.vgg16(
        (None, None, 3), 2, task="multiclass", weights=None, resize=(32, 48), head=()
    )
    x = np.random.default_rng(0).uniform(0, 255, (1, 50, 40, 3)).astype(np.float32)
    same = keras.layers.Resizing(32, 48)(x)
    np.testing.assert_allclose(
        scaled.predict(x, verbose=0), scaled.predict(np.array(same), verbose=0), atol=1e-5
    )
    free = transfer.vgg16((None, None, 3), 2, task="multiclass", weights=None, head=())
    assert free.predict(x, verbose=0).shape == (1, 2)


def test_the_head_follows_from_pooling_and_task(small):
    flat = small_vgg(pooling="flatten", head=(7, 5), dropout=0.0)
    names = [layer.name for layer in flat.layers][-4:]
    assert names == ["flatten", "hidden_1", "hidden_2", "output"]
    assert flat.get_layer("hidden_1").kernel.shape == (512, 7)
    assert small.loss == "sparse_categorical_crossentropy"
    regression = transfer.vgg16((32, 32, 3), task="regression", weights=None)
    assert [layer.name for layer in regression.layers][-2:] == ["output", "target_units"]


def test_equal_seeds_give_equal_networks(small):
    for a, b in zip(small.get_weights(), small_vgg().get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_network_round_trips_through_a_file(tmp_path):
    model = small_vgg()
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3))
    model.save(tmp_path / "vgg.keras")
    again = keras.saving.load_model(tmp_path / "vgg.keras", compile=False)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("argument", "value", "hint"),
    [
        ("input_shape", (31, 64, 3), "resize="),
        ("input_shape", (64, 64, 1), "np.repeat"),
        ("input_shape", 64, ""),
        ("resize", 224, ""),
        ("resize", (16, 16), ""),
        ("pooling", "mean", ""),
        ("head", -1, ""),
        ("head", None, ""),
        ("dropout", 1.0, ""),
        ("task", "classify", ""),
        ("outputs", 1, ""),
        ("weights", "imagnet", "`imagenet`"),
        ("weights", 5, ""),
    ],
)
def test_a_wrong_argument_is_refused(invalid, argument, value, hint):
    arguments = {"input_shape": (32, 32, 3), "outputs": CLASSES, "weights": None, argument: value}
    with invalid(argument, value) as caught:
        transfer.vgg16(**{"task": "multiclass", **arguments})
    assert hint in caught.value.hint


def test_images_of_any_size_cannot_be_flattened(invalid):
    with invalid("pooling", "flatten"):
        transfer.vgg16((None, None, 3), task="binary", weights=None, pooling="flatten")
