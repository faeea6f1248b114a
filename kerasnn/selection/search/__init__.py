"""Hyperparameter search: spaces, strategies, and the journal of results."""
