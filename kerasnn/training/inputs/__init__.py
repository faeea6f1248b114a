"""Reading of the data given to `fit`, `evaluate` and `predict`: arrays, streams, normalisation."""
