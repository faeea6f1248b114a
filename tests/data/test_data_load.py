from typing import Any

import numpy as np
import pytest
from sklearn import datasets

from kerasnn import data
from kerasnn.data import _generated
from kerasnn.tasks import Task

EMBEDDED = ["digits", "iris", "wine", "breast_cancer", "diabetes"]
POINTS = ["and", "or", "xor", "circles", "moons", "spirals", "gaussians", "sine"]


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_sets_are_scikit_learns_rows(name):
    bunch = getattr(datasets, f"load_{name}")()
    split = data.load(name, seed=3)
    x = np.concatenate([split.x_train, split.x_test])
    y = np.concatenate([split.y_train, split.y_test])
    assert len(split.x_test) == np.ceil(0.2 * len(bunch.target))
    given = np.column_stack([bunch.data, bunch.target]).astype(np.float32)
    ours = np.column_stack([x.reshape(len(x), -1), y]).astype(np.float32)
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], given[np.lexsort(given.T)])
    assert x.dtype == np.float32
    if split.task is Task.REGRESSION:
        assert (y.dtype, split.classes) == (np.float32, None)
    else:
        assert y.dtype == np.int64
        assert split.classes == tuple(map(str, bunch.target_names))
        shares = np.bincount(split.y_test) / len(split.y_test)
        np.testing.assert_allclose(shares, np.bincount(y) / len(y), atol=0.03)
    if name != "digits":
        assert split.features == tuple(bunch.feature_names)


def test_digits_are_images():
    split = data.load("digits")
    assert split.input_shape == (8, 8, 1)
    assert (split.x_train.min(), split.x_train.max()) == (0, 16)
    assert split.outputs == 10


@pytest.mark.parametrize(
    ("name", "y"), [("and", [0, 0, 0, 1]), ("or", [0, 1, 1, 1]), ("xor", [0, 1, 1, 0])]
)
def test_a_gate_is_its_truth_table(name, y):
    split = data.load(name)
    assert split.x_train.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert split.y_train.tolist() == split.y_test.tolist() == y
    assert split.x_test.tolist() == split.x_train.tolist()
    assert split.task is Task.BINARY


@pytest.mark.parametrize("name", POINTS)
def test_generated_sets_follow_the_seed(name):
    def rows(**arguments):
        split = data.load(name, samples=60, noise=0.1, **arguments)
        return split, (split.x_train.tolist(), split.y_test.tolist())

    split, first = rows(seed=1)
    assert first == rows(seed=1)[1]
    assert first != rows(seed=2)[1]
    assert len(split.x_train) == 48
    assert len(split.y_test) == 12
    assert split.x_train.dtype == np.float32
    assert split.input_shape == ((1,) if name == "sine" else (2,))
    assert len(data.load(name, noise=0.1).x_train) == 400


def test_spirals_are_playgrounds_formula():
    x, y = _generated.spirals(10, 0.0, np.random.default_rng(0))
    expected = []
    for label, delta in ((1, 0.0), (0, np.pi)):
        for i in range(5):
            r = i / 5 * 5
            t = 1.75 * i / 5 * 2 * np.pi + delta
            expected.append([r * np.sin(t), r * np.cos(t), label])
    np.testing.assert_allclose(np.column_stack([x, y]), expected, atol=1e-12)
    moved, _ = _generated.spirals(10, 0.5, np.random.default_rng(0))
    assert 0.3 < np.abs(moved - x).max() <= 0.5


def test_circles_are_a_disc_and_a_ring():
    x, y = _generated.circles(2000, 0.0, np.random.default_rng(0))
    r = np.hypot(*x.T)
    assert y.sum() == 1000
    assert r[y == 1].max() < 2.5
    assert 3.5 < r[y == 0].min() < 3.6
    assert 4.9 < r[y == 0].max() < 5
    # r itself is uniform, so points crowd at the centre.
    assert np.mean(r[y == 1]) == pytest.approx(1.25, abs=0.05)


@pytest.mark.parametrize("name", ["circles", "xor", "and", "or"])
def test_noise_changes_classes_and_not_positions(name):
    draw = _generated.circles if name == "circles" else _generated.gate(name)
    x, clean = draw(2000, 0.0, np.random.default_rng(0))
    same, noisy = draw(2000, 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(x, same)
    assert 0.05 < np.mean(clean != noisy) < 0.5


@pytest.mark.parametrize(("noise", "variance"), [(0.0, 0.5), (0.25, 2.25), (0.5, 4.0)])
def test_gaussians_have_playgrounds_variance(noise, variance):
    x, y = _generated.gaussians(20_000, noise, np.random.default_rng(0))
    for label, centre in ((1, 2), (0, -2)):
        np.testing.assert_allclose(x[y == label].mean(axis=0), centre, atol=0.06)
        np.testing.assert_allclose(x[y == label].var(axis=0), variance, rtol=0.05)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("xor", lambda a, b: a == b),
        ("and", lambda a, b: a & b),
        ("or", lambda a, b: a | b),
    ],
)
def test_scattered_gates_label_by_sign(name, is_one):
    x, y = _generated.gate(name)(2000, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(y, is_one(x[:, 0] > 0, x[:, 1] > 0))
    assert 0.3 <= np.abs(x).min() < 0.32
    assert 5.25 < np.abs(x).max() <= 5.3


def test_sine_and_moons():
    split = data.load("sine", samples=1000)
    np.testing.assert_allclose(split.y_train, np.sin(2 * np.pi * split.x_train[:, 0]), atol=1e-6)
    assert (split.task, split.classes, split.y_train.dtype) == ("regression", None, np.float32)
    noisy = data.load("sine", samples=5000, noise=0.3)
    residual = noisy.y_train - np.sin(2 * np.pi * noisy.x_train[:, 0])
    assert residual.std() == pytest.approx(0.3, rel=0.05)
    moons = data.load("moons")
    upper = moons.x_train[moons.y_train == 0]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("iris", "samples", 50),
        ("digits", "noise", 0.1),
        ("xor", "noise", 0.6),
        ("moons", "noise", -0.1),
        ("moons", "samples", 4),
        ("iris", "test_size", 1.0),
        ("iris", "seed", -1),
    ],
)
def test_wrong_arguments(invalid, name, argument, value):
    arguments: Any = {argument: value}
    with invalid(argument, value):
        data.load(name, **arguments)


def test_an_unknown_name(invalid):
    with invalid("name", "spiral") as caught:
        data.load("spiral")
    assert "`spirals`" in caught.value.hint
