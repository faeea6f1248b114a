"""The package as it is imported: light, quiet, and in the right company."""

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest

import kerasnn

HEAVY = ["matplotlib", "sklearn", "tensorflow_datasets", "pandas", "PIL"]


def in_a_fresh_process(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        check=False,
    )


def test_import_is_light_and_leaves_keras_as_it_was():
    """Nothing heavy is imported, no seed is drawn, no automatic name or number is used up."""
    code = f"""
import json, random, sys, time
import numpy, keras, tensorflow
needed = time.process_time()
before = set(sys.modules)
drawn = random.getstate(), numpy.random.get_state()[1].tolist()
policy = keras.config.dtype_policy().name
began = time.process_time()
import kerasnn
seconds = time.process_time() - began
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
    quick=seconds < needed / 10,
    plain=keras.Model(point, point).fit.__module__.startswith("keras."),
)))
"""
    ran = in_a_fresh_process(code)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout.splitlines()[-1])
    assert seen == {
        "heavy": [],
        "undrawn": True,
        "quick": True,
        "policy": True,
        "plain": True,
        "names": [
            *("keras_tensor", "dense", "functional", "sequential"),
            *("input_layer_1", "adam", "seed_generator"),
        ],
    }


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


def test_what_the_package_promises_is_there():
    names = {
        "Sequential",
        "Model",
        "fit",
        "layers",
        "models",
        "tasks",
        "training",
        "data",
        "serving",
    }
    assert names <= set(vars(kerasnn))


def test_what_imports_scikit_learn_is_named_before_it_is_imported():
    assert "selection" in dir(kerasnn)
    assert callable(kerasnn.selection.tune)


def test_an_unknown_name_is_told():
    with pytest.raises(AttributeError, match="has no attribute 'selektion'"):
        _ = kerasnn.selektion
