"""Callbacks that keep training on the right way."""

from kerasnn.callbacks.resume import Resume as Resume
