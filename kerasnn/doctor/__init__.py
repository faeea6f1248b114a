"""Diagnosis of training: what was measured, and which faults it shows."""

from kerasnn.doctor.diagnose import diagnose
from kerasnn.doctor.diagnosis import Diagnosis
from kerasnn.doctor.training_doctor import TrainingDoctor

__all__ = [
    "Diagnosis",
    "TrainingDoctor",
    "diagnose",
]


def __dir__() -> list[str]:
    return sorted(__all__)
