"""A search that a test kills: `python killed_search.py JOURNAL` prints its table."""

import json
import sys

import numpy as np

from kerasnn import selection
from tests.selection.selection_helpers import blobs, build

if __name__ == "__main__":
    found = selection.tune(
        build,
        # Networks of one width train at once.
        {"hidden": [(width,) for width in range(3, 9)], "l2": [1e-4, 1e-2]},
        *blobs(200),
        cv=4,
        epochs=40,
        journal=sys.argv[1],
    )
    shown = {
        name: np.asarray(values, object).tolist()
        for name, values in found.cv_results_.items()
        if not name.endswith("_time") and not name.startswith("param_")
    }
    print(json.dumps(shown, sort_keys=True))
