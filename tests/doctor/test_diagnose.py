"""Diagnosis of a model at one moment, which stays as it is."""

import re

import keras
import numpy as np
import pytest

from kerasnn import data, models, optimizers, schedules
from kerasnn.callbacks import diagnose
from tests.helpers.seeds import set_seeds

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype("float32")
Y = (X.sum(axis=1) > 0).astype(int)
TOO_HIGH = "learning rate too high"


def names(diagnosis):
    return {finding.name for finding in diagnosis.findings}


def classifier(optimizer="adam", activation="relu", depth=2, **dense):
    hidden = [keras.layers.Dense(16, activation, **dense) for _ in range(depth)]
    model = keras.Sequential([keras.Input((4,)), *hidden, keras.layers.Dense(1, "sigmoid")])
    model.compile(optimizer, loss="binary_crossentropy")
    return model


def test_a_newly_built_network_is_healthy():
    diagnosis = diagnose(classifier("sgd"), X, Y)
    assert diagnosis.findings == ()
    assert 1e-5 < diagnosis.measurements.update < 0.05


def test_units_of_several_networks_in_one_layer_are_dead_one_by_one():
    inputs = keras.Input((4,))
    layer = keras.layers.EinsumDense("bi,nio->bno", (2, 3), "relu", bias_axes="no")
    score = keras.layers.GlobalAveragePooling1D()(layer(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(score))
    model.compile("sgd", loss="binary_crossentropy")
    kernel, bias = np.abs(layer.get_weights()[0]), np.zeros((2, 3), "float32")
    # No row makes these two active, which are units of different networks.
    bias[0, 0] = bias[1, 2] = -1000.0
    layer.set_weights([kernel, bias])
    dead = {m.name: m.dead for m in diagnose(model, X, Y).measurements.layers}
    assert dead[layer.name] == pytest.approx(2 / 6)


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes"])
def test_a_builders_network_is_standardised_as_in_the_first_fit(name):
    split = data.load(name)
    model = models.mlp(split.input_shape, split.outputs, task=split.task, seed=0)
    before = state(model)
    diagnosis = diagnose(model, split.x_train, split.y_train)
    assert diagnosis.findings == ()
    # About the loss of a constant, in the targets' units too.
    assert diagnosis.measurements.train is not None
    assert diagnosis.measurements.train.skill_score > -1
    for value, wanted in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(value, wanted)


def start(deviation):
    return keras.initializers.RandomNormal(0, deviation)


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("vanishing gradients", lambda: classifier(activation="sigmoid", depth=10)),
        ("exploding gradients", lambda: classifier(depth=10, kernel_initializer=start(2))),
        (
            "dying ReLU",
            lambda: classifier(bias_initializer=keras.initializers.Constant(-50)),
        ),
        (
            "saturated outputs",
            lambda: classifier(activation="tanh", kernel_initializer=start(20)),
        ),
        (TOO_HIGH, lambda: classifier(keras.optimizers.Adam(1.0))),
    ],
)
def test_faults_that_show_at_one_moment(name, build):
    assert name in names(diagnose(build(), X, Y))


@pytest.mark.parametrize(("l2", "rate", "wanted"), [(0.0, 10.0, {TOO_HIGH}), (0.1, 0.3, set())])
def test_the_loss_after_the_step_is_that_of_fit_without_penalties(l2, rate, wanted):
    """A loss of clipped probabilities would be 1.6 and not 46; penalties would be above 40."""
    split = data.load("breast_cancer")
    model = models.mlp(split.input_shape, task="binary", activation="tanh", l2=l2, seed=0)
    model.fit(split.x_train, split.y_train, verbose=0)
    assert names(diagnose(model, split.x_train, split.y_train)) == set()
    model.optimizer.learning_rate = rate
    assert names(diagnose(model, split.x_train, split.y_train)) == wanted


def test_a_perceptron_on_inseparable_classes():
    xor = data.load("xor")
    [finding] = diagnose(models.perceptron(2), xor.x_train, xor.y_train).findings
    assert finding.name == "perceptron on data that is not linearly separable"
    separable = data.load("and")
    assert diagnose(models.perceptron(2), separable.x_train, separable.y_train).findings == ()


def test_labels_that_validation_does_not_know():
    model = models.mlp(4, task="binary", hidden=64, learning_rate=0.05, seed=0)
    labels = RNG.integers(0, 2, 60)
    model.fit(X[:40], labels[:40], epochs=60, engine="graph", verbose=0)
    validation = (RNG.normal(size=(100, 4)), RNG.integers(0, 2, 100))
    assert "labels shuffled against inputs" in names(
        diagnose(model, X[:40], labels[:40], validation_data=validation)
    )
    assert "labels shuffled against inputs" not in names(diagnose(model, X[:40], labels[:40]))


def state(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(variable) for variable in variables]


def test_model_and_optimizer_stay_as_they_are():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    # Run eagerly, since nothing is to be traced for two steps.
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    model.fit(X, Y, verbose=0)
    before = state(model)
    diagnose(model, X, Y)
    for value, wanted in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.1),
        lambda: keras.optimizers.Adam(schedules.Exponential(0.1, rate=0.5)),
        lambda: optimizers.SGD(lambda: 0.1, momentum=0.9),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1)),
    ],
    ids=["adam", "schedule", "function", "loss scale"],
)
def test_an_optimizer_that_has_not_begun_has_not_begun_afterwards(optimizer):
    model = classifier(optimizer())
    before = state(model)
    size = diagnose(model, X, Y).measurements.update
    assert not model.optimizer.built
    for value, wanted in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(value, wanted)
    model.optimizer.build(model.trainable_variables)
    assert diagnose(model, X, Y).measurements.update == size


@pytest.mark.parametrize("scaled", [False, True])
def test_what_is_excluded_from_weight_decay_is_so_in_the_step_that_is_tried(scaled):
    sizes = []
    for decay in (0.0, 5.0):
        set_seeds(0)
        optimizer = optimizers.SGD(0.1, weight_decay=decay)
        optimizer.exclude_from_weight_decay(var_names=["kernel"])
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        sizes.append(diagnose(classifier(optimizer), X, Y).measurements.update)
    # The biases start at 0.
    assert sizes[0] == sizes[1]


def test_a_loss_scale_stays_too():
    model = classifier(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3)))
    diagnosis = diagnose(model, X, Y)
    assert diagnosis.measurements.update == pytest.approx(
        diagnose(_with(model, "adam"), X, Y).measurements.update, rel=1e-3
    )


def _with(model, optimizer):
    model.compile(optimizer, loss="binary_crossentropy")
    return model


def test_the_table_names_every_layer_and_the_findings():
    diagnosis = diagnose(classifier(), X, Y)
    head, first, second, output, *rest = str(diagnosis).splitlines()
    assert head.split() == ["layer", "dead", "saturated", "zeros", "gradient", "update"]
    for line, layer in zip((first, second, output), diagnosis.measurements.layers, strict=True):
        assert line.split()[0] == layer.name
    assert rest == ["Nothing is wrong."]
    assert "vanishing gradients in" in str(
        diagnose(classifier(activation="sigmoid", depth=10), X, Y)
    )


def test_lists_are_arrays():
    model = classifier()
    assert diagnose(model, X.tolist(), Y.tolist()).measurements.train.rows == 60


def test_what_is_refused(invalid):
    model = classifier()
    with pytest.raises(TypeError, match="`diagnose` has no argument `validation`"):
        diagnose(model, X, Y, validation=(X, Y))  # type: ignore[call-arg]
    bare = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    for wrong in (bare, "model"):
        with pytest.raises(ValueError, match="`model` must be"):
            diagnose(wrong, X, Y)  # type: ignore[arg-type]
    model.trainable = False
    with invalid("model", model.name):
        diagnose(model, X, Y)


@pytest.mark.parametrize("validation", [X[:30], 5, (X,), X[:2]])
def test_validation_data_that_are_no_pair(invalid, validation):
    with invalid("validation_data"):
        diagnose(classifier(), X, Y, validation_data=validation)


@pytest.mark.parametrize(
    ("argument", "changed"),
    [
        ("x", {"x": None}),
        ("y", {"y": None}),
        ("x", {"x": np.array(["a"] * 60)}),
        ("x", {"x": np.full((60, 4), "a")}),
        ("x", {"x": X[:, :2]}),
        ("y", {"y": np.array([None] * 60)}),
        ("sample_weight", {"sample_weight": -Y - 1.0}),
        ("sample_weight", {"sample_weight": np.full(60, np.nan)}),
        ("validation_data[0]", {"validation_data": (None, None)}),
        ("validation_data[1]", {"validation_data": (X, None)}),
        ("validation_data[0]", {"validation_data": (X * np.nan, Y)}),
        ("validation_data[0]", {"validation_data": (X[:, :2], Y)}),
    ],
)
def test_rows_that_cannot_be(argument, changed):
    with pytest.raises(ValueError, match=rf"^`{re.escape(argument)}` must"):
        diagnose(classifier(), **{"x": X, "y": Y, **changed})


@pytest.mark.parametrize(
    ("argument", "changed"),
    [("y", {"y": Y[:50]}), ("validation_data[2]", {"validation_data": (X, Y, Y[:3])})],
    ids=["targets", "weights"],
)
def test_numbers_of_rows_that_differ(argument, changed, invalid):
    with invalid(argument):
        diagnose(classifier(), **{"x": X, "y": Y, **changed})
