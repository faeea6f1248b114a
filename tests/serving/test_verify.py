"""Verification of a SavedModel, with TensorFlow's C library and without."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving
from kerasnn.serving.errors import MissingSignatureError
from kerasnn.serving.runtime import (
    c_library,
    c_session,
    coerce_inputs,
    recorded_examples,
    replay,
    tf_session,
)


def test_an_export_still_gives_its_outputs(iris):
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


def test_damaged_weights_are_found(iris, tmp_path):
    model, report = iris
    path = tmp_path / "damaged"
    shutil.copytree(report.path, path)
    [file] = path.glob("variables/variables.data-*")
    contents = bytearray(file.read_bytes())
    contents[contents.index(model.layers[-1].kernel.numpy().tobytes())] ^= 1
    file.write_bytes(contents)
    with pytest.raises(ValueError, match=r"(?s)must run on its examples; .*hecksum does not match"):
        serving.verify(path)


WITHOUT_LIBRARY = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "tensorflow" else found(name, *more)
"""


@pytest.fixture
def no_library(tmp_path, monkeypatch):
    """Hides TensorFlow's C library from the process that verifies."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_LIBRARY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


@pytest.mark.slow
def test_a_process_without_the_c_library_verifies(no_library, prices, tmp_path):
    _, report = prices
    found = serving.verify(report.path)
    assert found.largest_difference <= 1e-5
    assert found.differences.keys() == report.signatures.keys()
    path = rescaled(tmp_path / "model")
    wrong = {"serving_default": ({"x": [[1, 2], [3, 4]]}, {"y": [[10, 20], [30.0, 44]]})}
    with pytest.raises(ValueError, match=r"differs by 0\.091 of its scale"):
        serving.verify(path, wrong)


def test_tensorflows_python_takes_the_place_of_the_c_library(prices, tmp_path, monkeypatch):
    _, report = prices
    examples = recorded_examples.read(report.path / recorded_examples.FILE)
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        c_library.load.cache_clear()
        found = replay.replay(report.path, examples, [2])
    c_library.load.cache_clear()
    assert found["differences"].keys() == report.signatures.keys()
    assert all(d <= 1e-5 for outputs in found["differences"].values() for d in outputs.values())
    session = tf_session.Session(report.path)
    signature = session.signature("serving_default")
    assert signature == c_session.Session(report.path).signature("serving_default")
    rows = {"word": ["bee"], "size": [[1.0, 2.0]]}
    outputs = session.run(signature, coerce_inputs.fitted(rows, signature.inputs))
    expected = serving.Predictor(report.path)(rows)
    np.testing.assert_allclose(outputs["predictions"], expected["predictions"], atol=1e-6)
    for name in ("regres", None):
        with pytest.raises(MissingSignatureError):
            session.signature(name)
    with pytest.raises(ValueError, match="Could not parse example"):
        session.run(session.signature("regress"), {"inputs": np.array([b"x"], object)})
    with pytest.raises(ValueError, match="must hold a SavedModel"):
        tf_session.Session(tmp_path)


def rescaled(path):
    """A SavedModel that is not kerasnn's."""
    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"y": 10 * x}, input_signature=[tf.TensorSpec((None, 2), tf.float32, "x")]
    )
    tf.saved_model.save(module, path, signatures={"serving_default": module.serve})
    return path


@pytest.fixture(scope="module")
def tenfold(tmp_path_factory):
    return rescaled(tmp_path_factory.mktemp("tenfold"))


def test_any_saved_model_against_examples(tenfold):
    path = tenfold
    right = {"serving_default": ({"x": [[1, 2], [3, 4]]}, {"y": [[10, 20], [30, 40]]})}
    assert serving.verify(path, right).largest_difference == 0
    wrong = {"serving_default": ({"x": [[1, 2], [3, 4]]}, {"y": [[10, 20], [30.0, 44]]})}
    with pytest.raises(
        ValueError, match=r"`y` of `serving_default` differs by 0\.091 of its scale"
    ):
        serving.verify(path, wrong)


ROW, PLACE = [[1, 2]], "examples['a']"


@pytest.mark.parametrize(
    ("examples", "argument", "got"),
    [
        ({"a": ({"x": ROW}, {"y": ROW * 2})}, PLACE, "[(1,), (2,)]"),
        ({"a": ({"x": ROW}, {})}, PLACE, "{}"),
        ({"a": {"x": ROW}}, PLACE, "{'x'"),
        ({}, "examples", "{}"),
        ({5: ({"x": ROW}, {"y": ROW})}, "examples", "5"),
        ({"a/b": ({"x": ROW}, {"y": ROW})}, "examples", "'a/b'"),
        ({"a": ({5: ROW}, {"y": ROW})}, PLACE, "5"),
        ({"a": ({"x": [[1, 2], [3]]}, {"y": ROW})}, PLACE, "[3]"),
        ({"a": ({"x": ROW}, {"y": [[1j, 2]]})}, PLACE, "complex128"),
    ],
)
def test_examples_that_are_none(examples, argument, got, tenfold, invalid):
    with invalid(argument) as caught:
        serving.verify(tenfold, examples)
    assert got in str(caught.value)


@pytest.mark.parametrize(
    ("signature", "inputs", "outputs", "message"),
    [
        ("other", {"x": ROW}, {"y": ROW}, "name the signature 'other'; .* serving_def"),
        ("serving_default", {"z": ROW}, {"y": ROW}, "rows for each of 'x'.*got 'z'"),
        ("serving_default", {"x": ROW}, {"q": ROW}, "the outputs q; it has y"),
        ("serving_default", {"x": ROW}, {"y": [[1, 2, 3]]}, r"has shape .1, 2. for 1 rows"),
        ("serving_default", {"x": ROW}, {"y": [["a", "b"]]}, "holds numbers; the examples hold st"),
    ],
)
def test_examples_that_do_not_fit(signature, inputs, outputs, message, tenfold):
    example = recorded_examples.Example(
        {name: np.array(value) for name, value in inputs.items()},
        {
            name: np.array(value, object if "a" in value[0] else None)
            for name, value in outputs.items()
        },
    )
    with pytest.raises(ValueError, match=message):
        replay.replay(tenfold, {signature: example}, [1])


def test_no_examples(tenfold, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"`examples` must be given for '/.*no examples are"
    ):
        serving.verify(tenfold)
    with pytest.raises(FileNotFoundError, match="must be a SavedModel, or a directory of numbered"):
        serving.verify(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda contents: contents[: len(contents) // 2],
        lambda contents: b"",
        lambda contents: contents.replace(b"/inputs/", b"/insides"),
        lambda contents: contents.replace(b"/inputs/", b"_inputs_"),
    ],
)
def test_examples_that_are_damaged(damage, tmp_path):
    file = tmp_path / "examples.npz"
    example = recorded_examples.Example({"x": np.ones((1, 2))}, {"y": np.ones((1, 2))})
    recorded_examples.write(file, {"serving_default": example})
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=r"must hold the examples .* it is damaged") as caught:
        recorded_examples.read(file)
    assert str(file) in str(caught.value)


def test_integers_in_examples_are_compared_as_the_outputs_are(tenfold, tmp_path):
    near = {"serving_default": ({"x": [[1, 2.00001]]}, {"y": [[10, 20]]})}
    assert 1e-6 < serving.verify(tenfold, near).largest_difference < 1e-5
    module = tf.Module()
    module.serve = tf.function(
        lambda x: {"y": x}, input_signature=[tf.TensorSpec((None,), tf.int64, "x")]
    )
    tf.saved_model.save(module, tmp_path, signatures={"serving_default": module.serve})
    off = {"serving_default": ({"x": [2**30]}, {"y": [2**30 + 1]})}
    with pytest.raises(ValueError, match="`y` of `serving_default` differs by inf"):
        serving.verify(tmp_path, off)


def test_a_process_that_dies_is_reported_with_a_hint(iris, monkeypatch):
    monkeypatch.setattr("kerasnn.serving.runtime.fresh_process.__file__", "/nowhere.py")
    message = r"(?s)ended with code 2; .* give smaller `batch_sizes` than 32: .*nowhere"
    with pytest.raises(ValueError, match=message):
        serving.verify(iris[1].path)
