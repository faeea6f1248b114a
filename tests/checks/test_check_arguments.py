"""The words of the checks of single arguments."""

import fractions
import pickle
import traceback

import keras
import numpy as np
import pandas as pd
import pytest

from kerasnn import InvalidArgument, _checks, data, models, selection
from kerasnn.layers import DropBlock


def test_the_text_of_an_error_follows_from_its_fields():
    error = InvalidArgument("patience", "be above 0", -3, "For no patience use 1.")
    fields = (error.argument, error.rule, error.value, error.hint)
    assert fields == ("patience", "be above 0", -3, "For no patience use 1.")
    assert str(error) == "`patience` must be above 0; got patience=-3. For no patience use 1."
    assert str(InvalidArgument("name", "be text", "a")) == "`name` must be text; got name='a'."
    assert str(InvalidArgument("x", "be text", 1, got="a 1")) == "`x` must be text; got a 1."


def test_an_error_is_pickled_with_all_fields():
    error = pickle.loads(pickle.dumps(InvalidArgument("x", "be text", 1, "Hint.", got="a 1")))
    assert (error.argument, error.value, error.hint) == ("x", 1, "Hint.")
    assert str(error) == "`x` must be text; got a 1. Hint."


def test_the_traceback_of_an_error_shows_the_frames_of_the_caller():
    """Of the package none is left, and all where Keras does not filter tracebacks either."""

    def build():
        return models.mlp(4, outputs=3, task="none")

    def frames():
        with pytest.raises(InvalidArgument) as caught:
            selection.cross_validate(build, np.zeros((6, 4)), np.arange(6) % 3, cv=3)
        return [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]

    assert frames() == ["frames", "build"]
    keras.config.disable_traceback_filtering()
    try:
        found = frames()
    finally:
        keras.config.enable_traceback_filtering()
    assert {"cross_validate", "build", "mlp"} < set(found)


def test_a_misspelt_argument_and_a_layer_show_no_frame_of_the_package():
    for call in (lambda: models.mlp(4, outputs=3, taks="none"), lambda: DropBlock(2, 7)):
        with pytest.raises((TypeError, InvalidArgument)) as caught:
            call()
        assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "<lambda>"


def test_a_warning_points_at_the_line_of_the_caller():
    frame = pd.DataFrame({"id": range(40), "grams": [1.5, 2.5] * 20, "y": ["a", "b"] * 20})
    with pytest.warns(UserWarning, match="counts the rows") as caught:
        data.from_frame(frame, "y")
    assert caught[0].filename == __file__


def test_keras_raises_the_error_of_a_layer_anew():
    """It adds what the layer was called with, and keeps the class."""
    with pytest.raises(InvalidArgument) as caught:
        DropBlock(0.5, 7)(np.zeros((1, 6, 5, 2), "float32"), training=True)
    assert caught.value.argument == "block_size"
    assert "be at most 5" in str(caught.value)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("sofmax", "Did you mean `softmax`?"),
        ("RELU", ""),
        ("rleu", "Did you mean `relu`?"),
        ("quantum", ""),
        (3, ""),
    ],
)
def test_did_you_mean(word, wanted):
    assert _checks.did_you_mean(word, ["softmax", "relu"]) == wanted


def test_one_of(invalid):
    _checks.one_of("pool", "max", ["max", "average"])
    _checks.one_of("pool", "max", {"max": 1})
    for bad in ("mean", 3, None, ["max"], np.array(["max", "min"])):
        with invalid("pool"):
            _checks.one_of("pool", bad, ["max", "average"])
    with invalid("pool", "mp") as caught:
        _checks.one_of("pool", "mp", ["max_pool", "average_pool"])
    assert caught.value.hint == "Did you mean `max_pool`?"
    with invalid("pool"):
        _checks.one_of("pool", np.zeros(2), ["max_pool", "average_pool"])


@pytest.mark.parametrize("value", [0, 0.5, 0.999, np.float32(0.5), np.int64(0)])
def test_rates(value):
    _checks.rate("rate", value)


@pytest.mark.parametrize("value", [1, -1e-9, np.nan, np.inf, "0.5", None, True, [0.5], 0.5j])
def test_no_rates(invalid, value):
    with invalid("rate"):
        _checks.rate("rate", value)


@pytest.mark.parametrize("value", [2, 3, np.int64(2), np.uint8(200)])
def test_integers(value):
    _checks.integer("units", value, at_least=2)


@pytest.mark.parametrize("value", [1, 2.0, np.float64(3), "3", None, True, np.bool_(True)])
def test_values_that_are_no_integers(invalid, value):
    with invalid("units"):
        _checks.integer("units", value, at_least=2)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "rule"),
    [
        ({}, [-5, 0.0, 3e38], [], "be a finite number"),
        ({"above": 0}, [1e-30, 5], [0, -1], "be a finite number above 0"),
        ({"at_least": 0}, [0, 5], [-1e-30], "be a finite number at least 0"),
        ({"below": 1.5}, [-9, 1.4], [1.5, 2], "be a finite number below 1.5"),
        ({"at_most": 1}, [1, 0], [1.0001], "be a finite number at most 1"),
        (
            {"above": 0, "at_most": 1},
            [1, 0.1],
            [0, 2],
            "be a finite number above 0 and at most 1",
        ),
    ],
)
def test_numbers(invalid, bounds, inside, outside, rule):
    for value in inside:
        _checks.number("slope", value, **bounds)
    for value in [*outside, np.nan, np.inf, -np.inf, "1", None, True]:
        with invalid("slope", value) as caught:
            _checks.number("slope", value, **bounds)
        assert caught.value.rule == rule


def test_known_arguments():
    class Layer:
        @_checks.known_arguments
        def __init__(self, units, *, rate=0.0):
            """Makes it."""
            self.units, self.rate = units, rate

    assert Layer(3, rate=0.5).rate == 0.5
    assert Layer.__init__.__doc__ == "Makes it."
    with pytest.raises(TypeError, match=r"`Layer` has no argument `rat`. Did you mean `rate`\?"):
        Layer(3, rat=0.5)
    with pytest.raises(TypeError, match=r"has no argument `zebra`\. It takes units, rate\."):
        Layer(3, zebra=0.5)
    with pytest.raises(
        TypeError, match=r"`Layer` takes `units` by position; give others by name: `rate=`\."
    ):
        Layer(3, 0.5)
    missing = r"`Layer` needs the argument `units`\. Call it as `Layer\(units\)`\."
    with pytest.raises(TypeError, match=missing):
        Layer()


def test_a_missing_argument_is_named_with_the_call_that_has_it():
    @_checks.known_arguments
    def write(path, *, split, title=None): ...

    call = r"Call it as `write\(path, split=\.\.\.\)`\."
    with pytest.raises(TypeError, match=rf"`write` needs the argument `path`\. {call}"):
        write(split=0)
    with pytest.raises(TypeError, match=rf"`write` needs the argument `split=`\. {call}"):
        write("report.html")


def test_a_split_in_the_place_of_an_argument():
    @_checks.known_arguments
    def draw(y_true, y_pred, *, labels=None): ...

    @_checks.known_arguments
    def read(path, target): ...

    class Split:
        """Known by its name, since its package imports this one."""

    with pytest.raises(TypeError, match=r"needs the argument `y_pred`.*`split.y_test, model.pred"):
        draw(Split())
    with pytest.raises(TypeError, match=r"needs the argument `y_pred`\. Call it as `draw\(y_true"):
        draw([0, 1])
    with pytest.raises(TypeError, match=r"needs the argument `target`\. Frames are for"):
        read(pd.DataFrame())
    read("a.csv", target="y")
    assert str(InvalidArgument("x", "be text", Split())) == "`x` must be text; got a Split."
    many = InvalidArgument("x", "be text", np.zeros((20, 3)))
    assert str(many) == "`x` must be text; got a ndarray of shape (20, 3)."


def test_a_number_that_no_float_can_hold(invalid):
    with invalid("slope"):
        _checks.number("slope", 10**400, above=0)


def test_numbers_beyond_tensorflow(invalid):
    """It would make infinity of the first, and nothing of the others."""
    with invalid("slope"):
        _checks.number("slope", -1e300, hint="Divide.")
    with invalid("units"):
        _checks.integer("units", 2**63)
    _checks.integer("units", 2**63 - 1)
    for check in (_checks.number, _checks.rate):
        with invalid("share", fractions.Fraction(1, 2)):
            check("share", fractions.Fraction(1, 2))


def test_file_names(invalid, tmp_path):
    (tmp_path / "file").touch()
    for good in ("model.keras", tmp_path / "no" / "such" / "model.keras"):
        _checks.file_name("path", good, ".keras")
    for bad in (b"a.keras", "model.h5", "a\0b.keras", None):
        with invalid("path", bad):
            _checks.file_name("path", bad, ".keras")
    # Their texts name directories that differ by run.
    for bad in (tmp_path / "file" / "a.keras", tmp_path):
        with pytest.raises(InvalidArgument):
            _checks.file_name("path", bad, ".keras")


def test_booleans_and_verbosity(invalid):
    for value in (True, False):
        _checks.boolean("invert", value)
    for value in (0, 1, True, np.int64(1)):
        _checks.verbosity(value)
    for bad in ("no", 1, None, np.zeros(2)):
        with invalid("invert"):
            _checks.boolean("invert", bad)
    for bad in ("loud", 2, -1, 1.0, None, np.zeros(2)):
        with invalid("verbose"):
            _checks.verbosity(bad)
