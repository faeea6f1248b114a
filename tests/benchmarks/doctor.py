"""Holds `TrainingDoctor` to its promises: silent on healthy runs, right on planted faults, cheap.

    python tests/benchmarks/doctor.py [--only healthy|planted|overhead] [--seeds 3] [--name NAME]

Healthy: every builder, with its defaults, on every embedded set that it can read; Keras's
EarlyStopping ends a run, and the doctor looks after every fifth epoch. A set of numbers is read
by `rnn` one feature at a time, by `cnn` as an image where it has the size for one, and by
`graph_network` as one graph whose nodes are the rows, each tied to its five nearest; gates have no
neighbours. `perceptron` learns the sets that a plane divides.

Planted: each fault has to be found by its name, with every seed.

Overhead: fits with and without the doctor, in turn, at its default sampling; what counts is the
median ratio of CPU time, to which other programs add little. Exits with 1 where something does
not hold.
"""

import argparse
import itertools
import statistics
import sys
import time
from typing import Any

import keras
from shared.doctor_runs import FAULTS, SETS, Run, healthy_runs

import kerasnn
from kerasnn import callbacks

_EPOCHS = 150
_EVERY = 5
_PATIENCE = 10
_MOST_OVERHEAD = 0.05


def examined(run: Run, epochs: int, *extra: Any, every: int | None = _EVERY) -> list[Any]:
    """Trains; returns what the doctor found."""
    model, arguments = run
    doctor = callbacks.TrainingDoctor(every=every, verbose=0)
    try:
        kerasnn.fit(model, **arguments, epochs=epochs, verbose=0, callbacks=[doctor, *extra])
    except FloatingPointError as error:
        print(f"    {error}")
    return doctor.findings_


def check_healthy(seeds: int, only: str | None) -> int:
    """Prints the findings of every healthy run; returns how many there are."""
    alarms = 0
    for seed, name in itertools.product(range(seeds), SETS):
        if only not in (None, name):
            continue
        keras.utils.set_random_seed(seed)
        for builder, run in healthy_runs(name, seed):
            stop = keras.callbacks.EarlyStopping("val_loss", patience=_PATIENCE)
            found = examined(run, _EPOCHS, stop)
            epochs = len(run[0].history.epoch)
            alarms += len(found)
            print(f"{name:14} {builder:14} {seed} {epochs:4} epochs  {_names(found)}", flush=True)
            for finding in found:
                print(f"    {finding}")
    print(f"False alarms: {alarms}")
    return alarms


def check_planted(seeds: int, only: str | None) -> int:
    """Prints how often each fault is found; returns how often one is missed."""
    missed = 0
    for fault in FAULTS:
        if only not in (None, fault.finding):
            continue
        hits, others = 0, set()
        for seed in range(seeds):
            keras.utils.set_random_seed(seed)
            names = {finding.name for finding in examined(fault.plant(seed), fault.epochs)}
            hits += fault.finding in names
            others |= names - {fault.finding}
        missed += seeds - hits
        also = ", ".join(sorted(others)) or "nothing"
        print(f"{fault.title:36} {fault.finding:32} {hits}/{seeds}  also: {also}", flush=True)
    return missed


def check_overhead(only: str | None) -> int:
    """Prints what the doctor adds to the time of `fit`; returns how often it is too much."""
    too_much = 0
    for name, builder, epochs in (
        ("digits", "mlp", 300),
        ("iris", "mlp", 1000),
        ("digits", "cnn", 60),
        ("digits", "rnn", 60),
    ):
        if only not in (None, f"{name}_{builder}"):
            continue
        ratios = []
        for repeat in range(5):
            seconds = []
            for with_doctor in (False, True) if repeat % 2 else (True, False):
                keras.utils.set_random_seed(0)
                model, arguments = dict(healthy_runs(name, 0))[builder]
                extra = [callbacks.TrainingDoctor(verbose=0)] if with_doctor else []
                began = time.process_time()
                # A callback that does nothing: without any, many epochs run in one call.
                model.fit(
                    **arguments,
                    epochs=epochs,
                    verbose=0,
                    callbacks=[keras.callbacks.Callback(), *extra],
                )
                seconds.append((with_doctor, time.process_time() - began))
                if extra:
                    looks = len(extra[0].measurements_)
            times = dict(seconds)
            ratios.append(times[True] / times[False] - 1)
        overhead = statistics.median(ratios)
        too_much += overhead > _MOST_OVERHEAD
        print(
            f"{name} {builder}, {epochs} epochs of {times[False] / epochs * 1e3:.1f} ms: "
            f"{overhead:+.1%} with {looks} looks "
            f"({', '.join(f'{ratio:+.1%}' for ratio in sorted(ratios))})",
            flush=True,
        )
    return too_much


def _names(found: list[Any]) -> str:
    return ", ".join(finding.name for finding in found) or "silent"


def main() -> int:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("healthy", "planted", "overhead"))
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--name")
    asked = parser.parse_args()
    failures = 0
    if asked.only in (None, "healthy"):
        failures += check_healthy(asked.seeds or 3, asked.name)
    if asked.only in (None, "planted"):
        failures += check_planted(asked.seeds or 5, asked.name)
    if asked.only in (None, "overhead"):
        failures += check_overhead(asked.name)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
