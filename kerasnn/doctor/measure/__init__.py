"""Measurements on a model and its data: gradients, activations, scores."""
