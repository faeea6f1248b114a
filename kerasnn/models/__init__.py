"""Builders: each returns a compiled model whose parts fit together."""

from kerasnn.models.cnn import cnn as cnn
from kerasnn.models.graph_network import graph_network as graph_network
from kerasnn.models.mlp import mlp as mlp
from kerasnn.models.model import Model as Model
from kerasnn.models.perceptron import perceptron as perceptron
from kerasnn.models.rnn import rnn as rnn
from kerasnn.models.sequential import Sequential as Sequential
