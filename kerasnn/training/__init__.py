"""Training, evaluation and prediction of any compiled Keras model."""

from kerasnn.training.evaluate import evaluate
from kerasnn.training.fit import fit
from kerasnn.training.fit_many import fit_many
from kerasnn.training.lr_find import lr_find
from kerasnn.training.predict import predict

__all__ = [
    "evaluate",
    "fit",
    "fit_many",
    "lr_find",
    "predict",
]


def __dir__() -> list[str]:
    return sorted(__all__)
