"""The same seed gives the same network, and a file gives it back."""

import json

import keras
import numpy as np
import pytest

from kerasnn import layers, models
from tests.models.builder_cases import CASES, OUTPUTS, each, kernels, normal, targets


@each
def test_the_same_seed_gives_the_same_weights(case):
    """Also when other models are built between, and whatever the global seed."""
    one = case.build(3, task="multiclass", seed=5)
    models.mlp(2, task="binary")
    keras.utils.set_random_seed(99)
    two, other = (case.build(3, task="multiclass", seed=seed) for seed in (5, 6))
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.get_config() == two.get_config()
    for a, b in zip(kernels(one), kernels(other), strict=True):
        assert (a != b).all()


@each
def test_the_global_seed_stands_in_for_a_missing_one(case):
    built = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        built.append(case.build(3, task="multiclass"))
    for a, b in zip(built[0].get_weights(), built[1].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(kernels(built[0]), kernels(built[2]), strict=True):
        assert (a != b).all()


@each
def test_no_seed_at_all_gives_new_weights_each_time(case):
    one, two = (case.build(3, task="multiclass") for _ in range(2))
    for a, b in zip(kernels(one), kernels(two), strict=True):
        assert (a != b).all()


@each
def test_all_kernels_start_different(case):
    """No two layers of one network start from the same random numbers."""
    flat = [
        np.sort(np.abs(kernel.ravel())) for kernel in kernels(case.build(1, task="binary", seed=0))
    ]
    for i, one in enumerate(flat):
        for other in flat[:i]:
            assert len(one) != len(other) or not np.allclose(one, other)


@each
def test_the_same_seed_drops_the_same(case):
    one, two, other = (case.build(3, task="multiclass", dropout=0.5, seed=s) for s in (5, 5, 6))
    other.set_weights(one.get_weights())
    first, second = one(case.x, training=True).numpy(), one(case.x, training=True).numpy()
    assert (first != second).any()
    np.testing.assert_array_equal(two(case.x, training=True), first)
    np.testing.assert_array_equal(two(case.x, training=True), second)
    assert (other(case.x, training=True).numpy() != first).any()


def test_two_runs_are_bit_identical():
    """Initialisers, dropout and the order of rows all come from the seeds."""
    case = CASES["mlp"]
    y = targets(case, "multiclass")
    runs = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        model = case.build(3, task="multiclass", dropout=0.5)
        model.fit(case.x, y, batch_size=5, epochs=2, verbose=0, engine="graph")
        runs.append(model.get_weights())
    for a, b in zip(runs[0], runs[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(runs[0], runs[2], strict=True))


@pytest.mark.parametrize(("name", "task"), list(zip([*CASES, "mlp"], OUTPUTS, strict=True)))
def test_saved_and_loaded(name, task, tmp_path):
    """Class, configuration and weights are equal, and outputs to the last bit."""
    case = CASES[name]
    model = case.build(OUTPUTS[task], task=task, seed=0, l1=0.01, l2=0.02, dropout=0.3)
    for layer in model.layers:
        if isinstance(layer, layers.Standardize):
            layer.adapt(normal(50, *layer.mean.shape[1:]) * 3 + 2)
    # As the first fit does; Keras warns when it loads an optimizer without variables.
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    # JSON knows no tuples.
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert json.dumps(loaded.get_compile_config()) == json.dumps(model.get_compile_config())
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(loaded(case.x).numpy(), model(case.x).numpy())


@pytest.mark.slow
@each
def test_a_loaded_model_continues_training(case, tmp_path):
    """Weights, rate and the optimizer's moments all come back."""
    y = targets(case, "multiclass")
    model = case.build(3, task="multiclass", seed=0)
    model.fit(case.x, y, batch_size=6, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        one.fit(case.x, y, batch_size=6, shuffle=False, verbose=0)
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) == 4
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
