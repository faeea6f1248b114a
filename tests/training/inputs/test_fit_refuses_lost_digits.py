"""Data that float32 would round to nothing is refused wherever a model learns from it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

import kerasnn
from kerasnn import callbacks, data, layers, models, selection

RNG = np.random.default_rng(0)
PART = RNG.uniform(0, 1, 200)[:, None]
SECONDS = 1.7e9 + 60 * PART
SMALL = {"hidden": (4,), "learning_rate": 0.02, "seed": 0}


def regressor(**_):
    return models.mlp(1, task="regression", **SMALL)


class Batches(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return 2

    def __getitem__(self, index):
        rows = slice(100 * index, 100 * index + 100)
        return SECONDS[rows], PART[rows]


def stream(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(50)


def cross_validate(x, y):
    return selection.cross_validate(regressor, x, y, cv=2, epochs=1)


def tune(x, y):
    return selection.tune(regressor, {"a": [1, 2]}, x, y, cv=2, epochs=1)


ENTRANCES = {
    "fit": lambda x, y: regressor().fit(x, y, verbose=0),
    "integers": lambda x, y: regressor().fit(x.astype(int), y.astype(int), verbose=0),
    "lr_find": lambda x, y: kerasnn.lr_find(regressor(), x, y),
    "cross_validate": cross_validate,
    "tune": tune,
    "Regressor": lambda x, y: selection.Regressor(hidden=(4,), epochs=1).fit(x, y[:, 0]),
    "a plain model of Keras": lambda x, y: kerasnn.fit(plain(), x, y, verbose=0),
    "stream": lambda x, y: regressor().fit(stream(x, y), verbose=0),
}


def plain():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    return model


@pytest.mark.parametrize("entrance", ENTRANCES.values(), ids=ENTRANCES)
@pytest.mark.parametrize(("x", "y"), [(SECONDS, PART), (PART, SECONDS)], ids=["x", "y"])
def test_entrances(entrance, x, y):
    with pytest.raises(kerasnn.InvalidArgument) as caught:
        entrance(x, y)
    assert caught.value.hint.startswith("Subtract an offset")


def test_inputs_of_a_pydataset(invalid):
    with invalid("standardize"):
        regressor().fit(Batches(), verbose=0)


def test_adapt(invalid):
    with invalid("front"):
        layers.Standardize(name="front").adapt(SECONDS)


def test_diagnose(invalid):
    with invalid("standardize"):
        callbacks.diagnose(regressor(), SECONDS, PART)


def test_rows_that_are_not_learned_from_may_lie_close_together():
    """Of a year that was trained on, one minute is predicted like any other rows."""
    year = 1.7e9 + 3e7 * PART
    model = regressor()
    model.fit(year, PART, validation_data=(SECONDS, PART), verbose=0)
    model.evaluate(SECONDS, PART, verbose=0)
    assert np.ptp(model.predict(SECONDS, verbose=0)) < 1e-3


def test_indices_of_an_integer_input_are_not_cast():
    numbers = 10**11 + np.arange(8)[:, None]
    lookup = keras.layers.IntegerLookup(vocabulary=numbers.ravel(), output_mode="one_hot")
    model = keras.Sequential([keras.Input((1,), dtype="int64"), lookup, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    weights = np.arange(9.0)
    model.set_weights([weights[:, None], np.zeros(1)])
    kerasnn.fit(model, numbers, weights[1:], engine="keras", verbose=0)
    np.testing.assert_array_equal(model.predict(numbers, verbose=0)[:, 0], weights[1:])


def test_scikit_learn_standardises_targets_in_float64():
    inner = selection.Regressor(hidden=(4,), epochs=60, learning_rate=0.02, random_state=0)
    outer = TransformedTargetRegressor(inner, transformer=StandardScaler())
    outer.fit(PART, SECONDS[:, 0])
    assert outer.score(PART, SECONDS[:, 0]) > 0.99


@pytest.fixture
def float64():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")


def test_float64_learns_them(float64):
    model = regressor()
    model.fit(SECONDS, SECONDS[:, 0], epochs=60, verbose=0)
    layer = model.get_layer("standardize")
    np.testing.assert_allclose(np.ravel(layer.mean), SECONDS.mean(), rtol=1e-15)
    np.testing.assert_allclose(np.ravel(layer.variance), SECONDS.var(), rtol=1e-6)
    errors = model.predict(SECONDS, verbose=0) - SECONDS
    assert errors.std() < 0.1 * SECONDS.std()


TABLE = "seconds,late\n" + "".join(f"{1_700_000_000 + i},{int(i >= 50)}\n" for i in range(100))


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_column_of_a_table(tmp_path, in_memory, invalid):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    with invalid("seconds"):
        data.from_csv(path, "late", in_memory=in_memory)
    assert data.from_csv(path, "late", categorical=("seconds",)).x_train.shape[0] == 80


def test_the_target_of_a_table(invalid, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    with invalid("seconds"):
        data.from_csv(path, "seconds", task="regression")


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_table_in_float64(tmp_path, float64, in_memory):
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    split = data.from_csv(path, "late", in_memory=in_memory)
    x = split.x_train if in_memory else np.concatenate([x for x, _ in split.x_train])
    assert x.dtype == np.float64
    assert len(np.unique(x)) == 80
    assert set(x.ravel()) < set(range(1_700_000_000, 1_700_000_100))
