"""Weights from files: of `keras.applications`, with or without top, of Keras 3, and of none."""

import threading
import time
import urllib.error
import urllib.request

import h5py
import keras
import numpy as np
import pytest
from transfer_cases import small_vgg

from kerasnn import transfer
from kerasnn.transfer.backbones import imagenet


@pytest.fixture(scope="module")
def theirs():
    """Keras's VGG16 for 32x32 with another head, and other weights than ours."""
    keras.utils.set_random_seed(7)
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    flat = keras.layers.Flatten(name="flatten")(base.output)
    return keras.Model(base.input, keras.layers.Dense(5, name="predictions")(flat))


def write_applications_file(path, model, top, group=None):
    """Writes an `.h5` file as those of `keras.applications` are, which Keras 3 only reads."""
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
def test_every_kind_of_file_gives_the_convolutions_and_no_more(tmp_path, theirs, kind):
    model = small_vgg(weights=written(tmp_path, theirs, kind))
    for ours, wanted in zip(convolutions(model), convolutions(theirs), strict=True):
        np.testing.assert_array_equal(ours, wanted)
    fresh = small_vgg()
    np.testing.assert_array_equal(model.get_weights()[-2], fresh.get_weights()[-2])


@pytest.mark.slow
def test_a_file_of_our_own_gives_the_convolutions(tmp_path, theirs):
    source = small_vgg(weights=written(tmp_path, theirs, "model"))
    for name in ("ours.keras", "ours.weights.h5"):
        (source.save if name.endswith("keras") else source.save_weights)(tmp_path / name)
        model = small_vgg(weights=tmp_path / name, head=(3, 2), seed=5)
        for ours, wanted in zip(convolutions(model), convolutions(theirs), strict=True):
            np.testing.assert_array_equal(ours, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_file_is_refused(tmp_path, theirs, kind):
    path = written(tmp_path, theirs, kind)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
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


def test_another_network_of_the_same_names_is_refused(tmp_path, theirs):
    with pytest.raises(ValueError, match="must hold the weights of VGG19; it has no layer"):
        transfer.from_backbone(
            "VGG19",
            (32, 32, 3),
            task="binary",
            weights=written(tmp_path, theirs, "without top"),
        )


def test_weights_that_are_not_finite_are_refused(tmp_path, theirs):
    path = written(tmp_path, theirs, "with top")
    with h5py.File(path, "a") as file:
        file["block1_conv1/block1_conv1/bias:0"][0] = np.nan
    with pytest.raises(ValueError, match="`block1_conv1` holds NaN or infinity"):
        small_vgg(weights=path)


def test_weights_of_keras_3_that_are_not_finite_are_refused(tmp_path):
    source = small_vgg()
    arrays = source.get_weights()
    arrays[4][0, 0, 0, 0] = np.inf
    source.set_weights(arrays)
    source.save_weights(tmp_path / "odd.weights.h5")
    with pytest.raises(ValueError, match="`block2_conv1` holds NaN or infinity"):
        small_vgg(weights=tmp_path / "odd.weights.h5")


def test_a_deeper_network_with_all_names_and_more_is_refused(tmp_path):
    deeper = keras.applications.VGG19(include_top=False, weights=None, input_shape=(32, 32, 3))
    deeper.save(tmp_path / "vgg19.keras")
    with pytest.raises(ValueError, match="it has the convolution `block3_conv4` besides"):
        small_vgg(weights=tmp_path / "vgg19.keras")


def test_a_path_that_leads_nowhere_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`weights` must name a file; .* does not exist"):
        small_vgg(weights=tmp_path / "none.h5")
    with pytest.raises(ValueError, match=r"a path that ends in \.weights\.h5, \.h5, \.keras"):
        small_vgg(weights=tmp_path / "vgg.pt")


@pytest.fixture
def without_network(monkeypatch, tmp_path):
    """No answer from anywhere, and no file of Keras's."""
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
    assert f"needs {file}, which is not whole in {without_network}" in said
    assert "https://storage.googleapis.com/" in said
    assert md5 in said
    assert f"put it into {without_network}" in said


def test_a_network_of_another_name_says_where_its_weights_would_be(without_network):
    with pytest.raises(FileNotFoundError, match="the weights of DenseNet121 without its top"):
        imagenet.imagenet_file("DenseNet121")


def test_a_network_that_never_answers_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(imagenet, "_ANSWER_S", 0.2)
    never = threading.Event()

    def wait(*args, **kwargs):
        never.wait(60)
        raise urllib.error.URLError("too late")

    monkeypatch.setattr(urllib.request, "urlopen", wait)
    began = time.monotonic()
    with pytest.raises(FileNotFoundError, match=r"no answer within 0\.2 s"):
        transfer.vgg16((32, 32, 3), task="binary")
    never.set()
    assert time.monotonic() - began < 10


def test_a_file_that_keras_has_is_used_without_a_network(without_network, theirs, monkeypatch):
    without_network.mkdir()
    file, address, _ = imagenet._FILES["VGG16"]
    write_applications_file(without_network / file, theirs, top=False)
    monkeypatch.setitem(imagenet._FILES, "VGG16", (file, address, None))
    model = small_vgg(weights="imagenet")
    for ours, wanted in zip(convolutions(model), convolutions(theirs), strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_a_file_of_another_hash_is_not_used(without_network, theirs):
    without_network.mkdir()
    write_applications_file(without_network / imagenet._FILES["VGG16"][0], theirs, top=False)
    with pytest.raises(FileNotFoundError, match="MD5 6d6bbae143d832006294945121d1f1fc"):
        small_vgg(weights="imagenet")
