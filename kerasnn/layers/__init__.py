"""Custom layers; each is an ordinary `keras.layers.Layer`."""

from kerasnn.layers.dropout import Dropout as Dropout
from kerasnn.layers.graph_convolution import GraphConvolution as GraphConvolution
from kerasnn.layers.perceptron import Perceptron as Perceptron
from kerasnn.layers.standardize import Standardize as Standardize
from kerasnn.layers.threshold import Threshold as Threshold
