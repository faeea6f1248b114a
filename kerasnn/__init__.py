"""Keras 3 networks that are built right, trained fast, checked honestly and served."""

import keras as _keras

if _keras.config.backend() != "tensorflow":
    raise ImportError(
        f"kerasnn needs Keras's TensorFlow backend; got {_keras.config.backend()!r}. Set the "
        "environment variable KERAS_BACKEND=tensorflow before Python starts."
    )

from kerasnn import autodiff as autodiff
from kerasnn import callbacks as callbacks
from kerasnn import data as data
from kerasnn import layers as layers
from kerasnn import models as models
from kerasnn import plots as plots
from kerasnn import serving as serving
from kerasnn import tasks as tasks
from kerasnn import training as training
from kerasnn._version import __version__ as __version__
from kerasnn.models import Model as Model
from kerasnn.models import Sequential as Sequential
from kerasnn.training import fit as fit
