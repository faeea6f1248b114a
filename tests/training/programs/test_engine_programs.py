"""Programs are compiled once, hold as long as they are true, and go with their model."""

import gc
import os
import pathlib
import subprocess
import sys
import weakref
from typing import Any

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import training
from tests.helpers.engine_cases import X_HELD, Y_HELD, X, Y, assert_close, classifier


class Counted(keras.layers.Layer):
    """Counts the Python calls, which only tracing makes."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def call(self, x):
        self.count += 1
        return x


@pytest.fixture(scope="module")
def counted():
    model = classifier(hidden=lambda: [Counted()])
    kerasnn.fit(model, X, Y, validation_data=(X_HELD, Y_HELD), verbose=0)
    training.predict(model, X, verbose=0)
    return model


def calls(model, act):
    layer = model.layers[0]
    before = layer.count
    act()
    return layer.count - before


AGAIN = {
    "new data": lambda m: kerasnn.fit(m, X + 1, Y, verbose=0),
    "other seed and epochs": lambda m: kerasnn.fit(m, X, Y, epochs=5, seed=7, verbose=0),
    "other batches": lambda m: kerasnn.fit(m, X, Y, batch_size=9, verbose=0),
    "other rows": lambda m: kerasnn.fit(m, X[:51], Y[:51], verbose=0),
    "validation": lambda m: kerasnn.fit(m, X, Y, validation_split=0.3, verbose=0),
    "callbacks": lambda m: kerasnn.fit(
        m, X, Y, epochs=2, verbose=0, callbacks=keras.callbacks.EarlyStopping("loss")
    ),
    "evaluate": lambda m: training.evaluate(m, X[:11], Y[:11], batch_size=4, verbose=0),
    "predict": lambda m: training.predict(m, X[:1], verbose=0),
    "predict in batches": lambda m: training.predict(m, X[:13], batch_size=4, verbose=0),
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_second_call_traces_nothing(counted, name):
    assert calls(counted, lambda: AGAIN[name](counted)) == 0


def test_a_new_learning_rate_is_used_without_tracing(counted):
    counted.optimizer.learning_rate = 0.0
    before = counted.get_weights()
    assert calls(counted, lambda: kerasnn.fit(counted, X, Y, verbose=0)) == 0
    assert_close(counted.get_weights(), before, tolerance=0)
    counted.optimizer.learning_rate = 0.01


def test_new_weights_are_used_without_tracing(counted):
    before = counted.get_weights()
    counted.set_weights([w * 0 for w in before])
    uniform = training.predict(counted, X[:2], verbose=0)
    np.testing.assert_allclose(uniform, np.full((2, 3), 1 / 3), rtol=1e-6)
    counted.set_weights(before)


@pytest.mark.slow
def test_xla_compiles_once():
    model = classifier(hidden=lambda: [Counted()])

    def fit(**arguments):
        return kerasnn.fit(model, X, Y, engine="xla", verbose=0, **arguments)

    fit()
    for arguments in ({}, {"epochs": 40}, {"seed": 3}, {"shuffle": False}):
        assert calls(model, lambda arguments=arguments: fit(**arguments)) == 0
    model.optimizer.learning_rate = 0.5
    assert calls(model, fit) == 0


def test_loss_scaling_keeps_the_rate_a_variable():
    keras.config.set_dtype_policy("mixed_float16")
    model = classifier(hidden=lambda: [Counted()])

    def fit():
        scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        return kerasnn.fit(model, X, Y, epochs=3, verbose=0, callbacks=scheduler)

    assert fit().engine == "graph"
    assert calls(model, fit) == 0
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3 / 2**6)


def after(change):
    """The weights after a fit, a change, and another fit."""
    model = classifier(
        keras.optimizers.SGD(0.1),
        hidden=lambda: [
            keras.layers.Dense(4, "relu"),
            keras.layers.BatchNormalization(center=False, scale=False),
        ],
    )
    fit = {"shuffle": False, "verbose": 0}
    kerasnn.fit(model, X, Y, **fit)
    before = model.get_weights()
    change(model)
    kerasnn.fit(model, X, Y, epochs=2, **fit)
    return before, model.get_weights()


def compile_again(model, **arguments):
    model.compile(
        arguments.pop("optimizer", model.optimizer),
        **{"loss": "sparse_categorical_crossentropy", **arguments},
    )


def freeze(layer):
    def change(model):
        model.layers[layer].trainable = False

    return change


def clip(model):
    model.optimizer.clipnorm = 1e-3


CHANGES = {
    "a frozen layer": freeze(0),
    "a frozen layer without trainable weights": freeze(1),
    "clipping": clip,
    "momentum": lambda model: setattr(model.optimizer, "nesterov", True),
}


@pytest.mark.parametrize(
    "name", ["a frozen layer", pytest.param("clipping", marks=pytest.mark.slow)]
)
def test_changes_after_compile(name):
    """They do without a new `compile` what they do with one."""
    change = CHANGES[name]
    _, plain = after(lambda model: None)
    _, changed = after(change)
    _, compiled = after(lambda model: (change(model), compile_again(model)))
    assert_close(changed, compiled, tolerance=0)
    assert any((a != b).any() for a, b in zip(changed, plain, strict=True))


def test_freezing_statistics():
    before, changed = after(freeze(1))
    for a, b in zip(before[2:4], changed[2:4], strict=True):
        np.testing.assert_array_equal(a, b)


class Unsaid(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of the user's own, without a configuration."""

    def __init__(self, rate):
        self.rate, self.count = rate, 0

    def __call__(self, step):
        self.count += 1
        return self.rate / (1 + keras.ops.cast(step, "float32"))


def test_a_schedule_without_a_configuration():
    """Trained as by Keras, and traced once; another one in its place is used."""
    model, theirs = (classifier(keras.optimizers.SGD(Unsaid(0.1))) for _ in range(2))
    schedules: Any
    for schedules in ((), (Unsaid(0.9), Unsaid(0.9))):
        for each, schedule in zip((model, theirs), schedules, strict=False):
            each.optimizer.learning_rate = schedule
            each.make_train_function(force=True)
        for fit, each in ((kerasnn.fit, model), (keras.Model.fit, theirs)):
            fit(each, X, Y, shuffle=False, verbose=0)
        assert_close(model.get_weights(), theirs.get_weights())
    traced = schedules[0].count
    kerasnn.fit(model, X, Y, shuffle=False, verbose=0)
    assert schedules[0].count == traced


def test_compiling_anew():
    model = classifier()
    first = kerasnn.fit(model, X, Y, verbose=0)
    compile_again(model, metrics=["accuracy"])
    second = kerasnn.fit(model, X, Y, verbose=0)
    assert list(first.history) == ["loss"]
    assert list(second.history) == ["accuracy", "loss"]
    compile_again(model, optimizer=keras.optimizers.SGD(0.0))
    before = model.get_weights()
    kerasnn.fit(model, X, Y, verbose=0)
    assert_close(model.get_weights(), before, tolerance=0)


def test_unfreezing_weights_unknown_to_the_optimizer(refuses):
    model = classifier()
    model.layers[0].trainable = False
    compile_again(model, optimizer="adam")
    kerasnn.fit(model, X, Y, verbose=0)
    model.layers[0].trainable = True
    with refuses(model, "optimizer can only be called for the variables it was originally built"):
        kerasnn.fit(model, X, Y, verbose=0)
    compile_again(model, optimizer="adam")
    kerasnn.fit(model, X, Y, verbose=0)


def test_a_layer_more():
    """`Sequential.pop` and `add` change what is predicted."""
    model = classifier()
    assert training.predict(model, X[:4], verbose=0).shape == (4, 3)
    model.pop()
    assert training.predict(model, X[:4], verbose=0).shape == (4, 6)


def test_a_trained_model_is_saved_and_copied_without_its_programs(tmp_path):
    model = classifier()
    kerasnn.fit(model, X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    saved = keras.models.load_model(tmp_path / "model.keras")
    assert_close(saved.get_weights(), model.get_weights(), tolerance=0)
    for copy in (saved, keras.models.clone_model(model)):
        assert not hasattr(copy, "_kerasnn_kept")


@pytest.mark.slow
def test_models_are_released():
    gone = []
    for engine in ("graph", "xla"):
        model = classifier()
        kerasnn.fit(model, X, Y, engine=engine, validation_split=0.2, verbose=0)
        training.predict(model, X, verbose=0)
        gone.append(weakref.ref(model))
        del model
    gc.collect()
    assert [model() for model in gone] == [None, None]


FITS_AND_DROPS = """
import gc
import resource

import kerasnn
from tests.helpers.engine_cases import X, Y, classifier

def megabytes():
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

for i in range(200):
    model = classifier(metrics=["accuracy"])
    kerasnn.fit(model, X, Y, epochs=2, validation_split=0.2, verbose=0)
    kerasnn.training.predict(model, X, verbose=0)
    del model
    if i == 49:
        warm = megabytes()
print(megabytes() - warm)
"""


@pytest.mark.slow
def test_two_hundred_models_leave_nothing_behind():
    """Memory stands still once the first of them have warmed up what all share."""
    ran = subprocess.run(
        [sys.executable, "-c", FITS_AND_DROPS],
        capture_output=True,
        text=True,
        check=True,
        # Where the package `tests` is.
        cwd=pathlib.Path(__file__).parents[3],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    # Keras's own loop leaves 3 MB a model behind, which would be 450 here.
    assert float(ran.stdout) < 40


def test_tracing_does_not_collect_garbage():
    """A collection goes through all objects of a process: half of a first short fit."""
    enabled = []

    class Layer(keras.layers.Layer):
        def call(self, x):
            enabled.append(gc.isenabled())
            return x

    model = classifier(hidden=lambda: [Layer()])
    enabled.clear()
    kerasnn.fit(model, X, Y, engine="graph", verbose=0)
    assert set(enabled) == {False}
    assert gc.isenabled()
