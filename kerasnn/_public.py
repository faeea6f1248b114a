"""Public names of the package, with Keras and TensorFlow, which they import."""

import os as _os
import sys as _sys

# TensorFlow reads it when it is loaded. Warnings and errors are still shown, notes such as those on
# instructions of the processor are not.
if "tensorflow" not in _sys.modules:
    _os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

import keras as _keras

if _keras.config.backend() != "tensorflow":
    raise ImportError(
        f"kerasnn needs Keras's TensorFlow backend; got {_keras.config.backend()!r}. Set the "
        "environment variable KERAS_BACKEND=tensorflow before Python starts."
    )

from kerasnn import autodiff as autodiff
from kerasnn import callbacks as callbacks
from kerasnn import config as config
from kerasnn import data as data
from kerasnn import doctor as doctor
from kerasnn import layers as layers
from kerasnn import models as models
from kerasnn import ops as ops
from kerasnn import optimizers as optimizers
from kerasnn import schedules as schedules
from kerasnn import tasks as tasks
from kerasnn import training as training
from kerasnn import transfer as transfer
from kerasnn._checks import InvalidArgument as InvalidArgument
from kerasnn.models import Model as Model
from kerasnn.models import Sequential as Sequential
from kerasnn.models.load import load as load
from kerasnn.training import fit as fit
from kerasnn.training import fit_many as fit_many
from kerasnn.training import lr_find as lr_find
from kerasnn.training.compilation_cache.process_cache import process_cache as _process_cache

# TensorFlow reads where compiled programs are kept when it creates the first tensor.
_process_cache.announce()
