"""Arguments that an estimator refuses, which leave it unchanged."""

import functools

import keras
import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from kerasnn import models
from kerasnn.selection import Classifier, Regressor
from tests.selection.selection_helpers import blobs

SMALL = {"hidden": (4,), "epochs": 1, "random_state": 5, "learning_rate": 0.05}
SPARSE = "sparse_categorical_crossentropy"

REFUSED = [
    ("activation", {"activation": "rleu"}),
    ("epochs", {"epochs": 0}),
    ("class_weight", {"class_weight": "balance"}),
    ("class_weight", {"class_weight": np.ones(3)}),
    ("class_weight", {"class_weight": {0: 0, 1: 0, 2: 0}}),
    ("build", {"build": lambda: None}),
    ("validation_fraction", {"early_stopping": True, "validation_fraction": 0.999}),
    ("early_stopping", {"early_stopping": "no"}),
    ("batch_norm", {"batch_norm": "no"}),
    ("normalize", {"normalize": None}),
    ("normalize", {"normalize": np.ones(2)}),
    ("l2", {"l2": -1}),
    ("random_state", {"random_state": "a"}),
    ("random_state", {"random_state": True}),
    ("random_state", {"random_state": -1}),
]


@pytest.mark.parametrize(("argument", "given"), REFUSED)
def test_wrong_parameters_are_refused(argument, given, invalid):
    with invalid(argument):
        Classifier(**given).fit(*blobs())


def dense(units, activation, loss):
    """Returns a builder of one layer."""

    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, activation)])
        model.compile(keras.optimizers.SGD(0.1), loss)
        return model

    return build


@pytest.mark.parametrize(
    "build",
    [
        dense(5, "softmax", SPARSE),
        dense(1, "sigmoid", "binary_crossentropy"),
        dense(3, None, SPARSE),
        dense(3, "tanh", SPARSE),
    ],
)
def test_outputs_that_are_no_probabilities_are_refused(build, invalid):
    x, y = blobs()
    with invalid("build"):
        Classifier(build=build, epochs=1).fit(x, y).predict_proba(x)


@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_a_network_is_described_once(kind, invalid):
    with invalid("hidden", value=(4,)):
        kind(build=dense(3, "softmax", SPARSE), hidden=(4,)).fit(*blobs())


def test_a_builder_returns_new_models(invalid):
    x, y = blobs()
    model = Classifier(**SMALL).fit(x, y).model_
    for build in (lambda: model, model):
        with invalid("build", value=model):
            Classifier(build=build).fit(x, y)


def test_classes_stay_those_of_the_first_call(invalid):
    x, y = blobs()
    names = np.array(["ash", "birch", "cedar"])
    fitted = Classifier(**SMALL).partial_fit(x, names[y], classes=names)
    fitted.partial_fit(x, names[y], classes=names[::-1])
    with invalid("classes", value=["ash", "elm"]):
        fitted.partial_fit(x, names[y], classes=["ash", "elm"])
    with invalid("y") as caught:
        fitted.partial_fit(x, np.where(y, "elm", "ash"))
    assert "`classes`" in caught.value.hint


def test_a_class_of_one_row_cannot_be_validated_on(invalid):
    """The error names the argument there is: a Classifier has no `validation_split`."""
    x, y = blobs()
    y[:-1] %= 2
    parts = (train_test_split(range(60), test_size=30, random_state=seed) for seed in range(9))
    seed = next(seed for seed, (_, validation) in enumerate(parts) if 59 in validation)
    model = Classifier(early_stopping=True, validation_fraction=0.5, random_state=seed, epochs=1)
    with invalid("validation_fraction"):
        model.fit(x, y)


def test_early_stopping_needs_rows_with_weight(invalid):
    x, y = blobs(20, classes=2)
    weight = (np.arange(20) < 1).astype(float)
    with invalid("sample_weight"):
        Classifier(**SMALL, early_stopping=True).fit(x, y, sample_weight=weight)


def test_a_call_that_fails_changes_nothing(invalid):
    x, y = blobs(20, classes=2)
    fitted = Classifier(**SMALL)
    with pytest.raises(ValueError, match="`sample_weight` must be at least 0"):
        fitted.partial_fit(x, y, sample_weight=-np.ones(20))
    assert vars(fitted) == vars(Classifier(**SMALL))
    with invalid("classes", value=[]):
        fitted.partial_fit(x, y, classes=[])
    fitted.partial_fit(x, y, classes=[0, 1, 2])
    learned = dict(vars(fitted))
    with invalid("sample_weight"):
        fitted.fit(x, y + 1, sample_weight=np.zeros(20))
    assert vars(fitted) == learned


def test_rows_with_several_labels_have_no_class_weights(invalid):
    x, y = blobs()
    with invalid("class_weight", value={0: 5}):
        Classifier(**SMALL, class_weight={0: 5}).fit(x, np.stack([y > 0, y > 1], 1).astype(int))


@pytest.mark.parametrize(
    ("argument", "value"),
    [("network", "mpl"), ("l2", 0.1), ("optimizer", "sgd"), ("batch_norm", True)],
)
def test_arguments_that_are_none_of_the_network(argument, value, invalid):
    """The recipe of `tabular` has an optimizer of its own."""
    with invalid(argument, value=value):
        Classifier(**{"network": "tabular", argument: value}).fit(*blobs())


def test_a_network_by_name_beside_a_builder(invalid):
    with invalid("network", value="tabular"):
        Classifier(build=dense(3, "softmax", SPARSE), network="tabular").fit(*blobs())


def test_a_pack_stops_by_itself(invalid):
    build = functools.partial(models.pack, n=2, folds=2, space={"hidden": [(2,)]})
    with invalid("early_stopping", value=True):
        Classifier(build=build, early_stopping=True).fit(*blobs())
