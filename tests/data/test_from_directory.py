import io
import pathlib
import re
import struct
import warnings
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps

from kerasnn import data
from kerasnn.data.images import decoding
from kerasnn.tasks import Task
from tests.helpers.seeds import set_seeds

FORMATS = ["JPEG", "PNG", "BMP", "GIF"]


def _pixels(level, size=(12, 16)):
    return np.full((*size, 3), level, np.uint8)


def _save(path, pixels, kind="PNG", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, kind, **options)


@pytest.fixture
def folder(tmp_path):
    """Three classes of ten flat images: the level tells class and number."""
    root = tmp_path / "images"
    for number, name in enumerate(["cat", "dog", "eel"]):
        for i in range(10):
            kind = FORMATS[i % 4]
            level = 80 * number + 4 * i
            _save(root / name / f"{i}.{kind.lower()}", _pixels(level), kind)
    return root


def _read(path, size, resize="stretch") -> Any:
    return decoding.read_file(decoding.read_program(size, "rgb", resize), path)[0]


def _unbatched(stream):
    xs, ys = zip(*stream.as_numpy_iterator(), strict=True)
    return np.concatenate(xs), np.concatenate(ys)


def test_every_image_arrives_once_with_its_class(folder):
    split = data.from_directory(folder, image_size=(6, 5))
    assert repr(split) == (
        "Split(multiclass, x_train=(24, 6, 5, 3) uint8, y_train=(24,) int64, "
        "x_test=(6, 6, 5, 3) uint8, y_test=(6,) int64, "
        "classes=cat (8 + 2), dog (8 + 2), eel (8 + 2), features=None)"
    )
    assert np.bincount(split.y_test).tolist() == [2, 2, 2]
    levels = np.concatenate([split.x_train, split.x_test])[:, 0, 0, 0]
    y = np.concatenate([split.y_train, split.y_test])
    np.testing.assert_array_equal(levels // 80, y)
    assert sorted(levels) == [80 * c + 4 * i for c in range(3) for i in range(10)]


def test_a_stream_holds_the_same_images_as_memory(folder):
    arguments = {"image_size": (6, 5), "color_mode": "grayscale", "seed": 7}
    memory = data.from_directory(folder, **arguments)
    stream = data.from_directory(folder, **arguments, in_memory=False, batch_size=10)
    assert (len(stream.x_train), len(stream.x_test)) == (3, 1)
    assert (stream.y_train, stream.y_test) == (None, None)
    assert stream.input_shape == memory.input_shape == (6, 5, 1)
    assert stream.outputs == memory.outputs == 3
    x, y = _unbatched(stream.x_train)
    order, given = np.argsort(x[:, 0, 0, 0]), np.argsort(memory.x_train[:, 0, 0, 0])
    np.testing.assert_array_equal(x[order], memory.x_train[given])
    np.testing.assert_array_equal(y[order], memory.y_train[given])
    x, y = _unbatched(stream.x_test)
    np.testing.assert_array_equal(x, memory.x_test)
    np.testing.assert_array_equal(y, memory.y_test)


@pytest.mark.parametrize(
    ("kind", "mode", "tolerance"),
    [
        ("PNG", "RGB", 0),
        ("PNG", "L", 0),
        ("PNG", "P", 0),
        ("PNG", "RGBA", 0),
        ("PNG", "1", 0),
        ("WEBP", "RGB", 1),
        ("BMP", "RGB", 0),
        ("BMP", "L", 0),
        ("BMP", "RGBA", 0),
        ("GIF", "P", 0),
        ("JPEG", "RGB", 4),
        ("JPEG", "L", 4),
        ("JPEG", "CMYK", 4),
    ],
)
def test_images_are_decoded_as_pillow_decodes_them(tmp_path, kind, mode, tolerance):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    path = tmp_path / "x"
    Image.fromarray(pixels).convert(mode).save(path, kind)
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert("RGB")).astype(int)
    found: Any = _read(path, (7, 9))
    assert np.abs(found.astype(int) - expected).max() <= tolerance


def _saved(path, shape, kind="PNG"):
    """Writes an image without fine detail, and returns its pixels as Pillow reads them."""
    small = np.random.default_rng(0).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    image = Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    image.save(path, kind)
    with Image.open(path) as stored:
        return np.asarray(stored.convert("RGB"))


def _averaged(pixels, height, width):
    """Averages over the area of each new pixel."""
    fine = pixels.astype(float).repeat(height, axis=0).repeat(width, axis=1)
    return fine.reshape(height, len(pixels), width, pixels.shape[1], 3).mean(axis=(1, 3))


@pytest.mark.parametrize(
    ("shape", "kind", "tolerance"),
    [
        ((32, 48), "PNG", 1),
        ((30, 25), "PNG", 1),
        # Reduced while they are decoded.
        ((160, 224), "JPEG", 4),
        ((80, 48), "JPEG", 8),
    ],
)
def test_a_much_larger_image_is_averaged(tmp_path, shape, kind, tolerance):
    pixels = _saved(tmp_path / "x", shape, kind)
    found = _read(tmp_path / "x", (5, 7))
    assert np.abs(found - _averaged(pixels, 5, 7)).max() <= tolerance


def test_a_smaller_image_is_interpolated_as_pillow_does_it(tmp_path):
    pixels = _saved(tmp_path / "x", (4, 5))
    expected = np.asarray(Image.fromarray(pixels).resize((7, 5), Image.Resampling.BILINEAR))
    assert np.abs(_read(tmp_path / "x", (5, 7)) - expected.astype(int)).max() <= 1


def test_fine_stripes_become_grey(tmp_path):
    stripes = np.zeros((60, 98, 3), np.uint8)
    stripes[:, ::2] = 200
    _save(tmp_path / "x", stripes)
    np.testing.assert_allclose(_read(tmp_path / "x", (5, 7)), 100, atol=1)


def test_crop_cuts_the_longer_side_at_both_ends(tmp_path):
    for shape, kept in (((40, 120), np.s_[:, 20:100]), ((120, 40), np.s_[50:70])):
        pixels = _saved(tmp_path / "x", shape)
        found = _read(tmp_path / "x", (10, 20), "crop")
        assert np.abs(found - _averaged(pixels[kept], 10, 20)).max() <= 1


def test_pad_keeps_all_between_black_bars(tmp_path):
    for shape, inside in (((40, 100), np.s_[1:9]), ((100, 40), np.s_[:, 8:12])):
        pixels = _saved(tmp_path / "x", shape)
        expected = np.zeros((10, 20, 3))
        expected[inside] = _averaged(pixels, *expected[inside].shape[:2])
        found = _read(tmp_path / "x", (10, 20), "pad")
        assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_a_stream_of_photographs_holds_the_same_images_as_memory(tmp_path, resize):
    """Whatever its formats, sizes and orientations."""
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    for i, (height, width) in enumerate(
        [(60, 90), (24, 20), (9, 9), (150, 140), (30, 70), (8, 40)]
    ):
        pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        _save(tmp_path / "ab"[i % 2] / f"{i}.jpg", pixels, "JPEG", **({"exif": exif} if i else {}))
        _save(tmp_path / "ab"[i % 2] / f"{i}.png", pixels[::-1], "PNG")
        _save(tmp_path / "ab"[i % 2] / f"{i}.webp", pixels[:, ::-1], "WEBP")
    _with_alpha(pixels, 255).save(tmp_path / "a" / "opaque.png")
    _with_alpha(pixels[::-1, ::-1], 255).save(tmp_path / "b" / "opaque.webp", lossless=True)
    arguments = {"image_size": (10, 8), "resize": resize, "test_size": 0.9}
    memory = data.from_directory(tmp_path, **arguments)
    stream = data.from_directory(tmp_path, **arguments, in_memory=False)
    np.testing.assert_array_equal(_unbatched(stream.x_test)[0], memory.x_test)
    np.testing.assert_array_equal(stream.files_test, memory.files_test)


def test_the_files_of_each_row(folder):
    split = data.from_directory(folder, image_size=(6, 5))
    assert split.resize == "stretch"
    for files, y, x in (
        (split.files_train, split.y_train, split.x_train),
        (split.files_test, split.y_test, split.x_test),
    ):
        assert [split.classes[i] for i in y] == [pathlib.Path(f).parent.name for f in files]
        levels = [_read(pathlib.Path(file), (6, 5))[0, 0, 0] for file in files]
        np.testing.assert_array_equal(x[:, 0, 0, 0], levels)


def test_copies_between_training_and_test_are_told(folder):
    for i in range(10):
        _save(folder / "dog" / f"copy{i}.png", _pixels(4 * i), "PNG")
    for in_memory in (True, False):
        with pytest.warns(UserWarning, match=r"of 8 test images .*in the training part") as caught:
            data.from_directory(folder, image_size=(4, 4), in_memory=in_memory)
        assert caught[0].filename == __file__
        assert re.search(r": \w+/(copy)?\d\.\w+ = \w+/(copy)?\d\.\w+", str(caught[0].message))


def test_an_animated_gif_gives_its_first_frame(tmp_path):
    frames = [Image.fromarray(_pixels(200))]
    for i in range(4):
        folder = tmp_path / "ab"[i % 2]
        folder.mkdir(exist_ok=True)
        first = Image.fromarray(_pixels(10 + i))
        first.save(folder / f"{i}.gif", save_all=True, append_images=frames)
    split = data.from_directory(tmp_path, image_size=(4, 4), test_size=0.5)
    assert set(split.x_train.ravel()) < {10, 11, 12, 13}
    assert split.task is Task.BINARY
    assert split.outputs == 1


def _corrupt(folder):
    image = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(image, "JPEG")
    (folder / "cat" / "half.jpg").write_bytes(image.getvalue()[: len(image.getvalue()) // 2])
    (folder / "dog" / "empty.png").write_bytes(b"")
    (folder / "dog" / "notes.txt").write_text("BM is how a bitmap begins, and this is not one.")
    Image.fromarray(noise).convert("P").save(folder / "eel" / "table.bmp")
    Image.fromarray(np.full((4, 4), 4000, np.uint16)).save(folder / "cat" / "scan.png")


def test_corrupt_files_are_named_or_skipped_and_counted(folder, invalid):
    clean = data.from_directory(folder, image_size=(4, 4))
    _corrupt(folder)
    unreadable = r"\(no whole JPEG, PNG, BMP, WebP or GIF\)"
    named = (
        rf"5 of 35 files under .* cannot be used: cat/half.jpg {unreadable}, cat/scan.png "
        rf"\(a PNG of 16 bits .*\), dog/empty.png {unreadable}, dog/notes.txt \(a BMP .*\), "
        r"eel/table.bmp \(a BMP with a colour table"
    )
    for in_memory in (True, False):
        arguments = {"image_size": (4, 4), "in_memory": in_memory}
        with invalid("path", str(folder)) as caught:
            data.from_directory(folder, **arguments)
        assert re.search(named, str(caught.value))
        assert "errors='skip'" in caught.value.hint
        with pytest.warns(UserWarning, match="^Skipped: " + named) as warned:
            split = data.from_directory(folder, **arguments, errors="skip")
        assert warned[0].filename == __file__
        x = split.x_test if in_memory else _unbatched(split.x_test)[0]
        np.testing.assert_array_equal(x, clean.x_test)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_images_are_turned_upright_as_pillow_turns_them(tmp_path, kind):
    corners = np.full((16, 24, 3), 100, np.uint8)
    corners[:8, :8], corners[:8, 8:] = 40, 200
    path = tmp_path / "x"
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x010F], exif[0x0112] = "maker", orientation
        _save(path, corners, kind, exif=exif)
        with Image.open(path) as stored:
            expected = np.asarray(ImageOps.exif_transpose(stored).convert("RGB")).astype(int)
        found: Any = _read(path, (expected.shape[0], expected.shape[1]))
        assert np.abs(found.astype(int) - expected).max() <= 4


def _little_endian(orientation):
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)


@pytest.mark.parametrize(
    ("exif", "is_turned"),
    [
        (_little_endian(3), True),
        (_little_endian(0), False),
        (_little_endian(9), False),
        (_little_endian(3)[:20], False),
        (b"Exif\0\0", False),
    ],
)
def test_exif_data_of_other_forms(tmp_path, exif, is_turned):
    pixels = np.arange(0, 240, 5, dtype=np.uint8).reshape(4, 4, 3)
    _save(tmp_path / "x.png", pixels, "PNG", exif=exif)
    found = _read(tmp_path / "x.png", (4, 4))
    np.testing.assert_array_equal(found, pixels[::-1, ::-1] if is_turned else pixels)


def _table(pixels):
    return Image.fromarray(pixels).quantize(4)


def _with_alpha(pixels, alpha):
    image = Image.fromarray(pixels).convert("RGBA")
    image.putalpha(Image.fromarray(np.full(pixels.shape[:2], 255, np.uint8)))
    image.putpixel((0, 0), (*pixels[0, 0].tolist(), alpha))
    return image


# Name -> image, format, options, and what is wrong with the file.
ODD = {
    "16 bits": (lambda p: Image.fromarray(p[..., 0].astype(np.uint16)), "PNG", {}, "16 bits"),
    "RGBA": (lambda p: _with_alpha(p, 254), "PNG", {}, "transparent"),
    "LA": (lambda p: _with_alpha(p, 0).convert("LA"), "PNG", {}, "transparent"),
    "PNG table": (_table, "PNG", {"transparency": bytes([99])}, "transparent"),
    "PNG colour": (Image.fromarray, "PNG", {"transparency": (0, 1, 2)}, "transparent"),
    "WebP": (lambda p: _with_alpha(p, 9), "WEBP", {"lossless": True, "exact": True}, "transparent"),
    "GIF": (_table, "GIF", {"transparency": 0, "comment": b"x" * 600}, "transparent"),
    "BMP table": (_table, "BMP", {}, "colour table"),
    "BMP of 1 bit": (lambda p: Image.fromarray(p).convert("1"), "BMP", {}, "colour table"),
    "opaque PNG": (lambda p: _with_alpha(p, 255), "PNG", {}, None),
    "opaque table": (_table, "PNG", {"transparency": bytes([255])}, None),
    "other colour": (Image.fromarray, "PNG", {"transparency": (9, 9, 9)}, None),
    "opaque WebP": (lambda p: _with_alpha(p, 255), "WEBP", {"lossless": True}, None),
    "GIF comment": (_table, "GIF", {"comment": b"x" * 600}, None),
}


@pytest.mark.parametrize("name", ODD)
def test_a_file_is_refused_whose_levels_are_not_those_that_one_sees(tmp_path, name):
    make, kind, options, wrong = ODD[name]
    pixels = np.arange(0, 144, dtype=np.uint8).reshape(6, 8, 3)
    path = tmp_path / "x"
    make(pixels).save(path, kind, **options)
    found = _read(path, (6, 8))
    if wrong is None:
        with Image.open(path) as stored:
            np.testing.assert_array_equal(found, np.asarray(stored.convert("RGBA"))[..., :3])
        return
    assert found is None
    assert wrong in decoding.read_file(decoding.read_program((6, 8), "rgb"), path)[1]


def test_a_small_first_frame_of_a_gif_is_refused(tmp_path):
    """What it leaves free is transparent."""
    path = tmp_path / "x.gif"
    _table(np.arange(0, 144, dtype=np.uint8).reshape(6, 8, 3)).save(path)
    assert _read(path, (6, 8)) is not None
    contents = bytearray(path.read_bytes())
    # The width of the screen, above that of the frame.
    contents[6:8] = struct.pack("<H", 9)
    path.write_bytes(contents)
    assert _read(path, (6, 8)) is None


def test_hidden_files_and_files_beside_the_classes_are_ignored(folder):
    clean = data.from_directory(folder, image_size=(4, 4))
    for name in (".git", "__MACOSX"):
        _save(folder / name / "0.png", _pixels(9))
    (folder / "cat" / ".DS_Store").write_bytes(b"x")
    (folder / "LICENSE").write_text("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split = data.from_directory(str(folder), image_size=(4, 4))
    assert split.classes == clean.classes
    np.testing.assert_array_equal(split.x_train, clean.x_train)


def test_classes_chooses_and_orders_the_folders(folder):
    (folder / "old").mkdir()
    split = data.from_directory(folder, image_size=(4, 4), classes=["eel", "cat"])
    assert split.classes == ("eel", "cat")
    assert set(split.x_train[split.y_train == 0, 0, 0, 0] // 80) == {2}


def test_a_folder_that_is_no_class(folder, invalid):
    (folder / "old").mkdir()
    with invalid("path", str(folder / "old")):
        data.from_directory(folder, image_size=(4, 4))
    (folder / "old" / "notes.txt").write_text("x")
    with (
        pytest.warns(UserWarning, match="1 of 31 files"),
        invalid("path", str(folder / "old")),
    ):
        data.from_directory(folder, image_size=(4, 4), errors="skip")
    _save(folder / "old" / "cat" / "0.png", _pixels(3))
    with invalid("path", str(folder / "old" / "cat")):
        data.from_directory(folder, image_size=(4, 4))


def test_a_class_with_one_image(folder, invalid):
    _save(folder / "fox" / "0.png", _pixels(3))
    with invalid("path", "fox"):
        data.from_directory(folder, image_size=(4, 4))


@pytest.mark.parametrize(
    ("argument", "value", "hint"),
    [
        ("image_size", 64, ""),
        ("image_size", (0, 4), ""),
        ("color_mode", "gray", ""),
        ("resize", "squash", ""),
        ("errors", "ignore", ""),
        ("test_size", 1, ""),
        ("classes", ["cat"], ""),
        ("classes", ["cat", "cat"], ""),
        ("classes", "cat", ""),
        ("classes", ["cat", "dgo"], "Did you mean `dog`?"),
        ("classes", ["cat", "zebra"], "There are cat, dog, eel."),
    ],
)
def test_wrong_arguments(folder, invalid, argument, value, hint):
    with invalid(argument, value[-1] if hint else value) as caught:
        data.from_directory(folder, **{"image_size": (4, 4), argument: value})
    assert hint in caught.value.hint


def test_a_folder_without_classes(tmp_path, invalid):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        data.from_directory(tmp_path / "none", image_size=(4, 4))
    _save(tmp_path / "only" / "0.png", _pixels(3))
    with invalid("path", str(tmp_path)):
        data.from_directory(tmp_path, image_size=(4, 4))
    with pytest.raises(FileNotFoundError, match="is a file"):
        data.from_directory(tmp_path / "only" / "0.png", image_size=(4, 4))


@pytest.mark.slow
def test_a_network_learns_from_a_stream(folder):
    split = data.from_directory(folder, image_size=(4, 4), in_memory=False, classes=("cat", "eel"))
    set_seeds(0)
    model = keras.Sequential(
        [
            keras.Input(split.input_shape),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Flatten(),
            keras.layers.Dense(split.outputs, split.task.activation),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), **split.task.compile_arguments())
    model.fit(split.x_train, split.y_train, epochs=30, shuffle=False, verbose=0)
    assert model.evaluate(split.x_test, split.y_test, verbose=0)[1] == 1
