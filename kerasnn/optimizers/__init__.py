"""Optimizers; each is an ordinary `keras.optimizers.Optimizer`."""

from kerasnn.optimizers.sgd import SGD as SGD
