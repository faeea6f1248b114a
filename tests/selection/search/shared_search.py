"""A search that shares its storage: `python shared_search.py STORAGE` prints its table."""

import json
import sys

from kerasnn import selection
from kerasnn.selection import log_uniform
from tests.selection.selection_helpers import blobs, build

if __name__ == "__main__":
    found = selection.tune(
        build,
        {"learning_rate": log_uniform(1e-5, 0.3)},
        *blobs(),
        cv=2,
        epochs=2,
        method="bayes",
        n_trials=3,
        storage=sys.argv[1],
    )
    assert found.best_score_ == max(found.cv_results_["mean_test_score"])
    scores = found.cv_results_["mean_test_score"].tolist()
    rates = [params["learning_rate"] for params in found.cv_results_["params"]]
    print(json.dumps([list(pair) for pair in zip(rates, scores, strict=True)]))
