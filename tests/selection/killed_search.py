"""A search that a test kills: `python killed_search.py JOURNAL` prints its table."""

import json
import sys

import numpy as np

from kerasnn import selection
from kerasnn.selection import log_uniform
from tests.selection.selection_helpers import blobs, build

if __name__ == "__main__":
    found = selection.tune(
        build,
        {"learning_rate": log_uniform(1e-3, 0.3), "l2": [1e-4, 1e-2]},
        *blobs(200),
        cv=4,
        epochs=40,
        method="random",
        n_trials=12,
        journal=sys.argv[1],
    )
    shown = {
        name: np.asarray(values, object).tolist()
        for name, values in found.cv_results_.items()
        if not name.endswith("_time") and not name.startswith("param_")
    }
    print(json.dumps(shown, sort_keys=True))
