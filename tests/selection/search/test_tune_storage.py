import json
import pathlib

import pytest

from kerasnn import selection
from tests.selection.search.started import start
from tests.selection.selection_helpers import blobs, build

optuna = pytest.importorskip("optuna", reason="kerasnn[tune] is not installed")

SCRIPT = pathlib.Path(__file__).with_name("shared_search.py")


@pytest.mark.slow
def test_two_processes_share_one_search(tmp_path):
    """Each has a table of its own trials; both suggest after the scores of all."""
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    processes = [start(SCRIPT, storage) for _ in range(2)]
    tables = []
    for process in processes:
        printed, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        tables += json.loads(printed)
    [summary] = optuna.get_all_study_summaries(storage)
    study = optuna.load_study(study_name=summary.study_name, storage=storage)
    noted = [[trial.params["learning_rate"], trial.value] for trial in study.trials]
    assert sorted(noted) == sorted(tables)
    assert len({rate for rate, _ in noted}) == 6


@pytest.mark.slow
def test_a_storage_of_another_search_is_refused(tmp_path, invalid):
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    x, y = blobs()
    given = {"cv": 2, "epochs": 1, "method": "bayes", "n_trials": 1, "storage": storage}
    space = {"learning_rate": [0.01, 0.1]}
    selection.tune(build, space, x, y, **given)
    selection.tune(build, space, x, y, **{**given, "n_trials": 2})
    [study] = optuna.get_all_study_summaries(storage)
    assert study.n_trials == 3
    with invalid("storage", value=storage) as caught:
        selection.tune(build, space, x, y, **{**given, "epochs": 2})
    assert "epochs=2" in caught.value.rule
    with invalid("storage", value="nothing://here"):
        selection.tune(build, space, x, y, **{**given, "storage": "nothing://here"})
