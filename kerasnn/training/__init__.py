"""Training, evaluation and prediction of any compiled Keras model."""

from kerasnn.training.evaluate import evaluate as evaluate
from kerasnn.training.fit import fit as fit
from kerasnn.training.lr_find import lr_find as lr_find
from kerasnn.training.predict import predict as predict
