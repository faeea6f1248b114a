"""scikit-learn's searches over the estimators on a cluster of Dask."""

import os

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from kerasnn.selection import Classifier
from tests.selection.selection_helpers import blobs

distributed = pytest.importorskip("distributed", reason="Dask's distributed is not installed")


@pytest.fixture
def processes():
    """A real cluster of two newly started processes; gives their numbers."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield set(client.run(os.getpid).values())


def number_of_process(*_):
    return os.getpid()


def search():
    return GridSearchCV(
        Classifier(hidden=(4,), epochs=3, random_state=5),
        {"learning_rate": [0.01, 0.1]},
        cv=ShuffleSplit(1, random_state=0),
        scoring={"accuracy": "accuracy", "process": number_of_process},
        refit="accuracy",
    )


def test_a_search_on_a_cluster_equals_that_of_one_process(processes):
    x, y = blobs()
    alone = search().fit(x, y)
    with joblib.parallel_config(backend="dask"):
        found = search().fit(x, y)
    name = "split0_test_accuracy"
    np.testing.assert_allclose(found.cv_results_[name], alone.cv_results_[name])
    np.testing.assert_allclose(found.predict_proba(x), alone.predict_proba(x), rtol=1e-4, atol=1e-6)
    # All of it was trained in the processes of the cluster.
    assert set(found.cv_results_["split0_test_process"]) == processes
