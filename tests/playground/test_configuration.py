"""The configuration: what it takes, and how it refuses."""

import json

import pytest

from kerasnn.playground.configuration import Configuration

WRONG = [
    ("dataset", "circles"),
    ("task", "regression"),
    ("loss", "mae"),
    ("classes", 2),
    ("train_ratio", 95),
    ("noise", 0.5),
    ("batch_size", 0),
    ("data_seed", -1),
    ("seed", 2**31),
    ("features", ["x", "z"]),
    ("features", []),
    ("hidden", "4, 2"),
    ("hidden", "9"),
    ("hidden", "1,1,1,1,1,1,1"),
    ("hidden", 4),
    ("activation", "softmax"),
    ("activations", ["relu"]),
    ("optimizer", "lion"),
    ("learning_rate", 11),
    ("learning_rate", "0.1"),
    ("schedule", "linear"),
    ("schedule_epochs", 1),
    ("l1", -1),
    ("l2", None),
    ("dropout", 0.9),
    ("batch_normalization", 1),
    ("initialization", "he"),
    ("early_stopping", -1),
    ("stops", "no"),
    ("target", 3),
    ("plot_x", "x" * 1001),
]


def test_it_is_the_same_after_a_way_through_json():
    for given in (
        {},
        {"hidden": "", "dataset": "rings", "classes": 5, "loss": "mse"},
        {"hidden": "2,1", "unit_activations": [["relu", "tanh"], ["elu"]]},
    ):
        configuration = Configuration.from_dict(given)
        text = json.dumps(configuration.as_dict())
        assert Configuration.from_dict(json.loads(text)) == configuration


def test_the_task_follows_the_data_set():
    assert Configuration(dataset="plane").task == "regression"
    assert Configuration().task == "classification"
    assert Configuration(dataset="table", table="id").task is None


def test_features_have_one_order():
    given = Configuration.from_dict({"features": ["siny", "x"]})
    assert given == Configuration(features=("x", "siny"))


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_values_are_refused(name, value, invalid):
    with invalid(name) as caught:
        Configuration.from_dict({name: value})
    assert caught.value.rule


def test_what_is_no_configuration(invalid):
    with invalid("config", "hiden") as caught:
        Configuration.from_dict({"hiden": "4"})
    assert "hidden" in caught.value.hint
    with invalid("config", [1]):
        Configuration.from_dict([1])
    with invalid("unit_activations[1]"):
        Configuration.from_dict({"unit_activations": [["relu"] * 4, ["relu", "softmax"]]})
    with invalid("table", None):
        Configuration(dataset="table")
    with invalid("loss", "crossentropy"):
        Configuration(dataset="plane", loss="crossentropy")
