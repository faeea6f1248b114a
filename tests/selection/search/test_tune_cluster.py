"""Searches that several machines share by PostgreSQL."""

import contextlib
import functools
import json
import pathlib
import random
import signal
import socket
import time

import numpy as np
import pytest

import kerasnn
from kerasnn import _version, selection
from kerasnn.selection.search import shared_trials
from tests.selection.search.cluster_search import searched
from tests.selection.search.postgresql_server import (
    IN_A_URL,
    NEEDS_POSTGRESQL,
    PASSWORD,
    running_server,
    unused_port,
)
from tests.selection.search.started import start
from tests.selection.selection_helpers import blobs, build

pytest.importorskip("optuna", reason="kerasnn[postgresql] is not installed")
psycopg = pytest.importorskip("psycopg", reason="kerasnn[postgresql] is not installed")

SCRIPT = pathlib.Path(__file__).with_name("cluster_search.py")
RATES = {"learning_rate": selection.log_uniform(1e-4, 0.3)}
SPACE = {"learning_rate": [0.01, 0.1]}
GIVEN = {"cv": 2, "epochs": 2}
UNTIL_THE_END = {"is_over": lambda: False, "on_result": lambda number, result: None}


@pytest.fixture(scope="module")
def server():
    with running_server() as started:
        yield started


def assert_equal_tables(one, two):
    assert one["params"] == two["params"]
    for name in one.keys() - {"params"}:
        if not name.endswith("_time") and not name.startswith("param_") and name != "error":
            assert one[name] == pytest.approx(np.array(two[name]), rel=1e-4, abs=1e-6), name


@NEEDS_POSTGRESQL
def test_a_shared_search_has_the_table_of_one_process(server, monkeypatch, invalid):
    x, y = blobs()
    wanted = selection.tune(build, SPACE, x, y, **GIVEN).cv_results_
    url = server.url("whole")
    found = selection.tune(build, SPACE, x, y, **GIVEN, storage=url).cv_results_
    assert wanted.keys() == found.keys()
    assert_equal_tables(wanted, found)

    # A process that comes later trains nothing.
    later = selection.tune(build, SPACE, x, y, **GIVEN, storage=url).cv_results_
    assert later["mean_fit_time"].tolist() == found["mean_fit_time"].tolist()

    x[0] += 1
    assert "with x=" in refused(selection.tune, build, SPACE, x, y, **GIVEN, storage=url).rule
    x[0] -= 1
    shown = url.replace(IN_A_URL, "***")
    with invalid("storage", value=shown):
        selection.tune(build, SPACE, x, y, **{**GIVEN, "epochs": 3}, storage=url)
    monkeypatch.setattr(_version, "__version__", "0.0.1")
    error = refused(selection.tune, build, SPACE, x, y, **GIVEN, storage=url)
    assert "with kerasnn='0.0.1'" in error.rule


def refused(call, *args, **kwargs):
    """The error of a storage, which does not show its password."""
    with pytest.raises(kerasnn.InvalidArgument) as caught:
        call(*args, **kwargs)
    assert caught.value.argument == "storage"
    assert PASSWORD not in str(caught.value)
    assert IN_A_URL not in str(caught.value)
    return caught.value


def opened(url):
    return shared_trials.SharedTrials(url, {"epochs": "3"}, 0)


@NEEDS_POSTGRESQL
def test_a_server_that_refuses_is_an_error_in_words(server):
    url = server.url("refuses")
    opened(url).close()
    assert "password authentication failed" in refused(opened, url.replace(IN_A_URL, "wrong")).hint
    assert "does not exist" in refused(opened, url.replace("/refuses", "/none")).hint
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")
    assert "v9.9.9" in str(refused(opened, url))


def test_no_server_is_an_error_in_words():
    url = f"postgresql://keeper:{IN_A_URL}@127.0.0.1"
    assert "refused" in refused(opened, f"{url}:{unused_port()}/search").hint
    assert refused(opened, f"{url}:port/search").value == "postgresql"


@pytest.mark.slow
def test_a_server_that_never_answers_is_an_error_within_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        hint = refused(opened, f"postgresql://keeper:{IN_A_URL}@127.0.0.1:{port}/search").hint
    assert "timeout" in hint
    assert time.monotonic() - began < 30


def suggested(claim):
    return claim.number, claim.asked.suggest_float("rate", 0, 1)


@NEEDS_POSTGRESQL
def test_the_settings_of_dead_processes_are_taken_up_again(server, monkeypatch):
    monkeypatch.setattr(shared_trials, "_GRACE_S", 0.0)
    url = server.url("dead")
    with contextlib.closing(opened(url)) as one, contextlib.closing(opened(url)) as two:
        dying, living = one.part("part"), two.part("part")
        first = suggested(dying.claim([0]))
        # A process that comes later listens first.
        assert living.claim([0]) is None
        second = suggested(living.claim([0]))
        assert dying.claim([0]) is None
        third = suggested(dying.claim([0]))
        assert first == second == third

        done = []

        def work(claim):
            done.append(claim.number)
            return shared_trials.Result(folds=[{"scores": {"loss": 1.0}}], score=-1.0)

        known = {}
        found = two.run("part", [0, 1], work, is_over=lambda: False, on_result=known.__setitem__)
    assert done == [1]
    assert known == found
    assert found[1].score == -1
    # What kills each process that trains it is an error of its own.
    assert found[0].folds == [
        "RuntimeError: 3 processes ended without a result while they trained it"
    ]


@NEEDS_POSTGRESQL
def test_a_setting_that_was_interrupted_is_open_at_once(server):
    def interrupted(claim):
        raise KeyboardInterrupt

    def work(claim):
        return shared_trials.Result(folds=["an error"])

    with contextlib.closing(opened(server.url("interrupted"))) as shared:
        with pytest.raises(KeyboardInterrupt):
            shared.run("part", [0], interrupted, **UNTIL_THE_END)
        assert shared.run("part", [0], work, **UNTIL_THE_END)[0].folds == ["an error"]


@NEEDS_POSTGRESQL
def test_a_server_that_ends_in_the_middle_is_an_error_in_words():
    with running_server() as server:
        url = server.url("ended")

        def work(claim):
            server.stop()
            return shared_trials.Result(folds=["an error"])

        words = "when the database answers again"
        with contextlib.closing(opened(url)) as shared, pytest.raises(ConnectionError, match=words):
            shared.run("part", [0], work, **UNTIL_THE_END)


def count_of_trials(url):
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT count(*) FROM trials").fetchone()[0]
    except psycopg.errors.UndefinedTable:
        return 0


def numbers_with_result(url):
    with psycopg.connect(url) as connection:
        claims = connection.execute(
            "SELECT claim.value_json FROM trial_user_attributes AS claim"
            " JOIN trial_user_attributes AS result USING (trial_id)"
            " WHERE claim.key = 'kerasnn.claim' AND result.key = 'kerasnn.result'"
        )
        return [json.loads(claim)["number"] for (claim,) in claims]


@NEEDS_POSTGRESQL
@pytest.mark.slow
def test_a_search_by_three_processes_survives_two_of_them(server):
    """Three processes, 60 trials, and two that are killed at random moments."""
    url = server.url("killed")
    chance = random.Random()
    processes = [start(SCRIPT, url) for _ in range(3)]
    deadline = time.monotonic() + 300
    for doomed, least in zip(processes[:2], (3, 20), strict=True):
        most = least + chance.randrange(15)
        while count_of_trials(url) < most:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(chance.random())
        assert doomed.poll() is None
        doomed.send_signal(signal.SIGKILL)
        doomed.communicate()
    printed, errors = processes[2].communicate(timeout=400)
    assert processes[2].returncode == 0, errors
    table = json.loads(printed)
    assert sorted(numbers_with_result(url)) == list(range(60))
    trials = count_of_trials(url)
    assert trials <= 62
    late, errors = start(SCRIPT, url).communicate(timeout=100)
    assert json.loads(late) == table, errors
    assert count_of_trials(url) == trials
    assert_equal_tables(searched(), table)


@NEEDS_POSTGRESQL
@pytest.mark.slow
@pytest.mark.parametrize(
    "given",
    [
        {"method": "halving", "n_trials": 3, "epochs": 4},
        {"method": "grid", "nested": True},
        {"method": "bayes", "n_trials": 4},
        {"method": "random", "n_trials": 4, "timeout_s": 1e-9},
    ],
    ids=["halving", "nested", "bayes", "timeout"],
)
def test_every_method_is_shared(server, request, given):
    x, y = blobs()
    space = SPACE if given["method"] == "grid" else RATES
    search = functools.partial(selection.tune, build, space, x, y, **{**GIVEN, **given})
    url = server.url(request.node.callspec.id)
    found = search(storage=url)
    again = search(storage=url)
    assert_equal_tables(again.cv_results_, found.cv_results_)
    assert (
        again.cv_results_["mean_fit_time"].tolist() == found.cv_results_["mean_fit_time"].tolist()
    )
    if given["method"] == "bayes":
        # Optuna's values are kept as they were.
        assert len({params["learning_rate"] for params in found.cv_results_["params"]}) == 4
        return
    alone = search()
    assert_equal_tables(alone.cv_results_, found.cv_results_)
    if "nested" in given:
        np.testing.assert_allclose(found.nested_scores_, alone.nested_scores_, rtol=1e-4)
