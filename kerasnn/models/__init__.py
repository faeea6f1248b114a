"""Builders of compiled models and ensembles, and the classes `Sequential` and `Model`."""

from kerasnn.models.cnn import cnn
from kerasnn.models.ensembles.ensemble import ensemble
from kerasnn.models.ensembles.pack import pack
from kerasnn.models.graph_network import graph_network
from kerasnn.models.mlp import mlp
from kerasnn.models.model import Model
from kerasnn.models.perceptron import perceptron
from kerasnn.models.rnn import rnn
from kerasnn.models.sequential import Sequential
from kerasnn.models.tabular import tabular
from kerasnn.models.text import text

__all__ = [
    "Model",
    "Sequential",
    "cnn",
    "ensemble",
    "graph_network",
    "mlp",
    "pack",
    "perceptron",
    "rnn",
    "tabular",
    "text",
]


def __dir__() -> list[str]:
    return sorted(__all__)
