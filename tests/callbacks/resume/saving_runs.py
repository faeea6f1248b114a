"""Saves until it is killed: `python saving_runs.py DIRECTORY KILLS`; prints what went wrong.

It forks a child for each kill, which is faster than to start Python anew each time.
"""

import os
import pathlib
import random
import signal
import sys
import time

import numpy as np

from kerasnn.callbacks.resume import storage


def state(number):
    return {"number": number, "rows": np.full(50_000, number, np.float32)}


def save_forever(path, after, said):
    while True:
        after += 1
        storage.save(path, storage.freeze(state(after)))
        os.write(said, f"{after}\n".encode())


def main(directory, kills):
    path, draw, newest = pathlib.Path(directory, "run"), random.Random(0), 0
    for _ in range(kills):
        said, say = os.pipe()
        forked = time.monotonic()
        child = os.fork()
        if child == 0:
            save_forever(path, newest, say)
        os.close(say)
        with os.fdopen(said) as lines:
            confirmed = int(lines.readline())
            # Long enough for one or two more, wherever the kill then falls.
            time.sleep(draw.uniform(0, 2) * (time.monotonic() - forked))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            confirmed = [confirmed, *map(int, lines)][-1]
        loaded = storage.load(path)
        newest = loaded["number"]
        # The child may have been killed after a saving and before it said so.
        if (loaded["rows"] != newest).any() or newest not in (confirmed, confirmed + 1):
            print(f"confirmed {confirmed}, loaded {newest}")
    print(f"{kills} kills, {newest} savings")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
