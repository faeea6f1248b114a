"""`python -m kerasnn`, for a newcomer and for a script."""

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
from kerasnn.serving.runtime import c_library


def say(*words):
    return main([str(word) for word in words])


@pytest.fixture
def file(classifier, tmp_path):
    classifier.save(tmp_path / "iris.keras")
    return tmp_path / "iris.keras"


@pytest.mark.slow
def test_a_process_of_its_own_tells_failure(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "kerasnn", "verify", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("kerasnn: `path` must be a SavedModel, or a directory of numbered vers")


def test_a_wrong_command_line_exits_with_2(capsys):
    with pytest.raises(SystemExit) as caught:
        say("predict", "here")
    assert caught.value.code == 2
    assert "the following arguments are required: INPUT" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["export", "verify", "predict"])
def test_help_of_each_command(command, capsys):
    with pytest.raises(SystemExit) as caught:
        say(command, "--help")
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: python -m kerasnn {command}" in out
    assert "PATH" in out


def test_export_verify_and_predict(file, classifier, rows, tmp_path, capsys):
    path = tmp_path / "iris"
    assert say("export", file, path, "--labels", "ant", "bee", "cat") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path / '1'}: version 1, ")
    assert "docker run" in out
    assert "curl -d '{" in out
    assert say("verify", path) == 0
    assert capsys.readouterr().out.startswith("serving_default: largest difference ")
    np.savetxt(tmp_path / "rows.csv", rows, delimiter=",", header="a,b,c,d", comments="")
    assert say("predict", path, tmp_path / "rows.csv") == 0
    answers = json.loads(capsys.readouterr().out)["predictions"]
    expected = classifier.predict(rows, verbose=0)
    np.testing.assert_allclose([row["probabilities"] for row in answers], expected, atol=1e-6)
    names = [["ant", "bee", "cat"][row.argmax()] for row in expected]
    assert [row["labels"] for row in answers] == names


def test_options_reach_export(file, tmp_path, capsys):
    labels = tmp_path / "labels.txt"
    labels.write_text("ant\nbee\ncat\n", encoding="utf-8-sig")
    path = tmp_path / "served"
    assert (
        say(
            *("export", file, path, "--labels", labels, "--version", 7, "--no-warmup"),
            *("--no-verify", "--signatures", "serving_default", "--batch-sizes", 2, 3),
        )
        == 0
    )
    assert "version 7" in capsys.readouterr().out
    assert (path / "7" / "assets.extra" / "labels.txt").read_text() == "ant\nbee\ncat\n"
    assert not (path / "7" / "assets.extra" / "tf_serving_warmup_requests").exists()
    assert sorted(tf.saved_model.load(path / "7").signatures) == ["serving_default"]
    assert "max_batch_size { value: 3 }" in (path / "batching_parameters.txt").read_text()
    assert say("export", file, path, "--version", 7) == 1
    assert "`version` must be new in" in capsys.readouterr().err
    every = ("--signatures", "auto")
    assert say("export", file, path, "--version", 7, "--no-verify", "--overwrite", *every) == 0
    assert sorted(tf.saved_model.load(path / "7").signatures) == ["classify", "serving_default"]


def test_images(photos, tmp_path, capsys):
    model, report = photos
    picture = np.random.default_rng(0).integers(0, 256, (8, 6, 3)).astype("uint8")
    files = [tmp_path / "a.png", tmp_path / "b.PNG"]
    for place, turned in zip(files, (picture, picture[::-1]), strict=True):
        place.write_bytes(tf.io.encode_png(turned).numpy())
    assert say("predict", report.path, *files) == 0
    answers = json.loads(capsys.readouterr().out)["predictions"]
    x = np.stack([picture, picture[::-1]]).astype("float32")
    p = model.predict(x, verbose=0)
    both = np.hstack([1 - p, p])
    np.testing.assert_allclose([row["probabilities"] for row in answers], both, atol=1e-6)
    # The probability that stands beside the label is the label's own.
    sure = [row["probabilities"][["cat", "dog"].index(row["labels"])] for row in answers]
    np.testing.assert_allclose(sure, np.maximum(p, 1 - p)[:, 0], atol=1e-6)


def test_the_file_that_is_no_image_is_named(photos, tmp_path, capsys):
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    files[0].write_bytes(tf.io.encode_png(np.zeros((8, 6, 3), "uint8")).numpy())
    files[1].write_text("not an image")
    assert say("predict", photos[1].path, *files) == 1
    said = capsys.readouterr().err
    assert f"{files[1]} must be an image that TensorFlow can decode" in said
    # No names of nodes.
    assert "{{" not in said
    Image.fromarray(np.zeros((8, 6), "uint16")).save(files[1])
    assert say("predict", photos[1].path, *files) == 1
    said = capsys.readouterr().err
    assert f"{files[1]} must be an image" in said
    assert "a PNG of 16 bits a channel" in said


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"\xff\xfe\x00", "or a text file in UTF-8 with a name a line; got"),
        (None, "No such file or directory"),
        (b"\n", "labels.txt is empty"),
    ],
)
def test_a_label_file_that_is_none(contents, message, file, tmp_path, capsys):
    labels = tmp_path / "labels.txt"
    if contents is not None:
        labels.write_bytes(contents)
    assert say("export", file, tmp_path / "served", "--labels", labels) == 1
    said = capsys.readouterr().err
    assert said.startswith("kerasnn: --labels must be a ")
    assert message in said


def test_places_that_hold_no_versions(file, iris, capsys):
    assert say("export", file, "") == 1
    assert "`path` must be the directory of the versions" in capsys.readouterr().err
    before = sorted(iris[1].path.iterdir())
    assert say("export", file, iris[1].path) == 1
    assert "got one of them, the SavedModel '" in capsys.readouterr().err
    assert sorted(iris[1].path.iterdir()) == before


def test_a_tensorflow_without_its_library(iris, tmp_path, monkeypatch, capsys):
    table = tmp_path / "rows.csv"
    table.write_text("a,b,c,d\n1,2,3,4\n")
    c_library.load.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    try:
        assert say("predict", iris[1].path, table) == 1
    finally:
        c_library.load.cache_clear()
    assert "kerasnn: TensorFlow's C library, `libtensorflow_cc`, must" in capsys.readouterr().err


def test_the_newest_version_that_is_empty_is_named(tmp_path, capsys):
    (tmp_path / "9").mkdir()
    assert say("verify", tmp_path) == 1
    assert f"'{tmp_path / '9'}', where there is no `saved_model.pb`" in capsys.readouterr().err


def test_columns_by_name(prices, tmp_path, capsys):
    table = tmp_path / "rows.csv"
    table.write_text("size,word\n1,bee\n")
    assert say("predict", prices[1].path, table) == 1
    assert "`size` must have shape (batch, 2); got (1, 1)" in capsys.readouterr().err
    word, size = keras.Input((), dtype="string", name="word"), keras.Input((1,), name="size")
    code = keras.layers.StringLookup(vocabulary=["ant", "bee"], output_mode="one_hot")(word)
    model = keras.Model([word, size], keras.layers.Concatenate()([code, size]))
    model.save(tmp_path / "model.keras")
    assert say("export", tmp_path / "model.keras", tmp_path / "served", "--no-verify") == 0
    capsys.readouterr()
    assert say("predict", tmp_path / "served", table) == 0
    assert json.loads(capsys.readouterr().out) == {"predictions": [{"predictions": [0, 0, 1, 1]}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3,4\n1,2,nan,4\n", "must hold finite numbers up to 3.4e+38 for this model"),
        ("1,2,3,4\n1,2,nan,4\n", "got 'nan' in line 2, column 3"),
        ("1,2,3,1e400\n", "got '1e400' in line 1, column 4"),
        # Float32 has no such number.
        ("1,2,3,1e300\n", "got '1e300' in line 1, column 4"),
        ("1,2,3,1_0\n", "got '1_0' in line 1, column 4"),
        ("1,2,3,4\n\n1,2,3\n", "line 3 has 3 cells, and line 1 has 4"),
        ("1,2,3\n", "`features` must have shape (batch, 4); got (1, 3)"),
        ("1,,3,4\n5,6,7,8\n", "got '' in line 1, column 2"),
        ("a,b,c,d\n5,6,7,8\n", "got 'a' in line 1, column 1"),
    ],
)
def test_rows_that_do_not_fit(text, message, iris, tmp_path, capsys):
    table = tmp_path / "rows.csv"
    table.write_text(text)
    assert say("predict", iris[1].path, table, "--no-header") == 1
    said = capsys.readouterr()
    assert (message in said.err, said.out) == (True, "")


DOUBT = "must show whether its first line is a header"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold at least one row of values; it is empty"),
        ("a,b,c,d\n", "its only line is a header: a, b, c, d"),
        ("1;2;3;4\n", "with commas between them; its only line is a header: 1;2;3;4"),
        ("a,b,c,d\n1,2,3,x\n", "got 'x' in line 2, column 4"),
        # What pandas writes for columns without names, what a survey calls its years, what a
        # spectrum calls its wavelengths; and rows.
        ("0,1,2,3\n0.5,0.2,-1,3\n", DOUBT),
        ("2019,2020,2021,2022\n0.5,0.2,-1,3\n", "line 1 holds nothing else: 2019, 2020, 2021"),
        ("400.5,401.5,402.5,403.5\n0.5,0.2,-1,3\n", DOUBT),
        ("0,1,2,3\n", DOUBT),
        ("0.5,0.2,-1,3\n1,2,3,4\n", "give --header if it holds names, --no-header if it is a row"),
        # A row, and not a header to pass over.
        ("1,,3,4\n5,6,7,8\n", "or of names for all columns; got '' in line 1, column 2"),
        ("1,2,3,4x\n5,6,7,8\n", "got '4x' in line 1, column 4, among numbers. Write the number"),
        ("1,2,3,1_0\n5,6,7,8\n", "got '1_0' in line 1, column 4, among numbers"),
        (",0,1,2,3\n0,5,6,7,8\n", "got '' in line 1, column 1, among numbers"),
        (",,,\n5,6,7,8\n", "got '' in line 1, column 1"),
        ("NA,?,NULL,NA\n5,6,7,8\n", "got 'NA' in line 1, column 1"),
    ],
)
def test_tables_that_do_not_fit(text, message, iris, tmp_path, capsys):
    table = tmp_path / "rows.csv"
    table.write_text(text)
    assert say("predict", iris[1].path, table) == 1
    said = capsys.readouterr()
    assert (message in said.err, said.out) == (True, "")


@pytest.mark.parametrize(
    ("first", "flags", "note"),
    [
        ("a,b,c,d\n", [], "a, b, c, d"),
        ("2019_20,2020_21,2021_22,2022_23\n", [], "2019_20, 2020_21"),
        ("0,1,2,3\n", ["--header"], "0, 1, 2, 3"),
        ("d,0,b,2019\n", ["--header"], "d, 0, b, 2019"),
        ("", ["--no-header"], None),
    ],
)
def test_a_header_is_no_row(first, flags, note, iris, rows, tmp_path, capsys):
    table = tmp_path / "rows.csv"
    np.savetxt(table, rows, delimiter=",")
    table.write_text(first + table.read_text())
    assert say("predict", iris[1].path, table, *flags) == 0
    said = capsys.readouterr()
    found = [row["probabilities"] for row in json.loads(said.out)["predictions"]]
    np.testing.assert_allclose(found, iris[0].predict(rows, verbose=0), atol=1e-6)
    # By position: that the names were not looked at is no secret.
    assert (f"were taken in their order: {note}" in said.err) == (note is not None)


def test_the_header_of_words(tmp_path, capsys):
    def joined(x):
        return {"y": tf.strings.reduce_join(x, axis=1, separator="+")}

    foreign(tmp_path / "join", joined, tf.string, None, 2)
    table = tmp_path / "rows.csv"

    def predict(text, *flags):
        table.write_text(text)
        status = say("predict", tmp_path / "join", table, *flags)
        said = capsys.readouterr()
        if status:
            return said.err
        return [row["y"] for row in json.loads(said.out)["predictions"]]

    assert predict("colour,size\nred,4\nblue,5\n") == ["red+4", "blue+5"]
    words = "colour,name\nred,ann\nblue,bob\n"
    assert "the model takes strings, and line 1 may be names or values: colour" in predict(words)
    assert predict(words, "--header") == ["red+ann", "blue+bob"]
    assert predict(words, "--no-header") == ["colour+name", "red+ann", "blue+bob"]
    assert DOUBT in predict("red,ann\n")


def test_columns_are_matched_by_name_in_any_order(tmp_path, capsys):
    names = ["a", "sepal width", "2019"]
    inputs = {name: keras.Input((1,), name=name) for name in names}
    scaled = [10.0**i * tensor for i, tensor in enumerate(inputs.values())]
    model = keras.Model(inputs, keras.layers.Add()(scaled))
    report = serving.export(model, tmp_path / "served")
    table = tmp_path / "rows.csv"
    for text in (
        "a,sepal width,2019\n1,2,3\n4,5,6\n",
        "2019,id,a,sepal width\n3,x,1,2\n6,y,4,5\n",
        "sepal_width,input_2019,a\n2,3,1\n5,6,4\n",
    ):
        for flags in ([], ["--header"]):
            table.write_text(text)
            assert say("predict", report.path, table, *flags) == 0
            said = capsys.readouterr()
            answers = json.loads(said.out)["predictions"]
            assert ([row["predictions"] for row in answers], said.err) == ([[321], [654]], "")
    for text, flags, message in (
        ("1,2,3\n4,5,6\n", [], "must have one column 'a', which is an input of the model"),
        (
            "1,2,3\n4,5,6\n",
            ["--no-header"],
            "must begin with a line of names, for the model takes 3",
        ),
        ("a,sepal width,sepal_width,2019\n1,2,2,3\n", [], "must have one column 'sepal_width'"),
    ):
        table.write_text(text)
        assert say("predict", report.path, table, *flags) == 1
        assert message in capsys.readouterr().err


def test_a_column_that_is_there_twice(prices, tmp_path, capsys):
    table = tmp_path / "rows.csv"
    table.write_text("word,size,word\nbee,1,ant\n")
    assert say("predict", prices[1].path, table) == 1
    said = capsys.readouterr().err
    assert "must have one column 'word', which is an input of the model; its first line nam" in said


@pytest.mark.parametrize(
    ("dtype", "text", "expected"),
    [
        ("bool", "a,b,c\n0,1,true\nFalse,0,TRUE\n", [[0, 1, 1], [0, 0, 1]]),
        ("bool", "a,b,c\ntrue,false,1\n", [[1, 0, 1]]),
        ("bool", "a,b,c\n1,0,2\n", "must hold 0, 1, true or false for this model"),
        ("uint8", "a,b,c\n1,255,0\n", [[1, 255, 0]]),
        ("uint8", "a,b,c\n1,256,0\n", "must hold whole numbers from 0 to 255 for this model"),
        (
            "int64",
            "a,b,c\n1,2,9223372036854775808\n",
            "got '9223372036854775808' in line 2, column 3",
        ),
        ("int64", "a,b,c\n1,2.5,3\n", "got '2.5' in line 2, column 2"),
        ("float16", "a,b,c\n1,65505,3\n", "must hold finite numbers up to 6.6e+04 for this model"),
    ],
)
def test_cells_of_each_dtype(dtype, text, expected, tmp_path, capsys):
    model = keras.Sequential([keras.Input((3,), dtype=dtype), keras.layers.Identity()])
    serving.export(model, tmp_path / "served", verify=False)
    table = tmp_path / "rows.csv"
    table.write_text(text)
    status = say("predict", tmp_path / "served", table)
    said = capsys.readouterr()
    if isinstance(expected, str):
        assert (status, expected in said.err) == (1, True), said.err
    else:
        answers = json.loads(said.out)["predictions"]
        assert [row["predictions"] for row in answers] == expected


def test_answers_that_json_cannot_hold(tmp_path, capsys):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(1e38)])
    serving.export(model, tmp_path / "served", verify=False)
    table = tmp_path / "rows.csv"
    table.write_text("a\n1e38\n")
    assert say("predict", tmp_path / "served", table) == 1
    said = capsys.readouterr()
    assert "must answer with finite numbers, for JSON has no others" in said.err
    assert said.out == ""


def test_images_for_a_model_that_takes_none(iris, tmp_path, capsys):
    file = tmp_path / "a.png"
    file.write_bytes(tf.io.encode_png(np.zeros((8, 6, 3), "uint8")).numpy())
    assert say("predict", iris[1].path, file) == 1
    said = capsys.readouterr().err
    assert f"{file} cannot be asked about: the model in {iris[1].path} takes no image files" in said


@pytest.mark.parametrize("name", ["a.avif", "a.TIFF"])
def test_images_that_tensorflow_does_not_decode(name, photos, tmp_path, capsys):
    (tmp_path / name).write_bytes(b"RIFF")
    assert say("predict", photos[1].path, tmp_path / name) == 1
    said = capsys.readouterr().err
    assert f"{name} must be a CSV file or an image (.bmp, .gif, .jpeg, .jpg, .png, .webp); " in said


def test_an_image_has_no_header(photos, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(b"")
    assert say("predict", photos[1].path, tmp_path / "a.png", "--no-header") == 1
    assert "--header and --no-header are for CSV files; got the im" in capsys.readouterr().err


def test_webp_is_an_image(photos, tmp_path, capsys):
    # One black pixel.
    text = "UklGRhoAAABXRUJQVlA4TA4AAAAvAAAAAAcQEf0PRET/Aw=="
    (tmp_path / "a.webp").write_bytes(base64.b64decode(text))
    assert say("predict", photos[1].path, tmp_path / "a.webp") == 0
    [answer] = json.loads(capsys.readouterr().out)["predictions"]
    black = np.zeros((1, 8, 6, 3), "float32")
    p = photos[0].predict(black, verbose=0).item()
    np.testing.assert_allclose(answer["probabilities"], [1 - p, p], atol=1e-6)


def foreign(path, answers, dtype, *shape):
    """A SavedModel that is not kerasnn's."""
    module = tf.Module()
    module.serve = tf.function(answers, input_signature=[tf.TensorSpec(shape, dtype, name="x")])
    tf.saved_model.save(module, path, signatures={"serving_default": module.serve})


def test_answers_that_are_not_one_a_row(tmp_path, capsys):
    table = tmp_path / "rows.csv"
    table.write_text("a,b\n1,2\n3,4\n")
    foreign(tmp_path / "sum", lambda x: {"y": tf.reduce_sum(x)}, tf.float32, None, 2)
    assert say("predict", tmp_path / "sum", table) == 1
    said = capsys.readouterr().err
    assert (
        f"{table} does not fit the model: its output 'y' must be one answer for each of 2" in said
    )
    foreign(tmp_path / "three", lambda x: {"y": x, "z": tf.ones((3,))}, tf.float32, None, 2)
    assert say("predict", tmp_path / "three", table) == 1
    said = capsys.readouterr().err
    assert "its output 'z' must be one answer for each of 2 rows, along the first axis; it" in said


def test_a_column_of_texts(tmp_path, capsys):
    foreign(tmp_path / "length", lambda x: {"y": tf.strings.length(x)}, tf.string, None)
    table = tmp_path / "rows.csv"
    table.write_text('good bad\n""\n' + "x" * 150_000 + "\n")
    assert say("predict", tmp_path / "length", table, "--no-header") == 0
    answers = json.loads(capsys.readouterr().out)["predictions"]
    assert [row["y"] for row in answers] == [8, 0, 150_000]
    table.write_text("good\n\nbad\n")
    assert say("predict", tmp_path / "length", table) == 1
    assert "in each line of its one column; line 2 is blank. Leave it" in capsys.readouterr().err


def test_a_console_that_lacks_letters(file, tmp_path):
    output = io.BytesIO()
    console = io.TextIOWrapper(output, encoding="ascii")
    with contextlib.redirect_stdout(console):
        status = say("export", file, tmp_path / "\u00e4", "--no-verify", "--no-warmup")
    console.flush()
    assert status == 0
    assert b"/\\xe4/1: version 1, " in output.getvalue()


def test_spaces_at_the_ends_of_labels_are_none_of_theirs(file, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("ant \nbee\t\ncat \n")
    assert say("export", file, tmp_path / "served", "--labels", labels, "--no-verify") == 0
    text = (tmp_path / "served" / "1" / "assets.extra" / "labels.txt").read_text()
    assert text == "ant\nbee\ncat\n"


def test_a_byte_order_mark_hides_no_row(iris, tmp_path, capsys):
    table = tmp_path / "rows.csv"
    table.write_text("1,2,3,4\n5,6,7,8\n", encoding="utf-8-sig")
    assert say("predict", iris[1].path, table, "--no-header") == 0
    assert len(json.loads(capsys.readouterr().out)["predictions"]) == 2


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
        (cut, "must be a `.keras` file, as `model.save('name.keras')` writes it; it is another"),
        (lambda _: b"not a model", "it is another kind of file, or the end of it is missing"),
        (flipped, "is damaged: model.weights.h5 in it is not what was written"),
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


def test_a_header_cannot_be_there_and_not(iris, tmp_path, capsys):
    with pytest.raises(SystemExit):
        say("predict", iris[1].path, tmp_path / "a.csv", "--header", "--no-header")
    assert "not allowed with argument --header" in capsys.readouterr().err
