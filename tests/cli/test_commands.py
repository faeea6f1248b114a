"""`kerasnn`, for a newcomer and for a script."""

import base64
import contextlib
import io
import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasnn import serving
from kerasnn.__main__ import main
from kerasnn.serving.runtime import c_library, recorded_examples
from tests.helpers.seeds import set_seeds


def say(*words):
    return main([str(word) for word in words])


@pytest.fixture(scope="session")
def classifier():
    set_seeds(1)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dense(3, "softmax"),
        ]
    )


@pytest.fixture(scope="session")
def iris(classifier, tmp_path_factory):
    """Path of a served classifier of four numbers."""
    path = tmp_path_factory.mktemp("served") / "iris"
    serving.export(classifier, path, labels=["ant", "bee", "cat"], verify=False)
    return path


@pytest.fixture(scope="session")
def photo_model():
    set_seeds(1)
    return keras.Sequential(
        [
            keras.Input((8, 6, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )


@pytest.fixture(scope="session")
def photos(photo_model, tmp_path_factory):
    """Path of a served classifier of images."""
    path = tmp_path_factory.mktemp("served") / "photos"
    serving.export(photo_model, path, labels=["cat", "dog"], verify=False)
    return path


@pytest.fixture
def file(classifier, tmp_path):
    classifier.save(tmp_path / "iris.keras")
    return tmp_path / "iris.keras"


@pytest.fixture
def table(tmp_path):
    """A table of two rows for the model `iris`."""
    table = tmp_path / "rows.csv"
    table.write_text("a,b,c,d\n1,2,3,4\n0.5,0.2,-1,3\n")
    return table


ROWS = np.array([[1, 2, 3, 4], [0.5, 0.2, -1, 3]], "float32")


@pytest.mark.slow
def test_a_failure_is_an_exit_code_and_a_line(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "kerasnn", "verify", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("kerasnn: `PATH` must be a SavedModel, or a directory of numbered vers")


def test_a_wrong_command_line_exits_with_2(capsys):
    with pytest.raises(SystemExit) as caught:
        say("predict", "here")
    assert caught.value.code == 2
    assert "the following arguments are required: INPUT" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        say("predict", "here", "a.csv", "--header", "--no-header")
    assert "not allowed with argument --header" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        say("train", "a.csv", "--resizze", "pad")
    error = capsys.readouterr().err
    assert "usage: kerasnn train" in error
    assert "unrecognized arguments: --resizze pad Did you mean `--resize`?" in error
    assert say("predict", "here", "no.jpg") == 1
    assert "be files that are there; got no.jpg" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["export", "verify", "predict"])
def test_help_of_each_command(command, capsys):
    with pytest.raises(SystemExit) as caught:
        say(command, "--help")
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: kerasnn {command}" in out
    assert "PATH" in out


def test_export_verify_and_predict(file, table, classifier, tmp_path, capsys):
    path = tmp_path / "iris"
    labels = tmp_path / "labels.txt"
    # Spaces at the ends, and a byte order mark, are no part of a label.
    labels.write_text("ant \nbee\t\ncat \n", encoding="utf-8-sig")
    np.save(tmp_path / "rows.npy", ROWS)
    assert say("export", file, path, "--labels", labels, "--examples", tmp_path / "rows.npy") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path / '1'}: version 1, ")
    assert "docker run" in out
    # The request in the card is the first of the examples.
    assert '"instances": [[1.0, 2.0, 3.0, 4.0]]' in out
    assert (path / "1" / "assets.extra" / "labels.txt").read_text() == "ant\nbee\ncat\n"
    assert say("verify", path) == 0
    assert capsys.readouterr().out.startswith("serving_default: largest difference ")
    assert say("predict", path, table) == 0
    said = capsys.readouterr()
    predicted = json.loads(said.out)["predictions"]
    expected = classifier.predict(ROWS, verbose=0)
    np.testing.assert_allclose([row["probabilities"] for row in predicted], expected, atol=1e-6)
    assert [row["labels"] for row in predicted] == [
        ["ant", "bee", "cat"][i] for i in expected.argmax(1)
    ]
    # That the columns were taken by position is reported.
    assert "were taken in their order: a, b, c, d" in said.err


def test_options_reach_export(file, tmp_path, capsys):
    path = tmp_path / "served"
    labels = ("--labels", "ant", "bee", "cat")
    few = ("--signatures", "serving_default", "--batch-sizes", 2, 3)
    quick = ("--version", 7, "--no-warmup", "--no-verify")
    assert say("export", file, path, *labels, *quick, *few) == 0
    assert "version 7" in capsys.readouterr().out
    assert not (path / "7" / "assets.extra" / "tf_serving_warmup_requests").exists()
    assert not (path / "7" / "assets.extra" / "examples.npz").exists()
    assert sorted(tf.saved_model.load(path / "7").signatures) == ["serving_default"]
    assert "max_batch_size { value: 3 }" in (path / "batching_parameters.txt").read_text()
    assert say("export", file, path, "--version", 7) == 1
    error = capsys.readouterr().err
    assert "`--version` must be new in" in error
    assert "got --version 7." in error
    assert "give --overwrite." in error
    assert say("export", file, path, *quick, "--overwrite", "--signatures", "auto") == 0
    assert sorted(tf.saved_model.load(path / "7").signatures) == ["classify", "serving_default"]


def test_an_export_resizes_images_as_asked(photo_model, tmp_path):
    photo_model.save(tmp_path / "photos.keras")
    quick = ("--no-warmup", "--no-verify", "--signatures", "image_bytes", "--resize", "pad")
    assert say("export", tmp_path / "photos.keras", tmp_path / "served", *quick) == 0
    card = tmp_path / "served" / "1" / "assets.extra" / "model_card.json"
    assert json.loads(card.read_text())["resize"] == "pad"


@pytest.mark.parametrize("option", ["--labels", "--examples"])
@pytest.mark.parametrize("contents", [b"\xff\xfe\x00", None, b""])
def test_an_option_with_a_file_that_is_none(option, contents, file, tmp_path, capsys):
    other = tmp_path / "other.npy"
    if contents is not None:
        other.write_bytes(contents)
    assert say("export", file, tmp_path / "served", option, other) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"kerasnn: `{option}` must be a ")
    assert str(other) in said


def test_places_that_hold_no_versions(file, iris, tmp_path, capsys):
    assert say("export", file, "") == 1
    assert "`PATH` must be the directory of the versions" in capsys.readouterr().err
    before = sorted((iris / "1").iterdir())
    assert say("export", file, iris / "1") == 1
    assert "got one of them, the SavedModel '" in capsys.readouterr().err
    assert sorted((iris / "1").iterdir()) == before
    (tmp_path / "9").mkdir()
    assert say("verify", tmp_path) == 1
    assert f"'{tmp_path / '9'}', where there is no `saved_model.pb`" in capsys.readouterr().err


def test_predicting_needs_tensorflows_c_library(iris, table, monkeypatch, capsys):
    c_library.load.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    try:
        assert say("predict", iris, table) == 1
    finally:
        c_library.load.cache_clear()
    assert "kerasnn: TensorFlow's C library, `libtensorflow_cc`, must" in capsys.readouterr().err


def test_images(photos, photo_model, tmp_path, capsys):
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3)).astype("uint8")
    files = [tmp_path / "a.png", tmp_path / "b.PNG", tmp_path / "c.webp"]
    for place, turned in zip(files, (image, image[::-1]), strict=False):
        place.write_bytes(tf.io.encode_png(turned).numpy())
    # One black pixel.
    webp = "UklGRhoAAABXRUJQVlA4TA4AAAAvAAAAAAcQEf0PRET/Aw=="
    files[2].write_bytes(base64.b64decode(webp))
    assert say("predict", photos, *files) == 0
    predicted = json.loads(capsys.readouterr().out)["predictions"]
    x = np.stack([image, image[::-1], np.zeros_like(image)]).astype("float32")
    p = photo_model.predict(x, verbose=0)
    both = np.hstack([1 - p, p])
    np.testing.assert_allclose([row["probabilities"] for row in predicted], both, atol=1e-6)
    # The label is that of the larger probability.
    chosen = [row["probabilities"][["cat", "dog"].index(row["labels"])] for row in predicted]
    np.testing.assert_allclose(chosen, np.maximum(p, 1 - p)[:, 0], atol=1e-6)


def test_files_that_are_no_images(photos, iris, tmp_path, capsys):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    files[0].write_bytes(tf.io.encode_png(np.zeros((8, 6, 3), "uint8")).numpy())
    files[1].write_text("not an image")
    assert say("predict", photos, *files) == 1
    said = capsys.readouterr().err
    assert f"`INPUT` must be an image that TensorFlow can decode; got {files[1]}" in said
    # No names of nodes.
    assert "{{" not in said
    Image.fromarray(np.zeros((8, 6), "uint16")).save(files[1])
    assert say("predict", photos, *files) == 1
    assert "a PNG of 16 bits a channel" in capsys.readouterr().err
    assert say("predict", photos, files[0], "--no-header") == 1
    assert "`--no-header` must be left out for images" in capsys.readouterr().err
    assert say("predict", photos, files[0], tmp_path / "rows.csv") == 1
    assert "`INPUT` must be CSV files or image files; got both" in capsys.readouterr().err
    assert say("predict", photos, tmp_path) == 1
    assert f"`INPUT` must be files; got the directory {tmp_path}. For" in capsys.readouterr().err
    assert say("predict", iris, files[0]) == 1
    assert f"the model in {iris}, which takes no image files" in capsys.readouterr().err
    (tmp_path / "rows.csv").write_text("1,2\n")
    assert say("predict", photos, tmp_path / "rows.csv") == 1
    assert f"while the model in {photos} takes images" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.avif", "a.TIFF"])
def test_images_that_tensorflow_does_not_decode(name, photos, tmp_path, capsys):
    (tmp_path / name).write_bytes(b"RIFF")
    assert say("predict", photos, tmp_path / name) == 1
    said = capsys.readouterr().err
    assert "`INPUT` must be a CSV file or an image (.bmp, .gif, .jpeg, .jpg, .png, .webp); " in said


def test_a_table_that_does_not_fit(iris, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text("a,b,c\n1,2,3\n")
    assert say("predict", iris, tmp_path / "rows.csv") == 1
    said = capsys.readouterr()
    assert "rows.csv: `features` must have shape (batch, 4)" in said.err
    assert said.out == ""


def foreign(path, function):
    """A SavedModel that is not kerasnn's, of two numbers a row."""
    module = tf.Module()
    module.serve = tf.function(function, input_signature=[tf.TensorSpec((None, 2), name="x")])
    tf.saved_model.save(module, path, signatures={"serving_default": module.serve})


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: {"y": tf.reduce_sum(x)}, "whose output 'y' has shape ()"),
        (lambda x: {"y": x, "z": tf.ones((3,))}, "whose output 'z' has shape (3,)"),
        (lambda x: {"y": x / 0.0}, "predicts finite numbers, because JSON has no others"),
    ],
)
def test_outputs_that_cannot_be_printed_by_row(function, message, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    foreign(tmp_path / "model", function)
    assert say("predict", tmp_path / "model", tmp_path / "rows.csv") == 1
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""


def test_a_moved_directory_is_reported(iris, tmp_path, capsys):
    # `verify` runs the model again, so that only its note is of interest here.
    for name in ("models.config", "batching_parameters.txt"):
        (tmp_path / name).write_text((iris / name).read_text())
    foreign(tmp_path / "1", lambda x: {"y": x})
    example = recorded_examples.Example({"x": np.ones((1, 2))}, {"y": np.ones((1, 2))})
    (tmp_path / "1" / "assets.extra").mkdir()
    recorded_examples.write(tmp_path / "1" / recorded_examples.FILE, {"serving_default": example})
    assert say("verify", tmp_path) == 0
    said = capsys.readouterr()
    assert "largest difference" in said.out
    assert f"kerasnn: {tmp_path / 'models.config'} does not name the directory" in said.err


def test_a_console_that_lacks_letters(file, tmp_path):
    output = io.BytesIO()
    console = io.TextIOWrapper(output, encoding="ascii")
    with contextlib.redirect_stdout(console):
        status = say("export", file, tmp_path / "\u00e4", "--no-verify", "--no-warmup")
    console.flush()
    assert status == 0
    assert b"/\\xe4/1: version 1, " in output.getvalue()


def cut(contents):
    return contents[: len(contents) // 2]


def flipped(contents):
    place = contents.index(b"model.weights.h5") + 2000
    return contents[:place] + bytes([contents[place] ^ 1]) + contents[place + 1 :]


def misnamed(contents):
    """Its table of contents begins with other letters."""
    place = contents.rindex(b"PK\1\2")
    return contents[:place] + b"X" + contents[place + 1 :]


def packed(contents):
    """Deflated, and one of its bits flipped."""
    output = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(contents)) as archive,
        zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as smaller,
    ):
        for name in archive.namelist():
            smaller.writestr(name, archive.read(name))
    changed = bytearray(output.getvalue())
    changed[changed.index(b"model.weights.h5") + len("model.weights.h5")] ^= 7
    return bytes(changed)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (misnamed, "is damaged: Bad magic number for central directory."),
        (packed, "is damaged: Error -3 while decompressing data: invalid "),
        (cut, "`MODEL.keras` must be a `.keras` file of a model"),
        (lambda _: b"not a model", "which is another kind of file, or truncated"),
        (flipped, "is damaged: model.weights.h5 is not what was written"),
    ],
)
def test_files_that_are_no_model(damage, message, file, tmp_path, capsys):
    file.write_bytes(damage(file.read_bytes()))
    assert say("export", file, tmp_path / "served") == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "served").exists()


def test_a_file_with_code_in_it_is_not_run(tmp_path, capsys):
    ran = tmp_path / "ran"
    leave_a_trace = keras.layers.Lambda(lambda x, place=str(ran): (open(place, "w").close(), x)[1])
    model = keras.Sequential([keras.Input((2,)), leave_a_trace])
    model.save(tmp_path / "model.keras")
    ran.unlink()
    assert say("export", tmp_path / "model.keras", tmp_path / "served") == 1
    assert "cannot be loaded: " in capsys.readouterr().err
    assert not ran.exists()


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert say("export", tmp_path / "x.keras", tmp_path / "served") == 1
    assert "x.keras must be a model's file; it does not exist" in capsys.readouterr().err
