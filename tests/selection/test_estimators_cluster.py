"""scikit-learn's searches over the estimators on clusters of Dask and Ray."""

import os
import sys

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from kerasnn.selection import Classifier
from tests.selection.selection_helpers import blobs


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


def assert_equal_on_cluster(count, **backend):
    """A search equals that of this process, and all of it is trained in other ones."""
    x, y = blobs()
    alone = search().fit(x, y)
    with joblib.parallel_config(**backend):
        found = search().fit(x, y)
    name = "split0_test_accuracy"
    np.testing.assert_allclose(found.cv_results_[name], alone.cv_results_[name])
    np.testing.assert_allclose(found.predict_proba(x), alone.predict_proba(x), rtol=1e-4, atol=1e-6)
    processes = set(found.cv_results_["split0_test_process"])
    assert len(processes) == count
    assert os.getpid() not in processes


@pytest.mark.parametrize(("count", "threads"), [(1, 2), pytest.param(2, 1, marks=pytest.mark.slow)])
def test_a_search_on_a_cluster_of_dask_equals_that_of_one_process(count, threads):
    distributed = pytest.importorskip("distributed", reason="Dask's distributed is not installed")
    with (
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=threads, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        assert_equal_on_cluster(count, backend="dask")


@pytest.mark.slow
def test_a_search_on_a_cluster_of_ray_equals_that_of_one_process(monkeypatch):
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    from ray.util.joblib import register_ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=200_000_000,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},
    )
    register_ray()
    try:
        assert_equal_on_cluster(2, backend="ray", n_jobs=2)
    finally:
        ray.shutdown()
