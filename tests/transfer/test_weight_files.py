"""Weights from files of `keras.applications` and of Keras 3, and without a file."""

import os
import shutil
import urllib.error
import urllib.request

import h5py
import keras
import numpy as np
import pytest

from kerasnn import transfer
from kerasnn.transfer.backbones import imagenet
from tests.helpers.seeds import set_seeds
from tests.transfer.transfer_cases import small_vgg


@pytest.fixture(scope="module")
def theirs():
    """Keras's VGG16 for 32x32 with another head, and other weights than ours."""
    set_seeds(7)
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    flat = keras.layers.Flatten(name="flatten")(base.output)
    return keras.Model(base.input, keras.layers.Dense(5, name="predictions")(flat))


def write_applications_file(path, model, top, group=None):
    """Writes an `.h5` file in the format of `keras.applications`, which Keras 3 only reads."""
    with h5py.File(path, "w") as file:
        root = file if group is None else file.create_group(group)
        layers = model.layers if top else model.layers[:-2]
        root.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            place = root.create_group(layer.name)
            names = [f"{layer.name}/{w.name}:0".encode() for w in layer.weights]
            place.attrs["weight_names"] = names
            for name, array in zip(names, layer.get_weights(), strict=True):
                place[name.decode()] = array


def written(tmp_path, theirs, kind):
    path = (
        tmp_path
        / {
            "with top": "vgg.h5",
            "without top": "vgg_notop.h5",
            "whole model": "model.h5",
            "keras 3": "vgg.weights.h5",
            "model": "vgg.keras",
        }[kind]
    )
    if kind == "keras 3":
        theirs.save_weights(path)
    elif kind == "model":
        theirs.save(path)
    else:
        group = "model_weights" if kind == "whole model" else None
        write_applications_file(path, theirs, kind != "without top", group)
    return path


@pytest.fixture(scope="module")
def with_top(tmp_path_factory, theirs):
    """An `.h5` file with top, to be copied."""
    return written(tmp_path_factory.mktemp("weights"), theirs, "with top")


@pytest.fixture
def copied(with_top, tmp_path):
    return shutil.copy(with_top, tmp_path / "copy.h5")


KINDS = [
    "with top",
    "keras 3",
    *(
        pytest.param(kind, marks=pytest.mark.slow)
        for kind in ("without top", "whole model", "model")
    ),
]


def convolutions(model):
    return [w for layer in model.layers if "conv" in layer.name for w in layer.get_weights()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_convolutions_only(tmp_path, theirs, kind):
    model = small_vgg(weights=written(tmp_path, theirs, kind))
    for ours, wanted in zip(convolutions(model), convolutions(theirs), strict=True):
        np.testing.assert_array_equal(ours, wanted)
    fresh = small_vgg()
    np.testing.assert_array_equal(model.get_weights()[-2], fresh.get_weights()[-2])


@pytest.mark.slow
def test_a_saved_model_gives_the_convolutions(tmp_path, theirs):
    source = small_vgg(weights=written(tmp_path, theirs, "model"))
    for name in ("ours.keras", "ours.weights.h5"):
        (source.save if name.endswith("keras") else source.save_weights)(tmp_path / name)
        model = small_vgg(weights=tmp_path / name, head=(3, 2), seed=5)
        for ours, wanted in zip(convolutions(model), convolutions(theirs), strict=True):
            np.testing.assert_array_equal(ours, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_file_is_refused(tmp_path, theirs, kind):
    path = written(tmp_path, theirs, kind)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ValueError, match=str(path)):
        small_vgg(weights=path)


def test_a_foreign_file_is_refused(tmp_path):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    for name in ("other.keras", "other.weights.h5"):
        (other.save if name.endswith("keras") else other.save_weights)(tmp_path / name)
        with pytest.raises(ValueError, match="must hold the weights of VGG16"):
            small_vgg(weights=tmp_path / name)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["numbers"] = np.arange(5)
    with pytest.raises(ValueError, match="must hold the weights of VGG16; it names no layers"):
        small_vgg(weights=tmp_path / "data.h5")


def test_another_network_with_the_same_names_is_refused(with_top):
    with pytest.raises(ValueError, match="must hold the weights of VGG19; it has no layer"):
        transfer.from_backbone("VGG19", (32, 32, 3), task="binary", weights=with_top)


def test_weights_that_are_not_finite_are_refused(copied):
    with h5py.File(copied, "a") as file:
        file["block1_conv1/block1_conv1/bias:0"][0] = np.nan
    with pytest.raises(ValueError, match="`block1_conv1` holds NaN or infinity"):
        small_vgg(weights=copied)


def test_a_deeper_network_with_all_names_and_more_is_refused(copied):
    with h5py.File(copied, "a") as file:
        file.attrs["layer_names"] = [
            *(name.encode() for name in list(file.attrs["layer_names"])),
            b"block3_conv4",
        ]
        more = file.create_group("block3_conv4")
        more.attrs["weight_names"] = [b"kernel"]
        more["kernel"] = np.zeros((3, 3, 4, 4))
    with pytest.raises(ValueError, match="it also has the convolution `block3_conv4`"):
        small_vgg(weights=copied)


def test_weights_of_keras_3_that_are_not_finite_are_refused(tmp_path, theirs):
    bias = theirs.get_layer("block2_conv1").bias
    before = bias.numpy()
    bias.assign(before + np.inf)
    theirs.save_weights(tmp_path / "odd.weights.h5")
    bias.assign(before)
    with pytest.raises(ValueError, match="`block2_conv1` holds NaN or infinity"):
        small_vgg(weights=tmp_path / "odd.weights.h5")


def test_a_path_without_a_file(tmp_path, invalid):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        small_vgg(weights=tmp_path / "none.h5")
    with invalid("weights", tmp_path / "vgg.pt"):
        small_vgg(weights=tmp_path / "vgg.pt")


@pytest.fixture
def without_network(monkeypatch, tmp_path):
    """No network, and no files in Keras's folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("name", "file", "md5"),
    [
        (
            "VGG16",
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "6d6bbae143d832006294945121",
        ),
        (
            "VGG19",
            "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "253f8cb515780f3b799900260a",
        ),
        ("ResNet50", "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "4d473c1dd8becc155b7"),
        ("EfficientNetB0", "efficientnetb0_notop.h5", "50bc09e76180e00e4465e1a485ddc09d"),
        ("MobileNetV2", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5", ""),
    ],
)
def test_without_a_network_the_error_says_which_file_and_where_to_put_it(
    without_network, name, file, md5
):
    with pytest.raises(FileNotFoundError) as error:
        imagenet.imagenet_file(name)
    said = str(error.value)
    assert f"needs {file}, which is not complete in {without_network}" in said
    assert "https://storage.googleapis.com/" in said
    assert md5 in said
    assert f"put it into {without_network}" in said


def test_the_error_of_another_network_says_where_its_weights_would_be(without_network):
    with pytest.raises(FileNotFoundError, match="the weights of DenseNet121 without its top"):
        imagenet.imagenet_file("DenseNet121")


def test_a_file_in_the_folder_of_keras_is_used(without_network, theirs, with_top, monkeypatch):
    without_network.mkdir()
    file, address, _ = imagenet._FILES["VGG16"]
    shutil.copy(with_top, without_network / file)
    monkeypatch.setitem(imagenet._FILES, "VGG16", (file, address, None))
    model = small_vgg(weights="imagenet")
    for ours, wanted in zip(convolutions(model), convolutions(theirs), strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_a_file_with_another_hash_is_not_used(without_network):
    without_network.mkdir()
    (without_network / imagenet._FILES["VGG16"][0]).write_bytes(b"of something else")
    with pytest.raises(FileNotFoundError, match="MD5 6d6bbae143d832006294945121d1f1fc"):
        small_vgg(weights="imagenet")
