"""Names that never change, each weight once, and nothing that a server refuses."""

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from kerasnn import models, serving
from kerasnn.serving.graph.tensor_names import of_inputs
from kerasnn.serving.graph.traced import input_structure, trace


def traced(model):
    """The model's inference, as an export traces it."""
    return trace(model, input_structure(model))


def unnamed_inputs():
    left, right = keras.Input((3,)), keras.Input((3,))
    return keras.Model([left, right], keras.layers.Add()([left, right]))


def inputs_keyed_by_counters():
    left, right = keras.Input((3,)), keras.Input((3,))
    keyed = {left.name: left, right.name: right}
    return keras.Model(keyed, keras.layers.Add()([left, right]))


@pytest.mark.parametrize("build", [unnamed_inputs, inputs_keyed_by_counters])
def test_names_do_not_depend_on_what_was_built_before(build):
    for _ in range(2):
        model = traced(build())
        assert (list(model.inputs), list(model.outputs)) == (
            ["input_0", "input_1"],
            ["predictions"],
        )
        for _ in range(20):
            keras.Input((3,))


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((8, 8, 1), "image"),
        ((None, None, 4), "image"),
        ((8, 8, 2), "features"),
        ((8, 3), "features"),
        ((), "features"),
    ],
)
def test_one_input_is_an_image_or_features(shape, name):
    assert of_inputs(keras.Input(shape)) == [name]


def test_names_become_identifiers():
    inputs = [keras.Input((1,), name=name) for name in ("sepal width", "2nd", "Age")]
    assert of_inputs(inputs) == ["sepal_width", "input_2nd", "Age"]


@pytest.mark.parametrize(
    ("layers", "output", "activation"),
    [
        ([keras.layers.Dense(3), keras.layers.Softmax()], "probabilities", "softmax"),
        ([keras.layers.Dense(1, "sigmoid")], "probabilities", "sigmoid"),
        ([keras.Sequential([keras.layers.Dense(3, "softmax")])], "probabilities", "softmax"),
        ([keras.layers.Dense(3, "softmax"), keras.layers.Rescaling(100.0)], "predictions", None),
        ([keras.layers.Dense(3, "tanh")], "predictions", None),
        ([keras.layers.Dense(3, "softmax", dtype="bfloat16")], "probabilities", "softmax"),
        ([keras.layers.Dense(3, "softmax", dtype="float64")], "probabilities", "softmax"),
    ],
)
def test_outputs_are_probabilities_where_softmax_or_sigmoid_computes_them(
    layers, output, activation
):
    model = traced(keras.Sequential([keras.Input((4,)), *layers]))
    assert (list(model.outputs), model.activation) == ([output], activation)


def test_each_weight_is_saved_once_and_no_seed_metric_or_optimizer(tmp_path):
    hidden, units = keras.layers.Dense(100, "relu"), keras.layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((1000,)), hidden, keras.layers.Dropout(0.5), units])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.ones((3, 1000)), np.zeros(3), verbose=0)
    report = serving.export(model, tmp_path, warmup=False, verify=False)
    listed = tf.train.list_variables(report.path / "variables" / "variables")
    shapes = [tuple(shape) for name, shape in listed if not name.startswith("_CHECKPOINTABLE")]
    assert sorted(shapes) == [(3,), (100,), (100, 3), (1000, 100)]
    graph = (report.path / "saved_model.pb").stat().st_size
    on_disk = sum(f.stat().st_size for f in report.path.rglob("*") if f.is_file())
    assert report.size_bytes == on_disk
    assert report.size_bytes <= 1.1 * 4 * model.count_params() + graph + 20_000
    assert graph < 100_000


class OnDevice(keras.layers.Layer):
    def call(self, x):
        with tf.device("/CPU:0"):
            return 2 * x


def test_nothing_requests_xla_or_a_device(tmp_path, ask):
    model = keras.Sequential(
        [keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 3, groups=2), OnDevice()]
    )
    report = serving.export(model, tmp_path, verify=False)
    saved = saved_model_pb2.SavedModel.FromString((report.path / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert {node.device for node in nodes} == {""}
    for part in (*graph.library.function, *nodes):
        assert "_XlaMustCompile" not in part.attr
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 4)).astype("float32")
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(ask(report, image=x)["predictions"], expected, atol=1e-6)


def test_the_report_prints_as_a_table(iris):
    _, report = iris
    title, *table = str(report).splitlines()
    size = f"{report.size_bytes / 1e3:.1f} kB"
    difference = f"largest difference {report.largest_difference:.1e}"
    latency = f"{report.latency_ms['serving_default']:.2f} ms a row"
    assert title == f"{report.path}: version 1, {size}, {difference}, {latency}"
    assert table == [
        "serving_default  input   features       float32  (batch, 4)",
        "serving_default  output  probabilities  float32  (batch, 3)",
        "serving_default  output  labels         string   (batch)",
        "classify         input   inputs         string   (batch)",
        "classify         output  classes        string   (batch, 3)",
        "classify         output  scores         float32  (batch, 3)",
    ]


def test_nothing_is_said_without_verbose_and_a_report_prints_as_a_table(tmp_path, caplog):
    tf.get_logger().setLevel("INFO")
    try:
        with caplog.at_level("INFO"):
            report = serving.export(unnamed_inputs(), tmp_path, verify=False, verbose=0)
        assert tf.get_logger().level == logging.INFO
    finally:
        tf.get_logger().setLevel("ERROR")
    assert not caplog.records
    assert repr(report) == str(report)


def test_a_model_that_was_never_trained_has_a_note(tmp_path):
    """Layers that learn from the rows of `fit` tell it from a trained one."""
    model = models.mlp(2, task="binary", hidden=(), seed=0)
    given = {"verify": False, "warmup": False}
    [note] = serving.export(model, tmp_path, **given).notes
    assert "was not trained" in note
    trained = models.mlp(2, task="binary", hidden=(), seed=0)
    trained.fit(np.eye(2), [0, 1], verbose=0)
    assert serving.export(trained, tmp_path, **given).notes == ()
    model.set_weights(trained.get_weights())
    assert serving.export(model, tmp_path, **given).notes == ()
