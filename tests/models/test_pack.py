"""`models.pack`: networks of different hyperparameters, and the best mean of them."""

import keras
import numpy as np
import pytest
from sklearn.metrics import log_loss

import kerasnn
from kerasnn import callbacks, models, plots, selection
from kerasnn._core.random_state import derived
from kerasnn.models.ensembles import folds
from kerasnn.models.ensembles.greedy import greedy_counts, losses
from kerasnn.models.ensembles.space import default_space, settings
from kerasnn.tasks import Task

_random = np.random.default_rng(0)
X = _random.normal(size=(81, 3)).astype("float32") * [1, 10, 100] + 5
Y = (X[:, 0] + X[:, 1] / 10 > 5.5).astype(int) + (X[:, 0] > 6)
PRICE = 1000 + 50 * X[:, 0] * X[:, 1]


def make(outputs=3, task="multiclass", **arguments):
    return models.pack(
        **{
            "input_shape": 3,
            "outputs": outputs,
            "task": task,
            "n": 4,
            "folds": 2,
            "seed": 0,
            "space": SMALL,
            **arguments,
        }
    )


SMALL = {"hidden": [(8,)]}
REST = ("binary", "multilabel", "count")


@pytest.fixture(scope="module")
def trained():
    """A trained pack, and its history."""
    model = make()
    history = model.fit(X, Y, epochs=6, batch_size=16, verbose=0, seed=1)
    return model, history


def all_outputs(model, x):
    """Outputs of each network, `(settings, folds, rows, outputs)`."""
    scaled = model.get_layer("robust_scale")(x)
    outputs = [network(scaled).numpy() for network in model.networks.members]
    return np.reshape(outputs, (2, 2, len(x), -1))


def test_it_is_the_weighted_mean_of_its_networks(trained):
    model, history = trained
    wanted = np.average(all_outputs(model, X).mean(axis=1), axis=0, weights=model.networks.counts)
    np.testing.assert_allclose(model.predict(X, verbose=0), wanted, rtol=1e-4, atol=1e-6)
    assert history.engine == "stacked"
    assert len(history.members) == 4
    assert len(history.history["val_loss"]) == 6
    assert [set(member) for member in model.members_] == [
        set(default_space(3, regression=True))
    ] * len(model.weights_)
    np.testing.assert_allclose(model.weights_.sum(), 1)


def test_it_evaluates_the_mean(trained):
    model, _ = trained
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    p = model.predict(X, verbose=0)
    np.testing.assert_allclose(found["loss"], log_loss(Y, p), rtol=1e-4)
    np.testing.assert_allclose(found["accuracy"], (p.argmax(axis=1) == Y).mean(), rtol=1e-5)


def test_a_network_trains_as_alone_on_the_other_folds(trained):
    model, other = trained[0], make()
    front = other.get_layer("robust_scale")
    front.adapt(X)
    rows = folds.balanced(Y, 2, np.random.default_rng(derived(0, 2)))
    generator = np.random.default_rng(derived(0, 3))
    train = [rows.others(fold, generator) for fold in range(2)][1]
    alone = other.networks.members[3]
    setting = other.networks.settings[1]
    alone.compile(
        keras.optimizers.AdamW(
            kerasnn.schedules.CosineLog(setting["learning_rate"], steps=18),
            weight_decay=setting["weight_decay"],
            beta_2=0.95,
        ),
        "sparse_categorical_crossentropy",
    )
    z = front(X).numpy()
    kerasnn.fit(
        alone,
        z[train],
        Y[train],
        epochs=6,
        batch_size=16,
        validation_data=(z[rows.left_out(1)], Y[rows.left_out(1)]),
        callbacks=[kerasnn.callbacks.EarlyStopping(patience=6)],
        seed=derived(1, 3),
        engine="graph",
        verbose=0,
    )
    for a, b in zip(model.networks.members[3].get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_a_file_holds_all(trained, tmp_path):
    model, _ = trained
    model.save(tmp_path / "pack.keras")
    loaded = keras.saving.load_model(tmp_path / "pack.keras")
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-7
    )
    assert loaded.members_ == model.members_
    np.testing.assert_array_equal(loaded.weights_, model.weights_)
    loaded.fit(X, Y, epochs=1, verbose=0)


def test_the_same_seed_gives_the_same_bits(trained):
    model = make()
    model.fit(X, Y, epochs=6, batch_size=16, verbose=0, seed=1)
    wanted = trained[0].predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), wanted)
    keras.utils.set_random_seed(5)
    one = make(n=2, seed=None)
    keras.utils.set_random_seed(5)
    assert one.networks.settings == make(n=2, seed=None).networks.settings


@pytest.mark.parametrize(
    "task", ["regression", *(pytest.param(t, marks=pytest.mark.slow) for t in REST)]
)
def test_every_task(task):
    y = {
        "regression": PRICE,
        "binary": Y > 0,
        "multilabel": np.stack([Y > 0, Y > 1], axis=1).astype(int),
        "count": _random.poisson(3, len(X)),
    }[task]
    model = make(2 if task == "multilabel" else 1, task, n=2)
    before = model.evaluate(X, y, verbose=0)[0]
    model.fit(X, y, epochs=30, batch_size=16, verbose=0, seed=0)
    assert model.evaluate(X, y, verbose=0)[0] < before


def test_rows_to_validate_on_replace_the_folds():
    model = make(1, "regression")
    history = model.fit(
        X[:60], PRICE[:60], epochs=3, validation_data=(X[60:], PRICE[60:]), verbose=0, seed=0
    )
    assert len(history.history["val_loss"]) == 3
    for each in (history, history.members[0]):
        assert plots.history(each).get_ylabel() == "loss of targets with variance 1"
    units = model.get_layer("target_units")
    z = (PRICE[60:] - units.mean.numpy().item()) / np.sqrt(units.variance.numpy().item())
    outputs = all_outputs(model, X[60:])[..., 0].mean(axis=1)
    chosen = np.average(outputs, axis=0, weights=model.networks.counts)
    assert ((chosen - z) ** 2).mean() <= ((outputs - z) ** 2).mean(axis=1).min() + 1e-6


def test_the_users_folds_weights_and_architectures():
    model = make(
        space={"hidden": [(4,), (3, 3)], "learning_rate": selection.log_uniform(0.01, 0.1)}
    )
    number = (np.arange(81) > 50).astype(int)
    weights = np.linspace(0.5, 2, 81)
    model.fit(X, Y, epochs=1, folds=number, sample_weight=weights, verbose=0)
    assert {tuple(s["hidden"]) for s in model.networks.settings} <= {(4,), (3, 3)}
    weights = {0: 1.0, 1: 2.0, 2: 1.0}
    make(n=2).fit(X, Y, epochs=1, class_weight=weights, patience=1, verbose=0)


def test_columns_of_zeros_and_ones_and_of_indices(tmp_path):
    x = np.concatenate([X, _random.integers(0, 5, (81, 1)), X[:, :1] > 5], axis=1)
    model = models.pack(
        5,
        3,
        task="multiclass",
        n=2,
        folds=2,
        space=SMALL,
        periodic=[0, 1],
        embeddings={3: 5},
        seed=0,
    )
    model.fit(x, Y, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.get_layer("robust_scale")(x)[:, 3], x[:, 3])
    network = model.networks.members[0]
    # Four columns, a vector of four numbers, and three more for each of two columns.
    assert network.get_layer("scale").scale.shape == (4 + 4 + 2 * 3,)
    model.save(tmp_path / "pack.keras")
    loaded = keras.saving.load_model(tmp_path / "pack.keras")
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-7
    )


def test_settings_with_a_network_that_diverges_are_left_out():
    model = make(seed=3, space={**SMALL, "learning_rate": [1e30, 0.01]})
    rates = [setting["learning_rate"] for setting in model.networks.settings]
    assert sorted(rates) == [0.01, 1e30]
    model.fit(X, Y, epochs=5, verbose=0)
    assert [member["learning_rate"] for member in model.members_] == [0.01]
    with pytest.raises(FloatingPointError):
        make(n=2, space={**SMALL, "learning_rate": [1e30]}).fit(X, Y, epochs=5, verbose=0)


def test_losses_are_those_of_keras():
    p = _random.dirichlet(np.ones(3), size=(2, 81))
    cases = {
        "multiclass": (Y, p),
        "binary": ((Y > 0).astype(int)[:, None], p[..., :1]),
        "count": (Y[:, None], 5 * p[..., :1]),
        "regression": (X[:, :2], p[..., :2]),
    }
    for task, (y, outputs) in cases.items():
        found = losses(Task(task), y, outputs).mean(axis=-1)
        for one, wanted in zip(outputs, found, strict=True):
            loss = np.mean(keras.losses.get(Task(task).loss)(y, one))
            np.testing.assert_allclose(loss, wanted, rtol=1e-4)


def test_the_greedy_choice():
    y, weights = np.zeros((2, 1)), np.ones(2)
    outputs = np.array([[[1.0], [1.0]], [[-1.1], [-1.1]], [[3.0], [3.0]], [[np.nan], [0.0]]])
    counts = greedy_counts(Task.REGRESSION, y, outputs, weights, 10)
    assert counts[0] == counts[1] > 0
    assert counts[2:] == (0, 0)


def test_candidates_of_little_weight_are_left_out():
    # The best mean has 24 parts of the first and one of the second.
    y, outputs = np.zeros((1, 1)), np.array([[[1.0]], [[-24.0]]])
    assert greedy_counts(Task.REGRESSION, y, outputs, np.ones(1), 25) == (24, 0)


def test_folds_have_equal_parts_of_each_class():
    y = np.repeat([0, 1, 2, 3], [20, 9, 4, 1])
    found = folds.balanced(y, 4, np.random.default_rng(0))
    for c, least in enumerate((5, 2, 1)):
        assert (np.bincount(found.of_rows[y == c], minlength=4) >= least).all()
    assert found.of_rows[-1] == -1
    assert sorted(found.compared) == list(range(33))
    generator = np.random.default_rng(0)
    assert len({len(found.others(fold, generator)) for fold in range(4)}) == 1
    assert all(33 in found.others(fold, generator) for fold in range(4))


def test_the_folds_divide_the_networks():
    for n, repeats in ((8, 4), (10, 5), (9, 3), (6, 3), (2, 2), (7, 7)):
        model = make(n=n, folds=None, space={"hidden": [()]})
        assert (model.networks.repeats, len(model.networks.members)) == (repeats, n)


def test_settings_are_within_the_ranges():
    drawn = settings(default_space(3, regression=False), 50, 0)
    assert all(0.01 <= s["learning_rate"] <= 0.1 for s in drawn)
    assert {s["activation"] for s in drawn} == {"selu"}
    assert len({s["sigma"] for s in drawn}) == 50


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("n", {"n": 5}),
        ("n", {"n": 1}),
        ("n", {"n": 11, "folds": None}),
        ("folds", {"folds": 1}),
        ("seed", {"seed": -1}),
        ("outputs", {"outputs": 1}),
        ("task", {"task": "multiclas"}),
        ("input_shape", {"input_shape": (None,)}),
        ("periodic", {"periodic": [3]}),
        ("embeddings", {"embeddings": {3: 2}}),
        ("space", {"space": [1]}),
        ("space", {"space": {"dropuot": [0.1]}}),
        ("space['dropout']", {"space": {"dropout": 0.1}}),
        ("space['dropout']", {"space": {"dropout": [1.0]}}),
        ("space['hidden']", {"space": {"hidden": [64]}}),
        ("space['sigma']", {"space": {"sigma": [0.0]}}),
    ],
)
def test_refuses_arguments(invalid, argument, arguments):
    with invalid(argument):
        make(**arguments)


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("x", {"x": np.where(X > 6, np.nan, X)}),
        ("x", {"x": X[:3], "y": Y[:3]}),
        ("y", {"y": Y + 1}),
        ("epochs", {"epochs": 0}),
        ("batch_size", {"batch_size": 0}),
        ("patience", {"patience": 0}),
        ("folds", {"folds": np.zeros(81, int)}),
        ("folds", {"folds": [0, 1]}),
        ("folds", {"folds": np.arange(81) % 2, "validation_data": (X, Y)}),
        ("seed", {"seed": -1}),
        ("callbacks", {"callbacks": [callbacks.LivePlot()]}),
    ],
)
def test_fit_refuses(refuses, trained, argument, arguments):
    with refuses(trained[0], argument=argument):
        trained[0].fit(**{"x": X, "y": Y, "verbose": 0, **arguments})
