"""Compiled programs that run many training, evaluation or prediction steps in one call."""
