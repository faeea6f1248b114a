"""What watches over training; each is an ordinary `keras.callbacks.Callback`.

Besides Keras's methods `kerasnn.fit` calls these, of any callback that has them:

- `before_fit(model, validates=..., alone=...)` before anything has changed, to raise where the
  callback cannot work: whether rows are validated, and whether no callback but Keras's and
  kerasnn's own is there, which might add to the logs.
- `set_data(train=..., validation=...)` with the rows in memory, (x, y, sample_weight) each; None
  for a stream or nothing.
- `before_step(model)` where a step is traced, to put TensorFlow operations ahead of each step of
  the compiled program. In Keras's loop `on_train_batch_begin` has to do the same. None stands
  for nothing to be done. One that has it may have `after_step(model)` too, for operations
  behind each step of the compiled program.
- `on_train_abort(error)` in place of `on_train_end` where an exception ends training, Ctrl-C
  among them.
- `state()` and `restore(state)`: what a training run that goes on later has to have again, as
  a dictionary of numbers, strings, None, NumPy arrays, and lists and dictionaries of them.
  For a callback without them stand its plain attributes; see `Resume`.
"""

from kerasnn.callbacks.best_model import BestModel
from kerasnn.callbacks.early_stopping import EarlyStopping
from kerasnn.callbacks.learning_rate_decay import LearningRateDecay
from kerasnn.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from kerasnn.callbacks.resume.resume import Resume
from kerasnn.doctor.diagnose import diagnose
from kerasnn.doctor.training_doctor import TrainingDoctor

__all__ = [
    "BestModel",
    "EarlyStopping",
    "LearningRateDecay",
    "ReduceLROnPlateau",
    "Resume",
    "TrainingDoctor",
    "diagnose",
]
