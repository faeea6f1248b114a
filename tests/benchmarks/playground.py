"""Rates of the playground without a browser: epochs, pictures, pause, and the first picture.

    python -m tests.benchmarks.playground [--seconds 5] [--rounds 3]

For 4,2 and for 8x6 units on `xor` (250 rows, batches of 10), with SGD and with Adam: epochs and
pictures a second; the time from `pause` to the last picture; the time from a new shape to its first
picture, while the old one trains; the largest frame; and the time of an epoch relative to the same
call of `kerasnn.fit` without a page, measured in turn. What is printed are medians over the rounds.
The promises: 60 epochs and 25 pictures a second, 0.1 s, 1.2 s, 50 kB. Exits with 1 where one does
not hold: they are absolute, so they may fail on a loaded machine; the ratio is what counts there.
"""

import argparse
import statistics
import sys
import time

import kerasnn
from kerasnn.playground.configuration import Configuration
from kerasnn.playground.network.network import build, targets
from kerasnn.playground.points.data import read
from tests.playground.page import page

SHAPES = {"4,2": "4,2", "8x6": "8,8,8,8,8,8"}
OPTIMIZERS = ("sgd", "adam")


def alone(configuration, epochs):
    """Seconds of an epoch of `kerasnn.fit` without a page, tracing left out."""
    data = read(configuration, {})
    model = build(configuration, data).model
    y_train, y_test = targets(configuration, data)

    def fit(count):
        began = time.perf_counter()
        kerasnn.fit(
            model,
            data.split.x_train,
            y_train,
            batch_size=configuration.batch_size,
            epochs=count,
            validation_data=(data.split.x_test, y_test),
            validation_batch_size=len(y_test),
            seed=0,
            engine="graph",
            verbose=0,
        )
        return time.perf_counter() - began

    fit(5)
    short, long = fit(5), fit(5 + epochs)
    return (long - short) / epochs


def measured(shape, optimizer, seconds):
    """Rates of one round."""
    network = {"dataset": "xor", "hidden": shape, "optimizer": optimizer}
    with page(**network, seed=1) as opened:
        opened.send("play")
        opened.wait(lambda: len(opened.losses) > 20)
        epochs, pictures, began = len(opened.losses), len(opened.frames), time.perf_counter()
        time.sleep(seconds)
        passed = time.perf_counter() - began
        epochs, pictures = len(opened.losses) - epochs, len(opened.frames) - pictures
        # The session trains on while the new shape is made.
        began = time.perf_counter()
        opened.configure(**network, seed=2)
        opened.wait(lambda: len(opened.points) == 2 and opened.frames)
        first = time.perf_counter() - began
        opened.wait(lambda: len(opened.losses) > 20)
        began = time.perf_counter()
        opened.send("pause")
        opened.frame(lambda header: not header["running"])
        pause = time.perf_counter() - began
        return {
            "epochs/s": epochs / passed,
            "pictures/s": pictures / passed,
            "pause s": pause,
            "first s": first,
            "bytes": max(opened.sizes),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    holds = True
    for name, shape in SHAPES.items():
        for optimizer in OPTIMIZERS:
            configuration = Configuration(dataset="xor", hidden=shape, optimizer=optimizer)
            rounds = []
            for _ in range(given.rounds):
                rates = measured(shape, optimizer, given.seconds)
                rates["ratio"] = 1 / rates["epochs/s"] / alone(configuration, 200)
                rounds.append(rates)
            median = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
            print(f"{name} {optimizer}", {key: round(value, 3) for key, value in median.items()})
            holds &= median["epochs/s"] >= 60 and median["pictures/s"] >= 25
            holds &= median["pause s"] <= 0.1 and median["first s"] <= 1.2
            holds &= median["bytes"] < 50_000
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
