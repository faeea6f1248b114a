"""Long epochs that are interrupted, and pairs of networks that train epoch for epoch."""

import contextlib
import time

import numpy as np
import pytest

from kerasnn.playground.session.training import live
from kerasnn.playground.session.training.lockstep import Lockstep, Pair
from tests.playground.page import page
from tests.playground.test_training import assert_same

# 1,080 steps an epoch.
LONG = {"dataset": "plane", "train_ratio": 90, "batch_size": 1, "hidden": "8,8,8"}


@contextlib.contextmanager
def pair(*networks):
    """Pages whose networks train epoch for epoch."""
    lockstep = Lockstep()
    with contextlib.ExitStack() as stack:
        pages = [
            stack.enter_context(page(name=f"page {i}", lockstep=lockstep, **network))
            for i, network in enumerate(networks)
        ]
        for opened in pages:
            opened.send("watch", pair="two")
        yield pages
    assert len(lockstep) == 0


def paused(pages):
    """Pauses all pages; returns their last frames."""
    after = [len(opened.frames) for opened in pages]
    for opened in pages:
        opened.send("pause")
    return [
        opened.frame(lambda header: not header["running"], after=count)
        for opened, count in zip(pages, after, strict=True)
    ]


@pytest.mark.parametrize(
    "network",
    [
        {"schedule": "cosine", "dropout": 0.2, "optimizer": "adam", "learning_rate": 0.01},
        {"early_stopping": 50, "stops": True, "optimizer": "momentum", "l1": 0.001},
    ],
    ids=["schedule, dropout and Adam", "early stopping"],
)
def test_a_long_epoch_that_is_left_is_run_again_to_the_same_numbers(network):
    with page(**LONG, **network) as opened:
        opened.send("play")
        opened.wait(lambda: len(opened.losses) >= 2)
        # Two interruptions, wherever they come.
        for _ in range(2):
            [(header, _)] = paused([opened])
            done = len(opened.losses)
            assert header["epoch"] == done
            opened.send("play")
            opened.wait(lambda done=done: len(opened.losses) > done)
        [frame] = paused([opened])
        assert frame[0]["epoch"] == len(opened.losses)
        assert_same(opened, frame)


def test_a_rate_is_changed_within_a_long_epoch():
    with page(**LONG) as opened:
        opened.send("play")
        opened.wait(lambda: len(opened.losses) >= 1)
        opened.configure(**LONG, learning_rate=0.003)
        opened.send("set_weight", layer=1, unit=0, input=None, value=0.5)
        opened.wait(lambda: len(opened.losses) >= 3)
        assert_same(opened, paused([opened])[0])


def test_networks_side_by_side_train_the_same_epochs():
    small, large = {"hidden": "1"}, {"hidden": "8,8,8,8", "optimizer": "adam", "batch_size": 3}
    with pair(small, large) as pages:
        for epochs in (10, 15):
            for opened in pages:
                opened.send("play")
            for opened in pages:
                opened.wait(lambda opened=opened, epochs=epochs: len(opened.losses) > epochs)
            # The losses on their way are of the last frame.
            frames = paused(pages)
            first, second = (header["epoch"] for header, _ in frames)
            assert first == second > epochs
        for opened, frame in zip(pages, frames, strict=True):
            assert_same(opened, frame)
        # One that begins anew catches up while the other waits; then both go on.
        pages[0].configure(hidden="2")
        pages[0].wait(lambda: len(pages[0].points) == 2 and pages[0].frames)
        for opened in pages:
            opened.send("play")
        for opened in pages:
            opened.wait(lambda opened=opened: len(opened.losses) > first + 5)
        first, second = (header["epoch"] for header, _ in paused(pages))
        assert first == second


def test_a_network_whose_partner_has_ended_goes_on_alone():
    with pair({"hidden": "1"}, {"hidden": "2"}) as (first, second):
        first.send("play")
        first.wait(lambda: len(first.losses) > 3)
        second.send("play")
        second.wait(lambda: len(second.losses) > 3)
        second.send("watch", pair=None)
        second.send("pause")
        done = len(first.losses)
        first.wait(lambda: len(first.losses) > done + 3)


def test_all_of_a_pair_end_with_the_epoch_that_one_has_begun():
    both = Pair()
    both.report("a", 7, runs=True)
    both.report("b", 6, runs=True)
    assert both.waits("a")
    assert not both.waits("b")
    # b has begun epoch 7, which a has done.
    assert both.pause("a") == 0
    assert both.pause("b") == 1
    both.report("a", 7, runs=False)
    assert not both.waits("b")
    both.report("b", 7, runs=True)
    assert both.waits("b")
    both.play()
    assert not both.waits("b")
    # Where both have begun the next epoch, both end it.
    both.report("a", 7, runs=True)
    assert (both.pause("a"), both.pause("b")) == (1, 1)
    # One that has far to go is not waited for.
    both.play()
    both.report("b", 3, runs=True)
    assert (both.pause("a"), both.pause("b")) == (0, 0)
    both.leave("b")
    both.play()
    assert not both.waits("a")
    assert both.pause("other") == 0


@pytest.mark.slow
def test_a_long_epoch_is_paused_at_once():
    """A bound far above what a quiet machine takes."""
    with page(**LONG) as opened:
        opened.send("play")
        opened.wait(lambda: len(opened.losses) >= 2)
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            opened.send("pause")
            after = len(opened.frames)
            opened.frame(lambda header: not header["running"], after=after)
            seconds.append(time.perf_counter() - began)
            done = len(opened.losses)
            opened.send("play")
            opened.wait(lambda done=done: len(opened.losses) > done)
        print(np.round(seconds, 3))
        assert np.median(seconds) < 1


def test_the_doctor_looks_twice_a_second(monkeypatch):
    now, looks = 0.0, []
    monkeypatch.setattr(live.time, "perf_counter", lambda: now)
    doctor = live._LiveDoctor()
    for epoch in range(100):
        now = 0.05 * epoch
        looks += [epoch] if doctor._is_due(epoch) else []
    assert looks == list(range(0, 100, 10))


def test_the_doctor_keeps_little_of_a_day(monkeypatch):
    now, looks = 0.0, 0
    monkeypatch.setattr(live.time, "perf_counter", lambda: now)
    doctor = live._LiveDoctor()
    for second in range(86_400):
        now = float(second)
        looks += doctor._is_due(second)
    assert 100 < looks < 1000
