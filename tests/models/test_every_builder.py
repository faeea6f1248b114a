"""Promises of every builder: tasks, penalties, normalisation, names."""

import inspect

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import layers, models, tasks
from tests.models.builder_cases import CASES, OUTPUTS, ROWS, WANTED, each, each_task, targets

# Rosenblatt's unit has neither task nor seed, `text` reads strings, the others have optimizers
# of their own and no penalties; their tests are in other files.
OWN_TESTS = {"ensemble", "pack", "perceptron", "tabular", "text"}


def test_every_public_builder_is_here():
    public = {
        name
        for name, value in vars(models).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    assert set(CASES) | OWN_TESTS == public


def test_every_task_is_here():
    assert set(OUTPUTS) == set(WANTED) == {str(task) for task in tasks.Task}


@pytest.mark.parametrize(
    ("name", "task"),
    [
        *(("mlp", task) for task in OUTPUTS),
        *((name, task) for name in CASES if name != "mlp" for task in ("multiclass", "regression")),
    ],
)
def test_output_loss_and_metrics_follow_from_the_task(name, task):
    case = CASES[name]
    model = case.build(OUTPUTS[task], task=task, seed=0)
    activation, loss, _ = WANTED[task]
    assert model.get_layer("output").activation.__name__ == activation
    assert model.loss == loss
    outputs = model(case.x).numpy()
    assert outputs.shape == (ROWS, *case.rows, OUTPUTS[task])
    if activation in ("sigmoid", "softmax"):
        assert ((outputs > 0) & (outputs < 1)).all()
    if activation == "softmax":
        np.testing.assert_allclose(outputs.sum(axis=-1), 1, rtol=1e-5)
    if activation == "exponential":
        assert (outputs > 0).all()


@each_task
def test_loss_and_metric_by_hand(task):
    """The compiled loss and metric agree with their formulas."""
    case = CASES["mlp"]
    model, y = case.build(OUTPUTS[task], task=task, seed=0), targets(case, task)
    p = model.predict(case.x, verbose=0).astype(float)
    picked = p[np.arange(ROWS), y] if task == "multiclass" else p

    def entropy():
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))

    hits = {
        "binary": lambda: (p > 0.5) == y,
        "multiclass": lambda: p.argmax(axis=1) == y,
        "multilabel": lambda: (p > 0.5) == y,
        "regression": lambda: np.abs(p - y),
        "count": lambda: np.abs(p - y),
    }[task]()
    losses = {
        "binary": entropy,
        "multiclass": lambda: -np.log(picked),
        "multilabel": entropy,
        "regression": lambda: (p - y) ** 2,
        "count": lambda: p - y * np.log(p),
    }
    results = model.evaluate(case.x, y, verbose=0, return_dict=True)
    assert set(results) == {"loss", WANTED[task][2]}
    np.testing.assert_allclose(results["loss"], losses[task]().mean(), rtol=1e-4)
    np.testing.assert_allclose(results[WANTED[task][2]], hits.mean(), rtol=1e-4)


def test_the_accuracy_of_nodes():
    """Accuracy counts nodes, not graphs."""
    case = CASES["graph_network"]
    model, y = case.build(3, task="multiclass", seed=0), targets(case, "multiclass")
    wanted = (model.predict(case.x, verbose=0).argmax(axis=-1) == y).mean()
    results = model.evaluate(case.x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(results["accuracy"], wanted, rtol=1e-5)


@each
def test_a_task_is_its_name_or_itself(case):
    by_name = case.build(3, task="multiclass", seed=0)
    itself = case.build(3, task=tasks.multiclass, seed=0)
    assert by_name.get_config() == itself.get_config()


@each
def test_names_do_not_depend_on_what_was_built_before(case):
    first = case.build(1, task="regression", dropout=0.1, seed=0)
    keras.layers.Dense(1)
    second = case.build(1, task="regression", dropout=0.1, seed=0)
    assert first.name == second.name
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert [weight.path for weight in first.weights] == [weight.path for weight in second.weights]


@each
def test_penalties_land_on_every_kernel_and_nothing_else(case):
    plain = case.build(1, task="binary", seed=0)
    assert plain.losses == []
    model = case.build(1, task="binary", seed=0, l1=0.3, l2=0.7)
    penalised = [model.get_layer(name) for name in case.kernels]
    wanted = []
    for layer in penalised:
        kernel = layer.cell.kernel if hasattr(layer, "cell") else layer.kernel
        wanted.append(0.3 * np.abs(kernel.numpy()).sum() + 0.7 * np.square(kernel.numpy()).sum())
        bias = layer.cell.bias if hasattr(layer, "cell") else layer.bias
        bias.assign(bias + 3.0)
    np.testing.assert_allclose(sorted(map(float, model.losses)), sorted(wanted), rtol=1e-5)


@pytest.mark.parametrize(("argument", "index"), [("l1", 0), ("l2", 1)])
def test_one_penalty_alone(argument, index):
    model = CASES["mlp"].build(1, task="binary", seed=0, **{argument: 0.5})
    kernel = model.get_layer("output").kernel.numpy()
    [wanted] = [[0.5 * np.abs(kernel).sum(), 0.5 * np.square(kernel).sum()][index]]
    assert any(np.isclose(float(loss), wanted, rtol=1e-5) for loss in model.losses)


@each
def test_standardisation_is_first_and_its_inverse_last(case):
    for task in ("binary", "regression"):
        model = case.build(OUTPUTS[task], task=task)
        found = [layer for layer in model.layers if isinstance(layer, layers.Standardize)]
        wanted = ["standardize", "target_units"] if task == "regression" else ["standardize"]
        assert [layer.name for layer in found] == wanted
        assert [layer.invert for layer in found] == [False, True][: len(wanted)]
    model = case.build(2, task="regression", normalize=False)
    assert not [layer for layer in model.layers if isinstance(layer, layers.Standardize)]


@each
def test_uncompiled(case):
    assert not case.build(1, task="binary", compile=False).compiled
    assert case.build(1, task="binary").compiled


@each
def test_optimizer_and_rate(case):
    model = case.build(1, task="binary")
    assert type(model.optimizer) is keras.optimizers.Adam
    np.testing.assert_allclose(float(model.optimizer.learning_rate), 1e-3)
    model = case.build(1, task="binary", optimizer="sgd", learning_rate=0.25)
    assert type(model.optimizer) is keras.optimizers.SGD
    np.testing.assert_allclose(float(model.optimizer.learning_rate), 0.25)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    model = case.build(1, task="binary", learning_rate=schedule)
    np.testing.assert_allclose(float(model.optimizer.learning_rate), 0.5)
    own = keras.optimizers.RMSprop(0.125)
    assert case.build(1, task="binary", optimizer=own).optimizer is own


@each
def test_outputs_in_mixed_precision_are_float32(case):
    keras.config.set_dtype_policy("mixed_bfloat16")
    for task in ("multiclass", "regression"):
        model = case.build(OUTPUTS[task], task=task, seed=0)
        assert model.get_layer(case.kernels[0]).compute_dtype == "bfloat16"
        assert model(case.x).dtype == "float32"


@each
def test_the_class_is_kerasnns(case):
    model = case.build(1, task="binary")
    expected = kerasnn.Model if case is CASES["graph_network"] else kerasnn.Sequential
    assert isinstance(model, expected)
    assert isinstance(model, keras.Model)


@each
def test_it_learns(case):
    """The loss falls by more than a tenth."""
    model = case.build(1, task="regression", seed=0, learning_rate=0.01)
    x = case.x["features"] if isinstance(case.x, dict) else case.x
    y = x.sum(axis=tuple(range(1 + len(case.rows), x.ndim)))[..., None] * 50 + 1000
    history = model.fit(case.x, y, epochs=40, batch_size="full", verbose=0, engine="graph")
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
