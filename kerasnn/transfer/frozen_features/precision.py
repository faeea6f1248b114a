"""Program of a frozen network in float32 or bfloat16."""

import dataclasses
import pathlib
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks, layers
from kerasnn.transfer._model_graph import copy_layer
from kerasnn.transfer.preprocessing import Preprocessing

PRECISIONS = ("auto", "float32", "bfloat16")
# Flags of processors that multiply bfloat16, in Linux: x86's and ARM's.
_UNITS = {"amx_bf16", "avx512_bf16", "bf16"}
# The first NVIDIA generation with such units.
_COMPUTE_CAPABILITY = (8, 0)
# bfloat16 has 8 bits, so that rounding has an error of 2**-9, about 0.002; many average out.
_MOST_ERROR = 0.05
# A sample that takes less time in float32, or little less in bfloat16, decides nothing: two runs
# should choose the same precision.
_LEAST_SECONDS, _MOST_TIME = 0.05, 0.7
# Errors of user-defined layers that do not support dtype policies.
_CANNOT_CAST = (TypeError, ValueError, NotImplementedError, AttributeError, tf.errors.OpError)
# Sums over many pixels, and levels up to 255, need the digits of float32.
_FLOAT32 = (
    Preprocessing,
    layers.RobustScale,
    layers.Standardize,
    keras.layers.Resizing,
    keras.layers.Rescaling,
    keras.layers.Normalization,
    keras.layers.GlobalAveragePooling2D,
)


@dataclasses.dataclass(frozen=True)
class Precision:
    """Precision in which features are computed.

    Args:
        name: `"float32"` or `"bfloat16"`.
        reason: Reason of the choice.
        relative_error: ||f - f32|| / ||f32|| of the features f of a sample, against those in
            float32.
    """

    name: str
    reason: str
    relative_error: float

    def __str__(self) -> str:
        """Returns name, error and reason."""
        error = f" (relative error {self.relative_error:.1e})" if self.relative_error else ""
        return f"{self.name}{error}: {self.reason}"


class FrozenProgram:
    """Compiled program of the frozen part of a model, in a precision.

    Args:
        model: From images, or features, to features.
        sample: A few inputs, on which time and error are measured.
        precision: `"float32"`, `"bfloat16"`, or `"auto"`: bfloat16 if the machine has units for
            it, it saves at least 30% of the time, and its features differ by at most 5%.
    """

    def __init__(self, model: keras.Model, sample: np.ndarray, precision: str) -> None:
        self.model = model
        batch = _batch(model, sample)
        exact = _program(model, batch)
        units = precision != "float32" and _has_units()
        if precision == "float32" or (precision == "auto" and not units):
            why = "as `precision` says" if units or precision == "float32" else _NO_UNITS
            self.precision, self._run = Precision("float32", why, 0.0), exact
            return
        try:
            rounded = _program(_in_bfloat16(model), batch)
        except _CANNOT_CAST as error:
            said = _checks.first_line(error)
            if precision == "bfloat16":
                raise _checks.InvalidArgument(
                    "precision",
                    f"be 'float32' for `{model.name}`, which does not run in bfloat16",
                    precision,
                    f"The error was: {said}",
                ) from error
            self.precision = Precision(
                "float32", f"the model does not run in bfloat16: {said}", 0.0
            )
            self._run = exact
            return
        exact_features, exact_s = _timed(exact, batch)
        rounded_features, rounded_s = _timed(rounded, batch)
        error = float(
            np.linalg.norm(rounded_features - exact_features)
            / max(np.linalg.norm(exact_features), 1e-30)
        )
        chosen, why = "bfloat16", f"{exact_s / rounded_s:.1f} times as fast as float32 on a sample"
        if precision == "bfloat16":
            why = "as `precision` says"
        elif exact_s < _LEAST_SECONDS or rounded_s > _MOST_TIME * exact_s:
            chosen, why = "float32", "bfloat16 would save little time on a sample"
        elif not error <= _MOST_ERROR:
            chosen, why = "float32", f"bfloat16's features differed by {error:.1%} on a sample"
        self.precision = Precision(chosen, why, error if chosen == "bfloat16" else 0.0)
        self._run = rounded if chosen == "bfloat16" else exact

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row of features."""
        return tuple(self._run.structured_outputs.shape[1:])

    def __call__(self, batch: Any) -> np.ndarray:
        """Returns the features of a batch, as float32."""
        return self._run(_batch(self.model, batch)).numpy()


_NO_UNITS = "this machine has no units for bfloat16"


def check_precision(precision: Any) -> None:
    """Raises unless `precision` is one of `PRECISIONS`."""
    _checks.one_of("precision", precision, PRECISIONS)


def _batch(model: keras.Model, rows: Any) -> tf.Tensor:
    return tf.cast(rows, model.inputs[0].dtype)


def _program(model: keras.Model, batch: tf.Tensor) -> Any:
    spec = tf.TensorSpec((None, *batch.shape[1:]), batch.dtype)

    def run(batch: tf.Tensor) -> tf.Tensor:
        return tf.cast(model(batch, training=False), tf.float32)

    return tf.function(run, input_signature=[spec], autograph=False).get_concrete_function()


def _timed(program: Any, batch: tf.Tensor) -> tuple[np.ndarray, float]:
    """Returns the outputs of a program and its time in seconds, after a warm-up."""
    program(batch[:1])
    began = time.perf_counter()
    features = program(batch).numpy()
    return features, time.perf_counter() - began


def _in_bfloat16(model: keras.Model) -> keras.Model:
    copy = keras.models.clone_model(model, clone_function=_rounded, recursive=True)
    copy.set_weights(model.get_weights())
    return copy


def _rounded(layer: Any) -> Any:
    return (
        copy_layer(layer)
        if isinstance(layer, _FLOAT32)
        else copy_layer(layer, dtype="mixed_bfloat16")
    )


def _has_units() -> bool:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = tf.config.experimental.get_device_details(gpus[0])
        return details.get("compute_capability", (0, 0)) >= _COMPUTE_CAPABILITY
    try:
        words = pathlib.Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return bool(_UNITS & set(words))
