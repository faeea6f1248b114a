"""Signatures: image files, and examples for `classify` and `regress`."""

import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from kerasnn import data, serving
from kerasnn.data.images import decoding
from kerasnn.serving.graph.traced import input_structure, trace
from kerasnn.serving.signatures import choose


def example(**features):
    kinds = {"f": "float_list", "i": "int64_list", "S": "bytes_list"}
    lists = {}
    for name, value in features.items():
        flat = np.ravel(value)
        feature = lists.setdefault(name, tf.train.Feature())
        getattr(feature, kinds[flat.dtype.kind]).value.extend(flat.tolist())
    return tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString()


def test_image_files_are_what_from_directory_makes_of_them(photos, ask):
    model, report = photos
    noise = np.random.default_rng(0).integers(0, 256, (2, 23, 31, 3)).astype("uint8")
    files = [tf.io.encode_jpeg(noise[0]).numpy(), tf.io.encode_png(noise[1]).numpy()]
    served = ask(report, "image_bytes", image_bytes=files)
    read = decoding.read_program((8, 6), "rgb")
    pixels = np.stack([read(tf.constant(f))[0] for f in files])
    expected = model.predict(pixels.astype("float32"), verbose=0)
    assert np.ptp(expected) > 1e-3
    both = np.hstack([1 - expected, expected])
    np.testing.assert_allclose(served["probabilities"], both, atol=1e-6)
    assert served["labels"].tolist() == [b"dog" if p > 0.5 else b"cat" for p in expected[:, 0]]


@pytest.mark.parametrize(
    ("resize", "color_mode", "channels"), [("crop", "rgb", 3), ("pad", "grayscale", 1)]
)
def test_image_files_are_resized_as_asked(tmp_path, ask, resize, color_mode, channels):
    """A grey model takes coloured files, and a split tells how its images were resized."""
    shape = (4, 6, channels)
    model = keras.Sequential([keras.Input(shape, dtype="uint8"), keras.layers.Flatten()])
    split = data.Split(None, None, None, None, "binary", resize=resize)
    given = {"split": split} if resize == "pad" else {"resize": resize}
    report = serving.export(model, tmp_path, verify=False, **given)
    noise = np.random.default_rng(0).integers(0, 256, (23, 15, 3)).astype("uint8")
    file = tf.io.encode_jpeg(noise).numpy()
    served = ask(report, "image_bytes", image_bytes=[file])
    expected = decoding.read_program((4, 6), color_mode, resize)(tf.constant(file))[0]
    np.testing.assert_array_equal(served["predictions"][0], np.ravel(expected))
    card = json.loads((report.path / "assets.extra" / "model_card.json").read_text())
    assert card["resize"] == resize


def test_another_resize_is_refused(tmp_path, invalid):
    model = keras.Sequential([keras.Input((4, 6, 3)), keras.layers.Flatten()])
    with invalid("resize", "squash"):
        serving.export(model, tmp_path, resize="squash")
    with invalid("split", "squash"):
        serving.export(model, tmp_path, split="squash")


@pytest.fixture(scope="module")
def of_files(photos):
    return serving.Predictor(photos[1].path, signature="image_bytes")


@pytest.fixture(scope="module")
def of_examples(photos):
    return serving.Predictor(photos[1].path, signature="classify")


def test_a_file_that_is_no_image_is_refused(of_files, invalid):
    good = tf.io.encode_png(np.zeros((8, 6, 3), "uint8")).numpy()
    with invalid("image_bytes", "row 1, which is no whole JPEG, PNG, BMP, WebP or GIF"):
        of_files([good, b"no image", good, b"nor this"])
    with invalid("image_bytes", good[:60]) as caught:
        of_files([good, good[:60]])
    assert "row 1, of which TensorFlow says: Invalid PNG data" in str(caught.value)
    with invalid("image_bytes"):
        of_files([good[:60]])
    with invalid("image_bytes") as caught:
        of_files(["photo.png"])
    assert "read_bytes()" in caught.value.hint


def _stored(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _turned(pixels, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    return _stored(Image.fromarray(pixels), kind, exif=exif)


def _see_through(pixels):
    alpha = Image.fromarray(pixels[..., 0])
    return _stored(Image.merge("RGBA", (*Image.fromarray(pixels).split(), alpha)), "PNG")


FILES = {
    "JPEG": lambda p: _stored(Image.fromarray(p), "JPEG"),
    "turned JPEG": lambda p: _turned(p, "JPEG"),
    "turned PNG": lambda p: _turned(p, "PNG"),
    "WebP": lambda p: _stored(Image.fromarray(p), "WEBP"),
    "GIF": lambda p: _stored(Image.fromarray(p).quantize(8), "GIF"),
    "BMP": lambda p: _stored(Image.fromarray(p), "BMP"),
    "grey BMP": lambda p: _stored(Image.fromarray(p).convert("L"), "BMP"),
    "BMP with a table": lambda p: _stored(Image.fromarray(p).quantize(8), "BMP"),
    "transparent PNG": _see_through,
    "16 bits": lambda p: _stored(Image.fromarray(p[..., 0].astype("uint16")), "PNG"),
    "moving WebP": lambda p: _stored(
        Image.fromarray(p), "WEBP", save_all=True, append_images=[Image.fromarray(p[::-1])]
    ),
    "GIF with a transparent colour": lambda p: _stored(
        Image.fromarray(p).quantize(8), "GIF", transparency=1
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_decoded_as_in_training_or_refused_in_both(
    photos, of_files, of_examples, tmp_path, name, invalid
):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 16, 3)).astype("uint8")
    file = FILES[name](pixels)
    (tmp_path / "file").write_bytes(file)
    trained_on = decoding.read_file(decoding.read_program((8, 6), "rgb"), tmp_path / "file")[0]
    is_refused = name in [*FILES][-5:]
    assert (trained_on is None) == is_refused
    if is_refused:
        with invalid("image_bytes"):
            of_files([file])
        with invalid("image_bytes"):
            of_examples([example(image_bytes=np.array([file]))])
        return
    expected = photos[0].predict(trained_on[None].astype("float32"), verbose=0)
    served = of_files([file])["probabilities"]
    np.testing.assert_allclose(served[:, 1:], expected, atol=1e-6)


def test_classify_gives_every_class_its_score(iris, rows, ask):
    model, report = iris
    served = ask(report, "classify", inputs=[example(features=row) for row in rows])
    assert served["classes"].tolist() == [[b"ant", b"bee", b"cat"]] * 7
    expected = model.predict(rows, verbose=0)
    np.testing.assert_allclose(served["scores"], expected, atol=1e-6)


def test_classify_of_one_sigmoid_scores_both_classes(photos, ask):
    model, report = photos
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3)).astype("uint8")
    file = tf.io.encode_png(image).numpy()
    served = ask(report, "classify", inputs=[example(image_bytes=np.array([file]))])
    p = model.predict(image[None].astype("float32"), verbose=0).item()
    assert served["classes"].tolist() == [[b"cat", b"dog"]]
    np.testing.assert_allclose(served["scores"], [[1 - p, p]], atol=1e-6)


def test_regress_takes_several_inputs_by_name(prices, ask):
    model, report = prices
    sizes = np.array([[1.0, 2.0], [3.0, -1.0]], "float32")
    words = np.array([b"bee", b"cow"])
    examples = [example(word=w, size=s) for w, s in zip(words, sizes, strict=True)]
    served = ask(report, "regress", inputs=examples)
    expected = model.predict([tf.constant(words), sizes], verbose=0)
    np.testing.assert_allclose(served["outputs"], expected, atol=1e-6)


def test_integers_come_as_int64(tmp_path, ask):
    layers = [keras.layers.Rescaling(2.0), keras.layers.Dense(1, kernel_initializer="ones")]
    model = keras.Sequential([keras.Input((3,), dtype="uint8"), *layers])
    report = serving.export(model, tmp_path, verify=False)
    served = ask(report, "regress", inputs=[example(features=np.array([1, 2, 3]))])
    assert served["outputs"].tolist() == [[12.0]]


def test_an_example_without_a_feature_is_refused(iris, rows):
    predictor = serving.Predictor(iris[1].path, signature="classify")
    with pytest.raises(ValueError, match="features"):
        predictor([example(other=rows[0])])


def test_each_signature_names_its_method(iris, prices):
    found = {}
    for _, report in (iris, prices):
        saved = saved_model_pb2.SavedModel.FromString((report.path / "saved_model.pb").read_bytes())
        [graph] = saved.meta_graphs
        for name in report.signatures:
            found[name] = graph.signature_def[name].method_name
    assert found == {
        "serving_default": "tensorflow/serving/predict",
        "classify": "tensorflow/serving/classify",
        "regress": "tensorflow/serving/regress",
    }


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([keras.Input((4,)), keras.layers.Dense(2, "softmax")], ["serving_default", "classify"]),
        ([keras.Input((4,)), keras.layers.Dense(2)], ["serving_default"]),
        ([keras.Input((4,)), keras.layers.Dense(1)], ["serving_default", "regress"]),
        ([keras.Input((None, 4)), keras.layers.LSTM(1)], ["serving_default"]),
        ([keras.Input((4, 4, 1)), keras.layers.Flatten()], ["serving_default", "image_bytes"]),
        ([keras.Input((4, 4, 4)), keras.layers.Flatten()], ["serving_default"]),
        ([keras.Input((None, 4, 1)), keras.layers.MaxPooling2D()], ["serving_default"]),
    ],
)
def test_a_model_gets_the_signatures_that_suit_it(layers, expected):
    assert list(choose(traced(keras.Sequential(layers)), None, "auto")) == expected


def traced(model):
    return trace(model, input_structure(model))


def test_only_the_signatures_that_are_named(classifier):
    assert list(choose(traced(classifier), None, iter(["classify"]))) == ["classify"]


@pytest.mark.parametrize("signatures", [["image_bytes"], ["regress"], ["clasify"], "classify", []])
def test_signatures_that_cannot_be(signatures, classifier, invalid):
    with invalid("signatures") as caught:
        choose(traced(classifier), None, signatures)
    if signatures == ["clasify"]:
        assert "`classify`" in caught.value.hint


def test_numbers_of_any_kind_come_out_as_float32(tmp_path, ask):
    class Largest(keras.layers.Layer):
        def call(self, x):
            return {"place": keras.ops.argmax(x, -1), "positive": keras.ops.max(x, -1) > 0}

    model = keras.Sequential([keras.Input((3,)), Largest()])
    report = serving.export(model, tmp_path, verify=False)
    served = ask(report, features=np.array([[1.0, 3, 2], [-3, -2, -1]], "float32"))
    assert {name: (a.dtype.name, a.tolist()) for name, a in served.items()} == {
        "place": ("float32", [1.0, 2.0]),
        "positive": ("float32", [1.0, 0.0]),
    }


class Shift(keras.layers.Layer):
    def __init__(self, by):
        super().__init__()
        self.by = self.add_weight(
            shape=(), dtype="int64", initializer=keras.initializers.Constant(by), trainable=False
        )

    def call(self, x):
        return x + self.by


def test_integers_that_cannot_be_served_are_not_published(tmp_path, invalid):
    model = keras.Sequential([keras.Input((2,), dtype="int64"), Shift(2**24)])
    with invalid("model"):
        serving.export(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_integers_are_compared_exactly(tmp_path, monkeypatch):
    model = keras.Sequential([keras.Input((2,), dtype="int64"), Shift(2**23)])
    save = tf.saved_model.save

    def save_another(*args, **kwargs):
        model.layers[0].by.assign_add(1)
        save(*args, **kwargs)
        model.layers[0].by.assign_sub(1)

    monkeypatch.setattr("tensorflow.saved_model.save", save_another)
    # A difference of 1 in 8 million would be within the tolerance of floats.
    with pytest.raises(ValueError, match="`predictions` of `serving_default` differs by inf"):
        serving.export(model, tmp_path)
