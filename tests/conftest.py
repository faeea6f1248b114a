"""What every test starts from: quiet logs, one seed, float32, and no windows."""

import contextlib
import gc
import os
import re

# All are read when the libraries are imported, below and in the tests.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
# Tests depend on no earlier run.
os.environ["KERASNN_COMPILATION_CACHE"] = "0"

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from tests.helpers.error_texts import ErrorTexts
from tests.helpers.seeds import set_seeds

TEXTS = pytest.StashKey[ErrorTexts]()
ANY = object()

tf.get_logger().setLevel("ERROR")
tf.random.set_seed(0)


@pytest.fixture(autouse=True)
def keras_as_new():
    """Gives each test the same seeds but for `tf.random`'s, and takes back its dtype policy.

    A test whose outcome depends on draws of `tf.random` sets that seed itself.
    """
    set_seeds(0)
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
def invalid(request):
    """Makes a context whose call must raise `InvalidArgument` for an argument.

    The value is compared where it is given; the words are those in `error_texts.json`.
    """
    texts = request.config.stash[TEXTS]

    @contextlib.contextmanager
    def check(argument, value=ANY):
        with pytest.raises(kerasnn.InvalidArgument) as caught:
            yield caught
        error = caught.value
        assert error.argument == argument, error
        if value is not ANY:
            assert type(error.value) is type(value), error
            np.testing.assert_equal(error.value, value)
        texts.meet(request.node.nodeid, error)

    return check


@pytest.fixture
def refuses(invalid):
    """Makes a context whose call must raise and leave the model as it was.

    With `argument` the error is an `InvalidArgument` of it; else one of `error` with `message`.
    """

    @contextlib.contextmanager
    def check(model, message=None, error=ValueError, *, argument=None, value=ANY):
        before = everything(model)
        if argument is None:
            expected = pytest.raises(error, match=re.escape(message))
        else:
            expected = invalid(argument, value)
        with expected:
            yield
        after = everything(model)
        for path, kept in before.items():
            np.testing.assert_array_equal(after[path], kept, err_msg=path)

    return check


def pytest_collection_finish():
    """Leaves the objects of imported modules out of garbage collections, and collects less often.

    Each collection goes through all objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_addoption(parser):
    """Adds the option that writes the texts of errors anew."""
    parser.addoption("--update-error-texts", action="store_true")


def pytest_configure(config):
    """Makes the texts known to all tests of a process."""
    config.stash[TEXTS] = ErrorTexts(config.getoption("--update-error-texts"))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """Takes the texts that another process has met."""
    node.config.stash[TEXTS].met |= getattr(node, "workeroutput", {}).get("error_texts", {})


def pytest_sessionfinish(session):
    """Hands over the texts that were met, or writes those of all processes."""
    texts = session.config.stash[TEXTS]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["error_texts"] = texts.met
    elif texts.update:
        texts.write()
