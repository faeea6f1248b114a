"""What every builder keeps: seeds, tasks, penalties, names, saving."""

import dataclasses
import functools
import inspect
import json
from collections.abc import Callable

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import layers, models, tasks

ROWS = 12
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


@dataclasses.dataclass
class Case:
    """A builder with its small arguments, and inputs for `ROWS` rows."""

    build: Callable
    x: object
    # Targets of one row, without the last axis.
    rows: tuple = ()
    # Kernels that `l1` and `l2` are to penalise, by layer.
    kernels: tuple = ()


CASES = {
    "mlp": Case(
        functools.partial(models.mlp, 4, hidden=(5, 3)),
        normal(ROWS, 4),
        kernels=("hidden_1", "hidden_2", "output"),
    ),
    "cnn": Case(
        functools.partial(
            models.cnn, (6, 6, 2), filters=(2, 3), convolutions=2, hidden=(4,), dropout=0.0
        ),
        normal(ROWS, 6, 6, 2),
        kernels=(
            *("block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"),
            *("hidden_1", "output"),
        ),
    ),
    "rnn": Case(
        functools.partial(models.rnn, (None, 3), units=(4, 2), cell="simple"),
        normal(ROWS, 5, 3),
        kernels=("simple_1", "simple_2", "output"),
    ),
    "graph_network": Case(
        functools.partial(models.graph_network, 3, units=(4, 2)),
        {"features": normal(ROWS, 5, 3), "adjacency": np.ones((ROWS, 5, 5), "float32")},
        rows=(5,),
        kernels=("hidden_1", "hidden_2", "output"),
    ),
}
# Rosenblatt's unit has neither task nor seed; it has tests of its own.
OWN_TESTS = {"perceptron"}

OUTPUTS = {"binary": 1, "multiclass": 3, "multilabel": 2, "regression": 2, "count": 1}
WANTED = {
    # task: activation, loss, metric
    "binary": ("sigmoid", "binary_crossentropy", "accuracy"),
    "multiclass": ("softmax", "sparse_categorical_crossentropy", "accuracy"),
    "multilabel": ("sigmoid", "binary_crossentropy", "binary_accuracy"),
    "regression": ("linear", "mean_squared_error", "mean_absolute_error"),
    "count": ("exponential", "poisson", "mean_absolute_error"),
}

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
each_task = pytest.mark.parametrize("task", OUTPUTS)


def targets(case, task):
    """Targets that suit a task."""
    shape = (ROWS, *case.rows)
    return {
        "binary": RNG.integers(0, 2, size=(*shape, 1)),
        "multiclass": RNG.integers(0, 3, size=shape),
        "multilabel": RNG.integers(0, 2, size=(*shape, 2)),
        "regression": RNG.normal(100, 20, size=(*shape, 2)),
        "count": RNG.poisson(3, size=(*shape, 1)),
    }[task]


def kernels(model):
    return [w.numpy() for w in model.trainable_weights if w.name.endswith("kernel")]


def test_every_public_builder_is_here():
    public = {
        name
        for name, value in vars(models).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    assert set(CASES) | OWN_TESTS == public


def test_every_task_is_here():
    assert set(OUTPUTS) == set(WANTED) == {str(task) for task in tasks.Task}


@each
@each_task
def test_output_loss_and_metrics_follow_from_the_task(case, task):
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
    """The names that are compiled compute what the task is about."""
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
def test_all_kernels_start_apart(case):
    """No two layers of one network start from the same random numbers."""
    flat = [
        np.sort(np.abs(kernel.ravel())) for kernel in kernels(case.build(1, task="binary", seed=0))
    ]
    for i, one in enumerate(flat):
        for other in flat[:i]:
            assert len(one) != len(other) or not np.allclose(one, other)


@each
def test_the_same_seed_drops_the_same(case):
    """Two runs with one seed are bit-identical, dropout and order of rows included."""
    y = targets(case, "multiclass")
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        model = case.build(3, task="multiclass", dropout=0.5, seed=5)
        model.fit(case.x, y, batch_size=5, epochs=2, verbose=0)
        runs.append(model.get_weights())
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


@each
def test_names_do_not_depend_on_what_was_built_before(case):
    first = case.build(1, task="regression", dropout=0.1, seed=0)
    keras.layers.Dense(1)
    second = case.build(1, task="regression", dropout=0.1, seed=0)
    assert first.name == second.name
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert [weight.path for weight in first.weights] == [weight.path for weight in second.weights]


@each
@each_task
def test_saved_and_loaded(case, task, tmp_path):
    """Type, arguments, weights, and to the last bit what it answers."""
    model = case.build(OUTPUTS[task], task=task, seed=0, l1=0.01, l2=0.02, dropout=0.3)
    for layer in model.layers:
        if isinstance(layer, layers.Standardize):
            layer.adapt(normal(50, *layer.mean.shape[1:]) * 3 + 2)
    # As the first fit does; Keras warns where it loads a model that was never trained.
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


@each
def test_a_loaded_model_goes_on_training_where_it_stood(case, tmp_path):
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


@each
@pytest.mark.parametrize(("argument", "index"), [("l1", 0), ("l2", 1)])
def test_one_penalty_alone(case, argument, index):
    model = case.build(1, task="binary", seed=0, **{argument: 0.5})
    kernel = model.get_layer("output").kernel.numpy()
    [wanted] = [[0.5 * np.abs(kernel).sum(), 0.5 * np.square(kernel).sum()][index]]
    assert any(np.isclose(float(loss), wanted, rtol=1e-5) for loss in model.losses)


@each
def test_normalisation_stands_in_front_and_the_way_back_behind(case):
    for task in OUTPUTS:
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
def test_mixed_precision_answers_in_float32(case):
    keras.config.set_dtype_policy("mixed_bfloat16")
    for task in OUTPUTS:
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
    """The parts fit together: the loss falls by more than a tenth on data that can be learned."""
    model = case.build(1, task="regression", seed=0, learning_rate=0.01)
    x = case.x["features"] if isinstance(case.x, dict) else case.x
    y = x.sum(axis=tuple(range(1 + len(case.rows), x.ndim)))[..., None] * 50 + 1000
    history = model.fit(case.x, y, epochs=40, batch_size="full", verbose=0)
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
