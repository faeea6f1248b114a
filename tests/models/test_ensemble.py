"""`models.ensemble`: networks that train as they would alone, and predict by their mean."""

import functools

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import layers, models, plots, serving
from kerasnn._core.random_state import derived, seeded
from kerasnn.callbacks import BestModel, EarlyStopping

_random = np.random.default_rng(0)
X = _random.normal(size=(60, 2)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 0] > 1)
SMALL = {"hidden": (5,), "learning_rate": 0.02}


def build(**more):
    return models.mlp(2, 3, task="multiclass", **{**SMALL, **more})


def regression(**more):
    return models.mlp(2, 1, task="regression", **{**SMALL, **more})


def make(n=3, make_one=build, **arguments):
    return models.ensemble(make_one, n, **{"seed": 0, **arguments})


@pytest.fixture(scope="module")
def trained():
    """A trained ensemble of three, and its history."""
    model = make()
    history = model.fit(X, Y, epochs=4, validation_split=0.25, verbose=0, seed=1)
    return model, history


def assert_equal_weights(one, other, **tolerance):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 1e-4, "atol": 1e-5, **tolerance})


def test_each_network_trains_as_alone(trained):
    model, history = trained
    with seeded(derived(0, 0, 1)):
        alone = build()
    kerasnn.fit(
        alone, X, Y, epochs=4, validation_split=0.25, verbose=0, seed=derived(1, 1), engine="graph"
    )
    assert_equal_weights(model.members[1], alone)
    assert {own.engine for own in history.members} == {history.engine} == {"stacked"}
    for name, values in history.history.items():
        np.testing.assert_allclose(
            values, np.mean([own.history[name] for own in history.members], axis=0), rtol=1e-5
        )
    assert model.history is history
    assert "val_accuracy" in history.history


def test_it_predicts_the_mean(trained):
    model, _ = trained
    members = model.predict_members(X)
    assert members.shape == (3, 60, 3)
    for member, outputs in zip(model.members, members, strict=True):
        np.testing.assert_allclose(member.predict(X, verbose=0), outputs, rtol=1e-4, atol=1e-6)
    mean, std = model.predict_uncertainty(X)
    np.testing.assert_allclose(model.predict(X, verbose=0), mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mean, members.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(std, members.std(axis=0), rtol=1e-3, atol=1e-6)
    assert (std > 0).all()


def test_it_evaluates_the_mean_with_the_mean_of_penalties():
    model = make(2, functools.partial(build, l2=0.1))
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    p = model.predict(X, verbose=0)
    penalties = [sum(map(float, member.losses)) for member in model.members]
    wanted = -np.log(p[np.arange(60), Y]).mean() + np.mean(penalties)
    np.testing.assert_allclose(found["loss"], wanted, rtol=1e-4)
    np.testing.assert_allclose(found["accuracy"], (p.argmax(1) == Y).mean(), rtol=1e-5)


def test_a_file_holds_all(trained, tmp_path):
    model, _ = trained
    model.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_array_equal(loaded.predict_members(X), model.predict_members(X))
    assert (loaded.seed, loaded.bootstrap, len(loaded.members)) == (0, False, 3)


def test_training_on_keeps_the_optimizers(tmp_path):
    """Of the ensemble that was trained, and of the one in its file."""
    model = make(2)
    with seeded(derived(0, 0, 1)):
        alone = build()
    model.fit(X, Y, epochs=2, verbose=0, seed=1)
    alone.fit(X, Y, epochs=2, verbose=0, seed=derived(1, 1), engine="graph")
    model.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras")
    for one in (model, loaded):
        one.fit(X, Y, epochs=2, verbose=0, seed=2)
    alone.fit(X, Y, epochs=2, verbose=0, seed=derived(2, 1), engine="graph")
    assert_equal_weights(model.members[1], alone)
    assert_equal_weights(loaded, model)


def test_each_network_stops_for_itself():
    model = make()
    stopping = EarlyStopping(patience=2, min_delta=0.01)
    data = (X[40:], Y[40:])
    history = model.fit(
        X[:40], Y[:40], epochs=40, callbacks=[stopping], validation_data=data, verbose=0, seed=3
    )
    lengths = [len(own.epoch) for own in history.members]
    assert len(set(lengths)) > 1
    assert len(history.epoch) == len(history.history["loss"]) == max(lengths)
    with seeded(derived(0, 0, 2)):
        alone = build()
    own = EarlyStopping(patience=2, min_delta=0.01)
    alone.fit(
        X[:40],
        Y[:40],
        epochs=40,
        callbacks=[own],
        validation_data=data,
        verbose=0,
        seed=derived(3, 2),
        engine="graph",
    )
    assert_equal_weights(model.members[2], alone)
    assert stopping.best_ is None


def test_bootstrap_draws_rows_for_each_network():
    one = models.ensemble(regression, 3, bootstrap=True, seed=0)
    one.fit(X, X[:, 0], epochs=0, verbose=0)
    means = [float(member.get_layer("standardize").mean[0, 0]) for member in one.members]
    draws = [np.random.default_rng(derived(0, 1, i)).integers(60, size=60) for i in range(3)]
    np.testing.assert_allclose(means, [X[rows, 0].mean() for rows in draws], rtol=1e-4)
    weights = np.linspace(0.5, 2, 60)
    history = one.fit(
        X, X[:, 0], sample_weight=weights, validation_split=0.2, epochs=2, verbose=0, seed=1
    )
    assert "val_loss" in history.history


def test_seeds():
    one, other = make(2), make(2)
    assert_equal_weights(one, other, rtol=0, atol=0)
    for model in (one, other):
        model.fit(X, Y, epochs=2, verbose=0, seed=5)
    assert_equal_weights(one, other, rtol=0, atol=0)
    drawn = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        drawn.append(models.ensemble(build, 1))
        drawn[-1].fit(X, Y, epochs=1, verbose=0)
    assert_equal_weights(*drawn, rtol=0, atol=0)
    assert drawn[0].seed == drawn[1].seed


def test_one_network(tmp_path):
    model = make(1)
    model.fit(X, Y, epochs=1, verbose=0)
    mean, std = model.predict_uncertainty(X)
    np.testing.assert_allclose(mean, model.members[0].predict(X, verbose=0), rtol=1e-5)
    assert not std.any()
    report = serving.export(model, tmp_path / "model", labels=["a", "b", "c"], verify=False)
    assert "probabilities" in report.signatures["serving_default"]["outputs"]


def test_a_network_that_diverges_is_named():
    model = make()
    model.members[1].optimizer.learning_rate = 1e30
    with pytest.raises(FloatingPointError, match="`member_1`"):
        model.fit(X, Y, epochs=3, verbose=0, seed=1)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_convolutions_train_one_after_the_other():
    images = _random.normal(size=(20, 6, 6, 1)).astype("float32")
    model = models.ensemble(
        lambda: models.cnn((6, 6, 1), 1, task="binary", filters=(2,), hidden=()), 2, seed=0
    )
    history = model.fit(images, np.arange(20) % 2, epochs=1, verbose=0)
    assert "convolution" in history.reason
    assert model.predict_members(images).shape == (2, 20, 1)


def test_structures_of_inputs_and_outputs():
    def two_ends():
        a, b = keras.Input((2,), name="a"), keras.Input((1,), name="b")
        both = keras.layers.Concatenate()([a, b])
        outputs = {
            "kind": keras.layers.Dense(2, "softmax", name="kind")(both),
            "price": keras.layers.Dense(1, name="price")(both),
        }
        model = keras.Model({"a": a, "b": b}, outputs)
        loss = {"kind": "sparse_categorical_crossentropy", "price": "mse"}
        model.compile("adam", loss, metrics={"kind": ["accuracy"]})
        return model

    model = models.ensemble(two_ends, 2, seed=0)
    x, y = {"a": X, "b": X[:, :1]}, {"kind": Y % 2, "price": X[:, 1]}
    history = model.fit(x, y, epochs=1, validation_split=0.2, verbose=0)
    assert "val_kind_accuracy" in history.history
    mean, std = model.predict_uncertainty(x)
    assert {name: a.shape for name, a in std.items()} == {"kind": (60, 2), "price": (60, 1)}
    predicted = model.predict(x, verbose=0)
    for name, wanted in predicted.items():
        np.testing.assert_allclose(mean[name], wanted, rtol=1e-4, atol=1e-6)
    assert model.evaluate(x, y, verbose=0, return_dict=True).keys() >= {"loss", "kind_accuracy"}


def test_networks_of_different_architectures():
    sizes = iter((3, 3, 4))
    model = models.ensemble(lambda: regression(hidden=(next(sizes),)), 3, seed=0)
    history = model.fit(X, X[:, 0], epochs=1, verbose=0)
    assert [own.engine for own in history.members][:2] == ["stacked"] * 2
    assert "alone" in history.members[2].reason


def test_clones_and_compiling():
    model = make(2)
    clone = keras.models.clone_model(model)
    assert isinstance(clone, type(model))
    clone.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    assert [float(member.optimizer.learning_rate) for member in clone.members] == [0.5, 0.5]
    assert clone.members[0].optimizer is not clone.members[1].optimizer
    clone.fit(X, Y, epochs=1, verbose=0)
    assert_equal_weights(model, make(2), rtol=0)


def test_dropout_inside():
    model = make(2, functools.partial(build, dropout=0.5))
    mean, _ = layers.predict_mc(model, X, n=3, seed=0)
    assert mean.shape == (60, 3)


def test_the_lines_of_its_uncertainty(trained):
    model, _ = trained

    def moments(scale):
        return lambda rows: (np.tile([0.2, 0.8, 0.0], (len(rows), 1)), scale * rows[:, [0, 0, 0]])

    flat = plots.decision_boundary(model, X, Y, uncertainty=moments(0.0))
    ax = plots.decision_boundary(model, X, Y, uncertainty=moments(1.0))
    assert len(ax.collections) == len(flat.collections) + 1
    [lines] = [c for c in ax.collections if "ContourSet" in type(c).__name__]
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        np.testing.assert_allclose(path.vertices[:, 0], level, atol=1e-3)
    drawn = plots.decision_boundary(model, X, Y, uncertainty=model.predict_uncertainty)
    assert len(drawn.collections) >= len(flat.collections)


@pytest.mark.parametrize(
    "wrong", [3, lambda rows: rows, lambda rows: (rows[:, 0], rows[:, 0])], ids=["3", "one", "flat"]
)
def test_uncertainty_must_be_mean_and_deviation(invalid, trained, wrong):
    with invalid("uncertainty"):
        plots.decision_boundary(trained[0], X, Y, uncertainty=wrong)


def test_refuses_builds(invalid):
    shared = build()
    sizes = iter((2, 3))
    wrong = {
        "a model": shared,
        "no model": lambda: None,
        "not compiled": lambda: build(compile=False),
        "the same": lambda: shared,
        "its own seed": lambda: build(seed=1),
        "other shapes": lambda: models.mlp(next(sizes), 3, task="multiclass"),
        "unknown inputs": lambda: compiled(keras.Sequential([keras.layers.Dense(1)])),
    }
    for one in wrong.values():
        with invalid("build"):
            make(2, one)
    assert make(2, lambda: build(seed=1), bootstrap=True).bootstrap


def compiled(model):
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("n", {"n": 0}),
        ("bootstrap", {"bootstrap": "yes"}),
        ("seed", {"seed": -1}),
    ],
)
def test_refuses_arguments(invalid, argument, arguments):
    with invalid(argument):
        make(**arguments)


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("x", {"x": np.where(X > 2, np.nan, X)}),
        ("y", {"y": Y + 1}),
        ("callbacks", {"callbacks": BestModel("best.keras", "loss")}),
        ("validation_split", {"validation_split": 1.0}),
        ("seed", {"seed": -1}),
        ("monitor", {"callbacks": [EarlyStopping()]}),
    ],
)
def test_fit_refuses(refuses, trained, argument, arguments):
    with refuses(trained[0], argument=argument):
        trained[0].fit(**{"x": X, "y": Y, "verbose": 0, **arguments})
