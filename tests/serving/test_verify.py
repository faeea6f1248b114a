"""Recorded answers, asked again."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving
from kerasnn.__main__ import main
from kerasnn.serving.runtime import recorded_examples


def test_an_export_still_gives_its_answers(iris):
    _, report = iris
    found = serving.verify(report.path.parent, batch_sizes=[2, 5])
    assert found.batch_sizes == (2, 5)
    assert {name: set(outputs) for name, outputs in found.differences.items()} == {
        "serving_default": {"probabilities", "labels"},
        "classify": {"classes", "scores"},
    }
    assert found.largest_difference <= 1e-5
    assert all(0 < ms < 1000 for ms in found.latency_ms.values())
    assert str(found).splitlines()[0].startswith("serving_default: largest difference ")


def test_damaged_weights_are_found(classifier, tmp_path):
    report = serving.export(classifier, tmp_path)
    [file] = report.path.glob("variables/variables.data-*")
    contents = bytearray(file.read_bytes())
    contents[contents.index(classifier.layers[-1].kernel.numpy().tobytes())] ^= 1
    file.write_bytes(contents)
    with pytest.raises(ValueError, match=r"(?s)must answer its examples; .*hecksum does not match"):
        serving.verify(tmp_path)


def rescaled(path):
    """A SavedModel that is not kerasnn's."""
    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"y": 10 * x}, input_signature=[tf.TensorSpec((None, 2), tf.float32, "x")]
    )
    tf.saved_model.save(module, path, signatures={"serving_default": module.serve})
    return path


def test_any_saved_model_against_examples(tmp_path):
    path = rescaled(tmp_path)
    right = {"serving_default": ({"x": [[1, 2], [3, 4]]}, {"y": [[10, 20], [30, 40]]})}
    assert serving.verify(path, right).largest_difference == 0
    wrong = {"serving_default": ({"x": [[1, 2], [3, 4]]}, {"y": [[10, 20], [30.0, 44]]})}
    with pytest.raises(
        ValueError, match=r"`y` of `serving_default` differs by 0\.091 of its scale"
    ):
        serving.verify(path, wrong)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (
            {"other": ({"x": [[1, 2]]}, {"y": [[1, 2]]})},
            "ask the signature 'other'; .* serving_def",
        ),
        ({"serving_default": ({"z": [[1, 2]]}, {"y": [[1, 2]]})}, "rows for each of 'x'.*got 'z'"),
        ({"serving_default": ({"x": [[1, 2]]}, {"q": [[1, 2]]})}, "the outputs q; it gives y"),
        (
            {"serving_default": ({"x": [[1, 2]]}, {"y": [[1, 2]] * 2})},
            "hold arrays of equally many",
        ),
        ({"serving_default": ({"x": [[1, 2]]}, {})}, "must be two dictionaries, of inputs and of"),
        ({"serving_default": {"x": [[1, 2]]}}, "must be two dictionaries, of inputs and of answe"),
        ({}, "`examples` must be by signature, at least one; got examples={}"),
        ({5: ({"x": [[1, 2]]}, {"y": [[1, 2]]})}, "by the name of a signature, .*; got 5"),
        ({"a/b": ({"x": [[1, 2]]}, {"y": [[1, 2]]})}, "by the name of a signature, .* got 'a/b'"),
        ({"a": ({5: [[1, 2]]}, {"y": [[1, 2]]})}, "names of inputs and outputs as keys; got 5"),
        (
            {"a": ({"x": [[1, 2], [3]]}, {"y": [[1, 2]]})},
            r"`examples\['a'\]` must hold rows that are all of one shape; those of 'x' are not",
        ),
        (
            {"a": ({"x": [[1, 2]]}, {"y": [[1j, 2]]})},
            r"`examples\['a'\]` must hold real numbers or strings; 'y' holds complex128",
        ),
        (
            {"serving_default": ({"x": [[1, 2]]}, {"y": [[1, 2, 3]]})},
            r"its output `y` of `serving_default` has shape .1, 2. for 1 rows; the examples h",
        ),
        (
            {"serving_default": ({"x": [[1, 2]]}, {"y": [["a", "b"]]})},
            "its output `y` of `serving_default` holds numbers; the examples hold strings",
        ),
    ],
)
def test_examples_that_do_not_fit(examples, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        serving.verify(rescaled(tmp_path), examples)


def test_no_examples(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`examples` must be given for '/.*no answers are"):
        serving.verify(rescaled(tmp_path))


@pytest.mark.parametrize(
    "damage",
    [
        lambda contents: contents[: len(contents) // 2],
        lambda contents: b"",
        lambda contents: contents.replace(b"/inputs/", b"/insides"),
        lambda contents: contents.replace(b"/inputs/", b"_inputs_"),
    ],
)
def test_examples_that_are_damaged(damage, tmp_path, capsys):
    file = rescaled(tmp_path) / "assets.extra" / "examples.npz"
    file.parent.mkdir()
    example = recorded_examples.Example({"x": np.ones((1, 2))}, {"y": np.ones((1, 2))})
    recorded_examples.write(file, {"serving_default": example})
    file.write_bytes(damage(file.read_bytes()))
    assert main(["verify", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert f"{file} must hold the examples that `serving.export` recorded; it is damaged" in said


def test_no_saved_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="must be a SavedModel, or a directory of numbered"):
        serving.verify(tmp_path)


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x - keras.ops.mean(x, axis=0),
        lambda x: x - x[0],
        lambda x: keras.ops.cumsum(x, axis=0),
    ],
)
def test_an_answer_that_depends_on_the_other_rows_is_not_published(mix, tmp_path):
    class Mixed(keras.layers.Layer):
        def call(self, x):
            return mix(x)

    model = keras.Sequential([keras.Input((2,)), Mixed()])
    with pytest.raises(ValueError, match=r"must answer each row by itself; its output `predictio"):
        serving.export(model, tmp_path, batch_sizes=[1], signatures=["serving_default"])


def test_whole_numbers_in_examples_are_compared_as_the_outputs_are(tmp_path):
    rounded = rescaled(tmp_path / "floats")
    near = {"serving_default": ({"x": [[1, 2.00001]]}, {"y": [[10, 20]]})}
    assert 1e-6 < serving.verify(rounded, near).largest_difference < 1e-5
    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"y": x}, input_signature=[tf.TensorSpec((None,), tf.int64, "x")]
    )
    path = tmp_path / "whole"
    tf.saved_model.save(module, path, signatures={"serving_default": module.serve})
    off = {"serving_default": ({"x": [2**30]}, {"y": [2**30 + 1]})}
    with pytest.raises(ValueError, match="`y` of `serving_default` differs by inf"):
        serving.verify(path, off)


def test_a_process_that_dies_is_reported_with_a_cure(iris, monkeypatch):
    monkeypatch.setattr("kerasnn.serving.runtime.fresh_process.__file__", "/nowhere.py")
    message = r"(?s)ended the process .* code 2; .* give smaller `batch_sizes` than 32: .*nowhere"
    with pytest.raises(ValueError, match=message):
        serving.verify(iris[1].path)
