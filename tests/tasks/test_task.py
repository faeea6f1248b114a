"""A task is its name, and fixes what fits it."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import tasks
from kerasnn.tasks import Task

TABLE = {
    "binary": ("sigmoid", "binary_crossentropy", True),
    "multiclass": ("softmax", "sparse_categorical_crossentropy", True),
    "multilabel": ("sigmoid", "binary_crossentropy", True),
    "regression": ("linear", "mean_squared_error", False),
    "count": ("exponential", "poisson", False),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_task_is_its_name(name):
    task = getattr(tasks, name)
    assert task is Task(name) is Task(task)
    assert task == name
    assert str(task) == f"{task}" == name
    assert {task: 1}[name] == 1
    assert pickle.loads(pickle.dumps(task)) is task


def test_the_table_is_whole():
    assert {str(task) for task in Task} == set(TABLE)


@pytest.mark.parametrize(("name", "row"), TABLE.items())
def test_what_follows_from_a_task(name, row):
    task = Task(name)
    assert (task.activation, task.loss, task.is_classification) == row


@pytest.mark.parametrize("name", TABLE)
def test_activation_and_loss_are_a_canonical_pair(name):
    """The gradient of the loss by the pre-activation is prediction minus target."""
    task = Task(name)
    z = keras.ops.array(np.random.default_rng(0).normal(size=(4, 3)), "float32")
    y = {
        "multiclass": np.array([0, 2, 1, 1]),
        "regression": np.random.default_rng(1).normal(size=(4, 3)),
        "count": np.random.default_rng(1).poisson(2, size=(4, 3)),
    }.get(name, np.random.default_rng(1).integers(0, 2, size=(4, 3)))
    activation, loss = keras.activations.get(task.activation), keras.losses.get(task.loss)

    with tf.GradientTape() as tape:
        tape.watch(z)
        prediction = activation(z)
        value = tf.reduce_sum(loss(y.astype("float32"), prediction))
    target = np.eye(3)[y] if name == "multiclass" else y
    # Multi-class cross-entropy sums over the units, the others take their mean.
    share = {"multiclass": 1, "regression": 2 / 3}.get(name, 1 / 3)
    np.testing.assert_allclose(
        tape.gradient(value, z), share * (prediction.numpy() - target), rtol=1e-4, atol=1e-5
    )


def test_compile_arguments_are_new_objects():
    first, second = (Task.REGRESSION.compile_arguments() for _ in range(2))
    assert first["loss"] == "mean_squared_error"
    assert isinstance(first["metrics"][0], keras.metrics.MeanAbsoluteError)
    assert first["metrics"][0] is not second["metrics"][0]
    assert Task.MULTICLASS.compile_arguments()["metrics"] == ["accuracy"]
    assert Task.MULTICLASS.compile_arguments()["metrics"] is not Task.MULTICLASS.metrics


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("multi-class", "Did you mean `multiclass`?"),
        ("regresion", "Did you mean `regression`?"),
        ("Binary", "Did you mean `binary`?"),
        ("clustering", ""),
        (3, ""),
        (None, ""),
    ],
)
def test_no_such_task(invalid, value, hint):
    with invalid("task", value) as caught:
        Task(value)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("task", "outputs"),
    [("binary", 1), ("multiclass", 2), ("multilabel", 1), ("regression", 3), ("count", 1)],
)
def test_outputs_that_fit(task, outputs):
    Task(task).check_outputs(outputs)
    Task(task).check_outputs(np.int64(outputs))


@pytest.mark.parametrize(
    ("task", "outputs", "hint"),
    [
        ("binary", 2, "task='multiclass'"),
        ("multiclass", 1, "task='binary'"),
        ("regression", 0, ""),
        ("count", -1, ""),
        ("multilabel", 2.5, ""),
        ("multiclass", "3", ""),
        ("binary", True, ""),
        ("binary", None, ""),
    ],
)
def test_outputs_that_do_not_fit(invalid, task, outputs, hint):
    with invalid("outputs", outputs) as caught:
        Task(task).check_outputs(outputs)
    assert hint in caught.value.hint
