"""Kills runs and lets them go on: `python kill_runs.py DIRECTORY ENGINE KIND KILLS`.

It prints the number of epochs that each had behind it, and how many ended as the one that was
never killed. It forks a child for each run, which is faster than to start Python anew each time.
"""

import contextlib
import os
import pathlib
import random
import signal
import sys
import time

from tests.callbacks.resume.resume_runs import whole_run

_EPOCHS = 30


def spawn(*run):
    """Starts a run; returns its process and what it says: each epoch that ended, and a digest."""
    said, say = os.pipe()
    child = os.fork()
    if child == 0:
        # Whatever happens, the child does not go on as its parent.
        with contextlib.ExitStack() as stack:
            stack.callback(os._exit, 1)
            found = whole_run(
                *run, _EPOCHS, ended=lambda epoch: os.write(say, f"{epoch + 1}\n".encode())
            )
            os.write(say, f"{found}\n".encode())
    os.close(say)
    return child, os.fdopen(said)


def finished(*run):
    """Returns the digest of a run, its epochs, and the seconds that each after the first took."""
    child, lines = spawn(*run)
    with lines:
        # A run that had ended says nothing but its digest.
        said = [(line, time.monotonic()) for line in lines]
    os.waitpid(child, 0)
    (_, began), (found, ended) = said[0], said[-1]
    return found, len(said) - 1, (ended - began) / len(said)


def main(directory, engine, kind, kills):
    draw, same = random.Random(f"{engine} {kind}"), 0
    unbroken, *_ = finished("-", engine, kind)
    uncut, count, epoch_s = finished(pathlib.Path(directory, "uncut"), engine, kind)
    assert uncut == unbroken
    for number in range(kills):
        run = (pathlib.Path(directory, str(number)), engine, kind)
        child, lines = spawn(*run)
        with lines:
            epochs = draw.randrange(count)
            for _ in range(epochs):
                lines.readline()
            time.sleep(draw.uniform(0, epoch_s))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        print(epochs)
        same += finished(*run)[0] == unbroken
    print(f"{same} of {kills} the same")


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
