"""Choice between XLA and a graph: what it depends on, and that it stays."""

import dataclasses

import keras
import pytest

from kerasnn.training.engine_cost import xla_choice
from kerasnn.training.engine_cost.cost import TrainingSize, xla_pays
from kerasnn.training.engine_cost.fingerprint import fingerprint
from kerasnn.training.engine_cost.speed import TYPICAL, Speed, measure

SIZE = TrainingSize(variables=6, repeats=1, weights=400, rows=32, has_rest=False)
SPEED = Speed(compiling=0.3, step=20e-6, weight=6e-9)


def network(*units, rate=1e-3, dropout=0.0, loss="sparse_categorical_crossentropy"):
    layers = [keras.layers.Dense(unit, "relu") for unit in units]
    layers = [keras.Input((4,)), *layers, keras.layers.Dropout(dropout), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(rate), loss)
    return model


def least_steps(size=SIZE, speed=SPEED, *, is_compiled=False):
    """The number of steps from which XLA pays."""
    return next(n for n in range(0, 10**7, 50) if xla_pays(size, n, speed, is_compiled=is_compiled))


def test_what_the_cost_depends_on():
    least = least_steps()
    # Measured on processors of two makers: 2,000 to 25,000 steps.
    assert 1000 < least < 30_000
    assert least_steps(is_compiled=True) < least / 2
    assert least_steps(dataclasses.replace(SIZE, has_rest=True)) > least
    for more in ({"weights": 100_000}, {"repeats": 28}):
        assert least_steps(dataclasses.replace(SIZE, **more)) < least / 2
    assert least_steps(speed=dataclasses.replace(SPEED, compiling=3.0)) > 5 * least
    assert least_steps(speed=dataclasses.replace(SPEED, step=200e-6)) < least / 5


def test_the_size_of_a_training():
    size = TrainingSize.of(network(8), 16, has_rest=True)
    assert size == TrainingSize(variables=4, repeats=1, weights=67, rows=16, has_rest=True)
    recurrent = keras.Sequential([keras.Input((28, 2)), keras.layers.GRU(3)])
    assert TrainingSize.of(recurrent, 32, has_rest=False).repeats == 28


def test_this_machine_is_measured():
    speed = measure()
    assert speed.compiling > speed.step > speed.weight >= 0


def test_a_fingerprint_knows_architectures_and_no_names():
    known = fingerprint(network(8), (32,))
    assert known == fingerprint(network(8, rate=0.5), (32,))
    others = [(network(8), (16,)), (network(9), (32,)), (network(8, 8), (32,))]
    others += [(network(8, dropout=0.5), (32,)), (network(8, loss="mse"), (32,))]
    assert len({known, *(fingerprint(*other) for other in others)}) == 6
    frozen = network(8)
    frozen.layers[0].trainable = False
    assert fingerprint(frozen, (32,)) != known


class WithoutConfiguration(keras.Model):
    """A model of the user, which Keras cannot describe."""

    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def get_config(self):
        raise NotImplementedError


def test_a_model_without_a_configuration_has_none():
    assert fingerprint(WithoutConfiguration(2), ()) == ""


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """A directory to keep records in, and how often the machine was measured."""
    measured = []
    monkeypatch.setenv("KERASNN_COMPILATION_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(xla_choice, "measure", lambda: measured.append(1) or SPEED)
    # As where TensorFlow keeps programs.
    monkeypatch.setattr(
        type(xla_choice.process_cache), "keeps_programs", property(lambda self: True)
    )
    return tmp_path / "kept", measured


def chooses(steps, model=None):
    model = model or network(8)
    return xla_choice.chooses_xla(model, steps, 32, has_rest=False, layout=())


def test_the_machine_is_measured_once_and_not_for_short_or_long_jobs(kept):
    directory, measured = kept
    assert not chooses(900)
    assert chooses(500_000)
    assert not directory.exists()
    assert [chooses(steps) for steps in (2000, 100_000)] == [False, True]
    assert measured == [1]
    [speed] = directory.glob("*.speed.json")
    speed.write_text("{")
    assert not chooses(2000)
    speed.write_text('{"compiling": 1}')
    assert not chooses(2000)
    assert measured == [1, 1]


def test_a_choice_stays_when_the_program_is_there(kept):
    assert not chooses(4000)
    xla_choice.record_compiled(network(8), ())
    # Another job has only to load it.
    assert chooses(4100)
    assert not chooses(4100, network(9))
    # The same one is run as before.
    assert not chooses(4000)
    assert chooses(4100)


def test_without_a_directory_the_machine_is_typical(kept, monkeypatch):
    _, measured = kept
    for value in ("0", "/proc/kerasnn"):
        monkeypatch.setenv("KERASNN_COMPILATION_CACHE", value)
        xla_choice.record_compiled(network(8), ())
        assert [chooses(n) for n in (2000, 100_000)] == [False, True]
    assert measured == []
    assert TYPICAL.compiling > 0
