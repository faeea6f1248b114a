"""`tabular`: its layers, what it is compiled with, and that it trains, is saved and served."""

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import layers, models, schedules, serving
from tests.models.builder_cases import OUTPUTS, WANTED

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 4))
Y = np.sin(3 * X[:, 0]) + X[:, 1] * X[:, 2]
SMALL = {"hidden": (16, 8), "seed": 0}


def small(outputs=1, task="regression", **arguments):
    return models.tabular(4, outputs, task=task, **{**SMALL, **arguments})


@pytest.mark.parametrize("task", OUTPUTS)
def test_output_loss_and_rate_follow_from_the_task(task):
    model = small(OUTPUTS[task], task)
    activation, loss, metric = WANTED[task]
    assert model.get_layer("output").activation.__name__ == activation
    assert model.loss == loss
    assert model(X[:5]).shape == (5, OUTPUTS[task])
    classifies = task in ("binary", "multiclass", "multilabel")
    assert model.get_layer("hidden_1_activation").activation.__name__ == (
        "selu" if classifies else "mish"
    )
    np.testing.assert_allclose(model.optimizer.learning_rate, 0.04 if classifies else 0.2)
    assert metric in model.get_compile_config()["metrics"] or metric != "accuracy"


def test_layers():
    names = [layer.name for layer in small(dropout=(0.1, 0.0)).layers]
    front = ["robust_scale", "periodic", "scale"]
    first = ["hidden_1", "hidden_1_activation", "dropout_1"]
    second = ["hidden_2", "hidden_2_activation"]
    assert names == [*front, *first, *second, "output", "target_units"]
    plain = [layer.name for layer in small(normalize=False, periodic=False, dropout=0.0).layers]
    assert plain == ["scale", *first[:2], *second, "output"]


def test_columns_of_indices_become_vectors():
    """They are neither scaled nor embedded periodically."""
    model = small(embeddings={1: 3})
    width = layers.EmbedColumns({0: 3}).sizes[0]
    assert list(model.get_layer("robust_scale").skip) == list(range(3, 3 + width))
    rows = np.c_[X[:, 0], RNG.integers(0, 3, 240), X[:, 2:]]
    model.fit(rows, Y, epochs=1, verbose=0)
    assert model.get_layer("scale").scale.shape == (3 * 4 + width,)
    np.testing.assert_allclose(model.get_layer("robust_scale").median[3:], 0)


def test_columns_with_periodic_embeddings():
    """Positions are those of the inputs, also where columns become vectors."""
    assert list(small(periodic=(0, 3)).get_layer("periodic").skip) == [1, 2]
    layer = small(periodic=(0, 3), embeddings={1: 3}).get_layer("periodic")
    width = layers.EmbedColumns({0: 3}).sizes[0]
    assert list(layer.skip) == [1, *range(3, 3 + width)]


def test_what_it_is_compiled_with():
    optimizer = small(weight_decay=0.5, learning_rate=0.25).optimizer
    assert isinstance(optimizer, keras.optimizers.AdamW)
    config = optimizer.get_config()
    assert (config["beta_2"], config["weight_decay"]) == (0.95, 0.5)
    assert config["learning_rate"]["class_name"] == "CosineLog"
    assert config["learning_rate"]["config"] == {"max_lr": 0.25, "steps": None, "cycles": 4}
    given = schedules.Cosine(0.1, steps=9)
    np.testing.assert_allclose(small(learning_rate=given).optimizer.learning_rate, 0.1)
    assert not small(compile=False).compiled


def test_seeds():
    one, two, other = (small(seed=seed) for seed in (1, 1, 2))
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one.get_layer("hidden_1").kernel.numpy() != other.get_layer("hidden_1").kernel).all()


def test_outputs_in_mixed_precision_are_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = small()
    assert model.get_layer("hidden_1").compute_dtype == "bfloat16"
    assert model(X[:5]).dtype == "float32"


def test_it_learns_is_saved_and_served(tmp_path):
    """A function that is not linear, far from 0, and of columns of other units."""
    rows, y = X * [1, 100, 0.01, 1] + 50, 1000 + 10 * Y
    model = small(hidden=(32, 32))
    model.fit(rows, y, epochs=60, batch_size=64, verbose=0, seed=0)
    predicted = model.predict(rows, verbose=0)[:, 0]
    assert 1 - np.mean((predicted - y) ** 2) / y.var() > 0.8
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(rows, verbose=0)[:, 0], predicted)
    report = serving.export(model, tmp_path / "served")
    assert report.largest_difference <= 1e-4 * np.abs(predicted).max()


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"task": "regresion"}, "task"),
        ({"outputs": 2, "task": "binary"}, "outputs"),
        ({"hidden": ()}, "hidden"),
        ({"hidden": (4, 0)}, "hidden"),
        ({"activation": "rellu"}, "activation"),
        ({"dropout": 1.0}, "dropout"),
        ({"normalize": "yes"}, "normalize"),
        ({"periodic": 1}, "periodic"),
        ({"periodic": (4,)}, "periodic"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"seed": -1}, "seed"),
    ],
)
def test_arguments_that_are_refused(arguments, argument, invalid):
    with invalid(argument):
        small(**arguments)


@pytest.mark.parametrize("shape", [(4, 2), None, (None,), 0])
def test_shapes_that_are_refused(shape, invalid):
    with invalid("input_shape"):
        models.tabular(shape, task="binary")


def test_the_class_is_kerasnns():
    assert isinstance(small(), kerasnn.Sequential)
    with pytest.raises(TypeError, match="no argument `optimizer`"):
        small(optimizer="adam")


def test_a_run_that_was_interrupted_is_continued(tmp_path):
    """Learning rate and dropout rate go on where they were."""
    interrupted = []

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2 and not interrupted:
                interrupted.append(epoch)
                raise KeyboardInterrupt

    def run(path):
        model = small(hidden=(8,))
        each = {"callbacks": [Interrupt(), kerasnn.callbacks.Resume(path)], "verbose": 0, "seed": 1}
        model.fit(X, Y, epochs=5, batch_size=64, engine="graph", **each)
        return model

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "one")
    models_ = [run(tmp_path / name) for name in ("one", "two")]
    for a, b in zip(*(model.get_weights() for model in models_), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e6])
def test_columns_that_do_not_vary_are_no_numbers_without_end(value):
    model = models.tabular(2, task="binary", hidden=(8, 8))
    history = model.fit(np.full((20, 2), value), np.arange(20) % 2, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
