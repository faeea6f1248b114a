"""Figures of predictions against the truth."""
