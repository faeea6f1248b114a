"""Layers; each is an ordinary `keras.layers.Layer`."""

from kerasnn.layers.activations.leaky_relu import LeakyReLU
from kerasnn.layers.activations.recommend import recommend_activation
from kerasnn.layers.activations.threshold import Threshold
from kerasnn.layers.activations.unitwise import UnitwiseActivation
from kerasnn.layers.dropout.alpha import AlphaDropout
from kerasnn.layers.dropout.concrete import ConcreteDropout
from kerasnn.layers.dropout.drop_block import DropBlock
from kerasnn.layers.dropout.drop_connect import DropConnect
from kerasnn.layers.dropout.drop_path import DropPath
from kerasnn.layers.dropout.dropout import Dropout
from kerasnn.layers.dropout.gaussian import GaussianDropout
from kerasnn.layers.dropout.monte_carlo import predict_mc
from kerasnn.layers.dropout.spatial import SpatialDropout
from kerasnn.layers.embed_columns import EmbedColumns
from kerasnn.layers.graph_convolution import GraphConvolution
from kerasnn.layers.masked_mean import MaskedMean
from kerasnn.layers.perceptron import Perceptron
from kerasnn.layers.standardize import Standardize
from kerasnn.layers.tabular.ntk_dense import NTKDense
from kerasnn.layers.tabular.parametric_activation import ParametricActivation
from kerasnn.layers.tabular.periodic_embedding import PeriodicEmbedding
from kerasnn.layers.tabular.robust_scale import RobustScale
from kerasnn.layers.tabular.scale import Scale

__all__ = [
    "AlphaDropout",
    "ConcreteDropout",
    "DropBlock",
    "DropConnect",
    "DropPath",
    "Dropout",
    "EmbedColumns",
    "GaussianDropout",
    "GraphConvolution",
    "LeakyReLU",
    "MaskedMean",
    "NTKDense",
    "ParametricActivation",
    "Perceptron",
    "PeriodicEmbedding",
    "RobustScale",
    "Scale",
    "SpatialDropout",
    "Standardize",
    "Threshold",
    "UnitwiseActivation",
    "predict_mc",
    "recommend_activation",
]


def __dir__() -> list[str]:
    return sorted(__all__)
