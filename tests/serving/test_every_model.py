"""Every kind of model gives its predictions without Keras, and without Python."""

import inspect
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import models, serving
from kerasnn.serving.runtime import fresh_process, recorded_examples
from tests.helpers.seeds import set_seeds

SOURCE = pathlib.Path(__file__).with_name("check_saved_model.cc")


SMALL = {"hidden": (4,), "seed": 0}


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def two_inputs():
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    joined = keras.layers.Concatenate()([left, right])
    return keras.Model([left, right], keras.layers.Dense(2)(joined))


def two_outputs():
    features = keras.Input((3,))
    outputs = {
        "price": keras.layers.Dense(1)(features),
        "kind": keras.layers.Dense(4, "softmax")(features),
    }
    return keras.Model(features, outputs)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hide = keras.layers.Dense(4, "relu")
        self.drop = keras.layers.Dropout(0.5)
        self.classify = keras.layers.Dense(3, "softmax")

    def call(self, inputs, training=False):
        return self.classify(self.drop(self.hide(inputs), training=training))


def subclassed():
    model = Subclassed()
    model(normal(1, 3))
    return model


def ensemble():
    return models.ensemble(
        lambda: models.mlp(4, outputs=3, task="multiclass", hidden=(4,)), 3, seed=0
    )


def string_lookup():
    lookup = keras.layers.StringLookup(vocabulary=["ant", "bee"], output_mode="multi_hot")
    layers = [keras.Input((2,), dtype="string"), lookup, keras.layers.Dense(2, "softmax")]
    return keras.Sequential(layers)


def integer_input():
    layers = [keras.layers.Embedding(10, 4), keras.layers.LSTM(5), keras.layers.Dense(1, "sigmoid")]
    return keras.Sequential([keras.Input((6,), dtype="int32"), *layers])


def cnn():
    shape = {"input_shape": (8, 8, 3), "outputs": 3, "filters": (4,)}
    return models.cnn(**shape, task="multiclass", augment=True, **SMALL)


def transfer():
    """A pretrained network with its preprocessing as a layer, as transfer learning builds it."""
    backbone = keras.applications.MobileNetV2(
        (32, 32, 3), include_top=False, weights=None, pooling="avg"
    )
    scale = keras.layers.Rescaling(1 / 127.5, offset=-1)
    head = [keras.layers.Dropout(0.5), keras.layers.Dense(3, "softmax")]
    return keras.Sequential([keras.Input((32, 32, 3)), scale, backbone, *head])


# Cases that take longer than 5 s.
SLOW = ("transfer", "perceptron", "rnn", "graph_network", "two_outputs", "integer_input")

# Name -> how to make the model, and rows for its inputs, by name.
CASES = {
    "perceptron": (lambda: models.perceptron(3), {"features": normal(3, 3)}),
    "mlp": (
        lambda: models.mlp(4, outputs=2, task="regression", dropout=0.5, **SMALL),
        {"features": normal(3, 4)},
    ),
    "cnn": (cnn, {"image": 255 * np.abs(normal(3, 8, 8, 3))}),
    "rnn": (
        lambda: models.rnn((None, 3), outputs=1, task="binary", units=(4,), seed=0),
        {"features": normal(3, 5, 3)},
    ),
    "graph_network": (
        lambda: models.graph_network(3, outputs=2, task="multiclass", units=(4,), seed=0),
        {"features": normal(3, 5, 3), "adjacency": np.ones((3, 5, 5), "float32")},
    ),
    "ensemble": (ensemble, {"features": normal(3, 4)}),
    "tabular": (
        lambda: models.tabular(4, 3, task="multiclass", hidden=(8, 8), seed=0),
        {"features": normal(3, 4)},
    ),
    "pack": (
        lambda: models.pack(4, 3, task="multiclass", n=4, folds=2, seed=0),
        {"features": normal(3, 4)},
    ),
    "transfer": (transfer, {"image": 85 * np.abs(normal(3, 32, 32, 3))}),
    "two_inputs": (two_inputs, {"left": normal(3, 3), "right": normal(3, 2)}),
    "two_outputs": (two_outputs, {"features": normal(3, 3)}),
    "subclassed": (subclassed, {"features": normal(3, 3)}),
    "string_lookup": (
        string_lookup,
        {"features": np.array([["bee", "ant"], ["bee", "bee"], ["cow", "ant"]], object)},
    ),
    "integer_input": (integer_input, {"features": np.arange(18, dtype="int32").reshape(3, 6) % 10}),
}


@pytest.fixture(
    scope="module",
    params=[pytest.param(c, marks=pytest.mark.slow) if c in SLOW else c for c in CASES],
)
def case(request, tmp_path_factory):
    """A model, its export, and rows for it."""
    set_seeds(0)
    build, rows = CASES[request.param]
    model = build()
    return model, serving.export(model, tmp_path_factory.mktemp("served") / request.param), rows


def expected(model, report, rows):
    x = {name: tf.constant(value) for name, value in rows.items()}
    flat = list(x.values())
    by_name = isinstance(getattr(model, "input", None), dict)
    predicted = model.predict(x if by_name else flat if len(flat) > 1 else flat[0], verbose=0)
    names = [n for n in report.signatures["serving_default"]["outputs"] if n != "labels"]
    if isinstance(predicted, dict):
        return predicted
    return dict(zip(names, keras.tree.flatten(predicted), strict=True))


def test_every_builder_is_there():
    builders = {name for name in models.__all__ if inspect.isfunction(getattr(models, name))}
    # Texts, which these cases have none of, are in tests/models/test_text.py.
    assert builders <= {*CASES, "text"}


def test_every_request_gets_the_outputs_of_predict(case):
    model, report, rows = case
    assert report.largest_difference <= 1e-5
    predictor = serving.Predictor(report.path)
    outputs = [predictor(rows) for _ in range(3)]
    for name, wanted in expected(model, report, rows).items():
        np.testing.assert_allclose(outputs[0][name], wanted, atol=1e-5)
        for output in outputs:
            np.testing.assert_array_equal(output[name], outputs[0][name])


@pytest.mark.slow
def test_the_same_names_after_twenty_others(case, tmp_path):
    _, report, _ = case
    build = CASES[report.path.parent.name][0]
    for _ in range(20):
        keras.Model(point := keras.Input((1,)), keras.layers.Dense(1)(point))
    again = serving.export(build(), tmp_path, verify=False)
    for name, signature in report.signatures.items():
        for side, tensors in signature.items():
            assert list(again.signatures[name][side]) == list(tensors)
    checkpoints = [
        tf.train.list_variables(r.path / "variables" / "variables") for r in (report, again)
    ]
    assert checkpoints[0] == checkpoints[1]


def test_each_weight_is_there_once_and_nothing_random(case):
    model, report, _ = case
    listed = tf.train.list_variables(report.path / "variables" / "variables")
    sizes = [
        np.prod(shape, dtype=int)
        for name, shape in listed
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    ]
    assert sum(sizes) <= model.count_params()
    program = (report.path / "saved_model.pb").read_bytes()
    assert b"Random" not in program
    assert b"PyFunc" not in program


def test_the_process_that_verifies_has_neither_keras_nor_tensorflow(iris):
    _, report = iris
    command = [sys.executable, "-X", "importtime", "-P", fresh_process.__file__]
    ran = subprocess.run(
        [
            *command,
            "kerasnn.serving.runtime.replay",
            report.path,
            report.path / recorded_examples.FILE,
            "1",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in ran.stderr.splitlines() if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert {"numpy", "ctypes"} <= imported
    assert not imported & {"tensorflow", "keras"}
    assert '"differences"' in ran.stdout


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """The C++ program, which calls the loader that TensorFlow Serving calls."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler on the PATH")
    site = pathlib.Path(tf.__file__).parent
    compiled = tmp_path_factory.mktemp("program") / "check_saved_model"
    flags = ["-O1", "-w", f"-isystem{site}/include"]
    # Without the first flag the library's kernels are left out.
    libraries = [
        "-Wl,--no-as-needed",
        "-l:libtensorflow_cc.so.2",
        "-l:libtensorflow_framework.so.2",
    ]
    command = [compiler, *tf.sysconfig.get_compile_flags(), *flags, SOURCE, "-o", compiled]
    subprocess.run([*command, f"-L{site}", *libraries, f"-Wl,-rpath,{site}"], check=True)
    return compiled


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the flags are those of Linux")
def test_a_program_without_python_gets_the_same_answers(case, program, tmp_path):
    _, report, _ = case
    examples = recorded_examples.read(report.path / recorded_examples.FILE)
    assert examples.keys() == report.signatures.keys()
    for signature, example in examples.items():
        folder = tmp_path / signature
        for side, arrays in example._asdict().items():
            (folder / side).mkdir(parents=True)
            for name, array in arrays.items():
                (folder / side / name).write_bytes(tf.make_tensor_proto(array).SerializeToString())
        ran = subprocess.run(
            [program, report.path, signature, folder], capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        assert float(ran.stdout) <= 1e-5
