"""What the tests of training share."""

import numpy as np
from sklearn.preprocessing import StandardScaler

import kerasnn


def changed(array, index, value, dtype=None):
    """A copy of an array with one entry replaced."""
    copy = np.array(array, dtype=dtype)
    copy[index] = value
    return copy


def weights_after(model, x, y=None, **arguments):
    """The weights that two epochs of training without shuffling lead to."""
    plan = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0, **arguments}
    history = kerasnn.fit(model, x, y, **plan)
    assert np.isfinite(history.history["loss"]).all()
    return model.get_weights()


def assert_same_training(one, other):
    """The weights are equal, but for what two programs round differently in a few steps."""
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def starting_over(model):
    """Returns `weights_after` for one model that goes back to its start first.

    What was compiled for it stays, which is what takes the time.
    """
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    start = [variable.numpy() for variable in variables]

    def train(*data, **arguments):
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        return weights_after(model, *data, **arguments)

    return train


def assert_learned(layer, rows):
    """The statistics are those that scikit-learn takes from the rows in float64."""
    scaler = StandardScaler().fit(np.asarray(rows, "float64").reshape(-1, layer.mean.shape[-1]))
    np.testing.assert_allclose(np.ravel(layer.mean), scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(np.ravel(layer.variance), scaler.var_, rtol=1e-6)
