"""Import of the package: no heavy modules, no side effects, the right backend."""

import dataclasses
import importlib.metadata
import inspect
import json
import os
import subprocess
import sys

import keras
import pytest

import kerasnn

HEAVY = ["jinja2", "matplotlib", "polars", "sklearn", "tensorflow_datasets", "pandas", "PIL"]


def in_a_fresh_process(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        check=False,
    )


def test_import_has_no_side_effects():
    """No heavy module is imported, no random number drawn, no automatic name used."""
    code = f"""
import json, random, sys
import numpy, keras, tensorflow
before = set(sys.modules)
drawn = random.getstate(), numpy.random.get_state()[1].tolist()
policy = keras.config.dtype_policy().name
import kerasnn
point = keras.Input((1,))
print(json.dumps(dict(
    heavy=[name for name in {HEAVY} if name in set(sys.modules) - before],
    undrawn=(random.getstate(), numpy.random.get_state()[1].tolist()) == drawn,
    policy=keras.config.dtype_policy().name == policy,
    names=[
        point.name, keras.layers.Dense(1).name, keras.Model(point, point).name,
        keras.Sequential().name, keras.layers.InputLayer((1,)).name,
        keras.optimizers.Adam().name, keras.random.SeedGenerator(1).name,
    ],
    plain=keras.Model(point, point).fit.__module__.startswith("keras."),
)))
"""
    ran = in_a_fresh_process(code)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout.splitlines()[-1])
    assert seen == {
        "heavy": [],
        "undrawn": True,
        "policy": True,
        "plain": True,
        "names": [
            *("keras_tensor", "dense", "functional", "sequential"),
            *("input_layer_1", "adam", "seed_generator"),
        ],
    }


@pytest.mark.parametrize(("given", "level"), [({}, "1"), ({"TF_CPP_MIN_LOG_LEVEL": "0"}, "0")])
def test_the_notes_of_tensorflow_are_hidden_unless_asked_for(given, level):
    code = """
import os, sys, types
os.environ.pop("TF_CPP_MIN_LOG_LEVEL") if not GIVEN else os.environ.update(GIVEN)
# The import ends here, before it takes long.
sys.modules["keras"] = None
try:
    import kerasnn
except ImportError:
    print(os.environ["TF_CPP_MIN_LOG_LEVEL"])
""".replace("GIVEN", repr(given))
    assert in_a_fresh_process(code).stdout.strip() == level


def test_another_backend_is_refused():
    code = """
import os, sys, types
keras = types.ModuleType("keras")
keras.config = types.SimpleNamespace(backend=lambda: os.environ["KERAS_BACKEND"])
sys.modules["keras"] = keras
import kerasnn
"""
    ran = in_a_fresh_process(code, KERAS_BACKEND="jax")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        "ImportError: kerasnn needs Keras's TensorFlow backend; got 'jax'. Set the environment "
        "variable KERAS_BACKEND=tensorflow before Python starts."
    )


def test_the_version_is_that_of_the_distribution():
    assert kerasnn.__version__ == importlib.metadata.version("kerasnn")


def public_packages():
    names = [name for name in kerasnn.__all__ if inspect.ismodule(getattr(kerasnn, name))]
    return [kerasnn, *(getattr(kerasnn, name) for name in names)]


@pytest.mark.parametrize("package", public_packages(), ids=lambda package: package.__name__)
def test_dir_shows_the_public_names_alone(package):
    assert dir(package) == sorted(package.__all__)
    assert all(getattr(package, name) is not None for name in package.__all__)


def functions_of(public):
    """The functions that a public name documents: itself, or its class's own methods."""
    if not inspect.isclass(public):
        return [public]
    return [
        method.fget if isinstance(method, property) else getattr(method, "__func__", method)
        for name, method in vars(public).items()
        if (name == "__init__" or not name.startswith("_"))
        and (inspect.isfunction(method) or isinstance(method, (property, classmethod)))
    ]


@pytest.mark.parametrize("package", public_packages(), ids=lambda package: package.__name__)
def test_every_public_name_has_an_example_and_types(package):
    """The examples are run as doctests; the types stand in the signatures."""
    for name in package.__all__:
        public = getattr(package, name)
        if inspect.ismodule(public) or not callable(public):
            continue
        assert ">>>" in (inspect.getdoc(public) or ""), name
        for function in functions_of(public):
            signature = inspect.signature(function)
            # Keras's own methods, which some classes have under another name, are not ours.
            if not function.__module__.startswith("kerasnn"):
                continue
            untyped = [
                parameter.name
                for parameter in signature.parameters.values()
                if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
            ]
            assert untyped == [], f"{name}, {function.__qualname__}"
            assert signature.return_annotation is not signature.empty, f"{name}, {function}"
            is_documented = function.__name__ == "__init__" or inspect.getdoc(function)
            assert is_documented, f"{name}, {function.__qualname__}"


def test_objects_show_public_names_alone():
    iris = kerasnn.data.load("iris")
    fields = {field.name for field in dataclasses.fields(iris)}
    shown = {name for name in dir(iris) if not name.startswith("_")}
    assert shown == fields | {"input_shape", "outputs", "embeddings"}
    model = kerasnn.models.mlp(4, 3, task="multiclass", hidden=())
    history = model.fit(iris.x_train, iris.y_train, verbose=0)
    added = set(vars(history)) - set(vars(keras.callbacks.History()))
    assert added == {"epoch", "engine", "reason"}


def test_modules_that_import_scikit_learn_are_listed_before_they_are_imported():
    assert {"report", "selection"} <= set(dir(kerasnn))
    assert callable(kerasnn.selection.tune)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="has no attribute 'selektion'"):
        _ = kerasnn.selektion


def test_a_split_or_a_frame_in_the_wrong_place_is_told_where_to_go(invalid):
    split = kerasnn.data.load("iris")
    model = kerasnn.models.mlp(4, 3, task="multiclass")
    with invalid("input_shape", split):
        kerasnn.models.mlp(split, 3, task="multiclass")
    for call in (model.fit, model.predict, model.evaluate):
        with invalid("x", split):
            call(split)
    with invalid("path"):
        kerasnn.data.from_csv({"a": [1, 2], "y": [0, 1]}, "y")
    with invalid("frame", "table.csv"):
        kerasnn.data.from_frame("table.csv", "y")


def test_a_model_is_loaded_whole_or_refused(tmp_path, invalid):
    model = kerasnn.models.mlp(2, 1, task="binary")
    model.save(tmp_path / "model.keras")
    loaded = kerasnn.load(tmp_path / "model.keras")
    assert type(loaded) is kerasnn.Sequential
    assert loaded.compiled
    assert not kerasnn.load(tmp_path / "model.keras", compiled=False).compiled
    damaged = bytearray((tmp_path / "model.keras").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "model.keras").write_bytes(damaged)
    with invalid("path", str(tmp_path / "model.keras")):
        kerasnn.load(tmp_path / "model.keras")
