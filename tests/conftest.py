"""What every test starts from: quiet logs, one seed, float32, and no windows."""

import contextlib
import os
import re

# Both are read when the libraries are imported, below and in the tests.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import keras
import numpy as np
import pytest
import tensorflow as tf

tf.get_logger().setLevel("ERROR")


@pytest.fixture(autouse=True)
def keras_as_new():
    """Gives each test the same seeds, and takes back a dtype policy that it has set."""
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


def everything(model):
    """All that training could change: weights, seeds and the optimizer's state."""
    optimizer = model.optimizer.variables if model.compiled else []
    return {
        variable.path: keras.ops.convert_to_numpy(variable)
        for variable in [*model.variables, *model.non_trainable_variables, *optimizer]
    }


@pytest.fixture
def refuses():
    """Makes a context whose call must raise, in these words, and leave the model as it was."""

    @contextlib.contextmanager
    def check(model, message, error=ValueError):
        before = everything(model)
        with pytest.raises(error, match=re.escape(message)):
            yield
        after = everything(model)
        for path, value in before.items():
            np.testing.assert_array_equal(after[path], value, err_msg=path)

    return check
