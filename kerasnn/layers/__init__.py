"""Custom layers; each is an ordinary `keras.layers.Layer`."""

from kerasnn.layers.alpha_dropout import AlphaDropout as AlphaDropout
from kerasnn.layers.concrete_dropout import ConcreteDropout as ConcreteDropout
from kerasnn.layers.drop_block import DropBlock as DropBlock
from kerasnn.layers.drop_connect import DropConnect as DropConnect
from kerasnn.layers.drop_path import DropPath as DropPath
from kerasnn.layers.dropout import Dropout as Dropout
from kerasnn.layers.gaussian_dropout import GaussianDropout as GaussianDropout
from kerasnn.layers.graph_convolution import GraphConvolution as GraphConvolution
from kerasnn.layers.leaky_relu import LeakyReLU as LeakyReLU
from kerasnn.layers.perceptron import Perceptron as Perceptron
from kerasnn.layers.predict_mc import predict_mc as predict_mc
from kerasnn.layers.recommend_activation import recommend_activation as recommend_activation
from kerasnn.layers.spatial_dropout import SpatialDropout as SpatialDropout
from kerasnn.layers.standardize import Standardize as Standardize
from kerasnn.layers.threshold import Threshold as Threshold
from kerasnn.layers.unitwise_activation import UnitwiseActivation as UnitwiseActivation
