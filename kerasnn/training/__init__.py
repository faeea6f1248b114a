"""Training, evaluation and prediction of any compiled Keras model."""

from kerasnn.training.evaluate import evaluate
from kerasnn.training.fit import fit
from kerasnn.training.lr_find import lr_find
from kerasnn.training.predict import predict

__all__ = [
    "evaluate",
    "fit",
    "lr_find",
    "predict",
]


def __dir__() -> list[str]:
    return sorted(__all__)
