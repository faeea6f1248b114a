"""What stands in the directory: names that never change, each weight once, nothing to refuse."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from kerasnn import serving


def names(report):
    signature = report.signatures["serving_default"]
    return list(signature["inputs"]), list(signature["outputs"])


def saved_variables(report):
    listed = tf.train.list_variables(str(report.path / "variables" / "variables"))
    return [tuple(shape) for name, shape in listed if not name.startswith("_CHECKPOINTABLE")]


def unnamed_inputs():
    left, right = keras.Input((3,)), keras.Input((3,))
    return keras.Model([left, right], keras.layers.Add()([left, right]))


def inputs_keyed_by_counters():
    left, right = keras.Input((3,)), keras.Input((3,))
    keyed = {left.name: left, right.name: right}
    return keras.Model(keyed, keras.layers.Add()([left, right]))


def one_input():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (one_input, (["features"], ["probabilities"])),
        (unnamed_inputs, (["input_0", "input_1"], ["predictions"])),
        (inputs_keyed_by_counters, (["input_0", "input_1"], ["predictions"])),
    ],
)
def test_names_do_not_depend_on_what_was_built_before(build, expected, tmp_path):
    assert names(serving.export(build(), tmp_path, verify=False)) == expected
    for _ in range(20):
        build()
    assert names(serving.export(build(), tmp_path, verify=False)) == expected


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((8, 8, 1), "image"),
        ((8, 8, 3), "image"),
        ((None, None, 4), "image"),
        ((8, 8, 2), "features"),
        ((8, 3), "features"),
        ((), "features"),
    ],
)
def test_one_input_is_an_image_or_features(shape, name, tmp_path):
    model = keras.Sequential([keras.Input(shape), keras.layers.Rescaling(2.0)])
    report = serving.export(model, tmp_path, verify=False)
    assert names(report) == ([name], ["predictions"])
    assert report.signatures["serving_default"]["inputs"][name].shape.as_list() == [None, *shape]


def test_names_become_identifiers(tmp_path):
    inputs = [keras.Input((1,), name=name) for name in ("sepal width", "2nd", "Age")]
    report = serving.export(keras.Model(inputs, keras.layers.Add()(inputs)), tmp_path, verify=False)
    assert names(report)[0] == ["sepal_width", "input_2nd", "Age"]


@pytest.mark.parametrize(
    ("layers", "output"),
    [
        ([keras.layers.Dense(3), keras.layers.Softmax()], "probabilities"),
        ([keras.layers.Dense(1, "sigmoid")], "probabilities"),
        ([keras.Sequential([keras.layers.Dense(3, "softmax")])], "probabilities"),
        ([keras.layers.Dense(3, "softmax"), keras.layers.Rescaling(100.0)], "predictions"),
        ([keras.layers.Dense(3, "tanh")], "predictions"),
    ],
)
def test_outputs_are_probabilities_where_softmax_or_sigmoid_gives_them(layers, output, tmp_path):
    model = keras.Sequential([keras.Input((4,)), *layers])
    assert names(serving.export(model, tmp_path, verify=False))[1] == [output]


def test_each_weight_is_saved_once_and_no_seed_metric_or_optimizer(classifier, rows, tmp_path):
    classifier.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    classifier.fit(rows, np.zeros(7), verbose=0)
    report = serving.export(classifier, tmp_path)
    assert sorted(saved_variables(report)) == sorted([(4, 8), (8,), (8, 3), (3,)])


def test_size_is_that_of_the_parameters_and_the_graph(tmp_path):
    model = keras.Sequential(
        [keras.Input((1000,)), keras.layers.Dense(1000, "relu"), keras.layers.Dense(1000)]
    )
    model.compile("adam", "mse")
    model.fit(np.ones((1, 1000)), np.ones((1, 1000)), verbose=0)
    report = serving.export(model, tmp_path)
    graph = (report.path / "saved_model.pb").stat().st_size
    on_disk = sum(f.stat().st_size for f in report.path.rglob("*") if f.is_file())
    assert report.size_bytes == on_disk
    assert report.size_bytes <= 1.1 * 4 * model.count_params() + graph
    assert graph < 100_000


class OnDevice(keras.layers.Layer):
    def call(self, x):
        with tf.device("/CPU:0"):
            return 2 * x


def test_nothing_asks_for_xla_or_a_device(tmp_path, ask):
    model = keras.Sequential(
        [keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 3, groups=2), OnDevice()]
    )
    report = serving.export(model, tmp_path)
    saved = saved_model_pb2.SavedModel.FromString((report.path / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert {node.device for node in nodes} == {""}
    for part in (*graph.library.function, *nodes):
        assert "_XlaMustCompile" not in part.attr
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 4)).astype("float32")
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(ask(report, image=x)["predictions"], expected, atol=1e-6)


def test_the_report_prints_as_a_table(classifier, tmp_path):
    report = serving.export(classifier, tmp_path, labels=["ant", "bee", "cat"])
    title, *table = str(report).splitlines()
    size = f"{report.size_bytes / 1e3:.1f} kB"
    difference = f"largest difference {report.largest_difference:.1e}"
    latency = f"{report.latency_ms['serving_default']:.2f} ms a row"
    assert title == f"{tmp_path / '1'}: version 1, {size}, {difference}, {latency}"
    assert table == [
        "serving_default  input   features       float32  (batch, 4)",
        "serving_default  output  probabilities  float32  (batch, 3)",
        "serving_default  output  labels         string   (batch)",
        "classify         input   inputs         string   (batch)",
        "classify         output  classes        string   (batch, 3)",
        "classify         output  scores         float32  (batch, 3)",
    ]
