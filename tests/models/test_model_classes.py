"""`kerasnn.Sequential` and `kerasnn.Model` are Keras's, and leave Keras's alone."""

import copy
import inspect

import keras
import numpy as np
import pytest

import kerasnn

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = X.sum(axis=1)


def ends(units=1):
    inputs = keras.Input((3,))
    return inputs, keras.layers.Dense(units)(inputs)


@keras.saving.register_keras_serializable("tests")
class Subclassed(kerasnn.Model):
    """Shapes unknown until it is called."""

    def __init__(self, units=1, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class FromEnds(kerasnn.Model):
    """A subclass that makes itself functional."""

    def __init__(self, units=1):
        super().__init__(*ends(units), name="from_ends")
        self.units = units


class FromNamedEnds(kerasnn.Model):
    def __init__(self):
        inputs, outputs = ends()
        super().__init__(inputs=inputs, outputs=outputs)


MODELS = {
    "Sequential": lambda: kerasnn.Sequential([keras.Input((3,)), keras.layers.Dense(1)]),
    "Sequential without Input": lambda: kerasnn.Sequential([keras.layers.Dense(1)]),
    "functional": lambda: kerasnn.Model(*ends()),
    "functional by keyword": lambda: kerasnn.Model(inputs=(e := ends())[0], outputs=e[1]),
    "subclassed": Subclassed,
    "subclass from ends": FromEnds,
    "subclass from named ends": FromNamedEnds,
    "builder": lambda: kerasnn.models.mlp(3, task="regression", hidden=()),
}
each = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


def compiled(make):
    model = make()
    model.compile(keras.optimizers.SGD(0.1), loss="mse", metrics=["mae"])
    return model


@each
def test_fit_evaluate_predict(make):
    model = compiled(make)
    assert isinstance(model, keras.Model)
    assert isinstance(model, kerasnn.Model | kerasnn.Sequential)
    history = model.fit(X, Y, epochs=30, batch_size="full", verbose=0, engine="graph")
    assert history.history["loss"][-1] < history.history["loss"][0] / 2
    assert history.engine == "graph"
    assert history.reason
    outputs = model.predict(X, verbose=0)
    np.testing.assert_allclose(outputs, model(X), rtol=1e-5, atol=1e-6)
    results = model.evaluate(X, Y, verbose=0, return_dict=True)
    errors = outputs[:, 0] - Y
    np.testing.assert_allclose(results["loss"], np.mean(errors**2), rtol=1e-4)
    np.testing.assert_allclose(results["mae"], np.mean(np.abs(errors)), rtol=1e-4)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx([results["loss"], results["mae"]])
    bad = X.copy()
    bad[2, 1] = np.nan
    with pytest.raises(ValueError, match="`x`"):
        model.fit(bad, Y, verbose=0)


@pytest.mark.parametrize("kind", [kerasnn.Sequential, kerasnn.Model])
@pytest.mark.parametrize("name", ["fit", "evaluate", "predict"])
def test_the_methods_show_the_arguments_of_the_functions(kind, name):
    function, method = getattr(kerasnn.training, name), getattr(kind, name)
    expected, shown = inspect.signature(function), inspect.signature(method)
    assert next(iter(shown.parameters)) == "self"
    assert list(shown.parameters.values())[1:] == list(expected.parameters.values())[1:]
    assert shown.return_annotation == expected.return_annotation
    assert method.__doc__ == function.__doc__
    assert method.__qualname__ == f"EngineMixin.{name}"
    with pytest.raises(TypeError, match=r"no argument `verbos`\. Did you mean `verbose`\?"):
        getattr(kind(), name)(X, verbos=1)


@pytest.mark.parametrize("name", ["Sequential", "functional"])
def test_keras_can_train_it_too(name):
    """Keras's own loop validates through `evaluate`, with an argument of its own."""
    model = compiled(MODELS[name])
    history = keras.Model.fit(model, X, Y, validation_data=(X, Y), epochs=2, verbose=0)
    assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}


@pytest.mark.parametrize("name", ["Sequential", "functional", "subclassed", "builder"])
def test_saved_loaded_and_copied(name, tmp_path):
    model = compiled(MODELS[name])
    model.fit(X, Y, verbose=0, engine="graph")
    outputs = model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), outputs)
    if name == "functional":
        with pytest.raises(ValueError, match="`x`"):
            loaded.fit(X[:, :2], Y, verbose=0)
    if name != "subclassed":
        other = copy.deepcopy(model)
        assert type(other) is type(model)
        np.testing.assert_allclose(other(X), outputs, rtol=1e-5, atol=1e-6)


def test_a_functional_model_is_cloned_in_its_class():
    model = MODELS["functional"]()
    assert type(keras.models.clone_model(model)) is type(model)
    assert isinstance(kerasnn.Model.from_config(model.get_config()), kerasnn.Model)


def test_a_functional_subclass_changes_no_other():
    """Keras would turn `kerasnn.Model` itself functional, and with it every later subclass."""
    bases = kerasnn.Model.__bases__
    FromEnds()
    FromNamedEnds()
    assert kerasnn.Model.__bases__ == bases
    assert FromEnds(units=2).output_shape == (None, 2)
    plain = Subclassed()
    assert plain(X).shape == (12, 1)
    assert not hasattr(type(plain), "_standardize_inputs")


def test_a_subclass_of_a_functional_subclass():
    class Deeper(FromEnds):
        def __init__(self):
            super().__init__(units=4)

    model = Deeper()
    assert isinstance(model, FromEnds)
    assert model.output_shape == (None, 4)
    assert model.name == "from_ends"


def test_plain_keras_is_left_alone():
    kerasnn.Model(*ends())
    FromEnds()
    for plain in (
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]),
        keras.Model(*ends()),
    ):
        assert not isinstance(plain, kerasnn.Model | kerasnn.Sequential)
        assert type(plain).fit is keras.Model.fit
        plain.compile("sgd", loss="mse")
        assert not hasattr(plain.fit(X, Y, verbose=0), "engine")


def test_plain_keras_models_train_by_the_function():
    model = keras.Model(*ends())
    model.compile("sgd", loss="mse")
    history = kerasnn.fit(model, X, Y, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert history.engine
    np.testing.assert_allclose(
        kerasnn.training.predict(model, X, verbose=0), model(X), rtol=1e-5, atol=1e-6
    )


def test_names_are_numbered_as_keras_numbers_them():
    keras.utils.clear_session()
    assert kerasnn.Sequential([keras.layers.Dense(1)]).name == "sequential"
    assert kerasnn.Sequential([keras.layers.Dense(1)]).name == "sequential_1"
    assert kerasnn.Model(*ends(), name="mine").name == "mine"
    assert kerasnn.Model(*ends()).name == "functional"


def test_a_model_of_several_ends():
    inputs = {"a": keras.Input((3,), name="a"), "b": keras.Input((1,), name="b")}
    joined = keras.layers.concatenate(list(inputs.values()))
    model = kerasnn.Model(inputs, {"sum": keras.layers.Dense(1)(joined), "twice": joined * 2})
    outputs = model.predict({"a": X, "b": Y}, verbose=0)
    np.testing.assert_allclose(outputs["twice"], 2 * np.column_stack([X, Y]), rtol=1e-6)
    assert outputs["sum"].shape == (12, 1)
