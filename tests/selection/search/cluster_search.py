"""A search that machines share: `python cluster_search.py STORAGE` prints its table."""

import json
import sys

from kerasnn import selection
from kerasnn.selection import log_uniform
from tests.selection.selection_helpers import blobs, build


def searched(storage=None):
    """The scores and settings of 60 trials."""
    found = selection.tune(
        build,
        {"learning_rate": log_uniform(1e-4, 0.3), "l2": [0.0, 1e-3]},
        *blobs(),
        cv=2,
        epochs=3,
        method="random",
        n_trials=60,
        storage=storage,
    )
    table = found.cv_results_
    names = ("mean_test_score", "mean_test_accuracy", "split1_test_loss")
    scores = {name: table[name].tolist() for name in names}
    return {"params": table["params"], "best": found.best_index_, **scores}


if __name__ == "__main__":
    print(json.dumps(searched(sys.argv[1])))
