"""Derivatives: vector-Jacobian and Jacobian-vector products, Jacobians, gradient checks."""

from kerasnn.autodiff.check_gradients import check_gradients
from kerasnn.autodiff.gradients import gradients
from kerasnn.autodiff.jacobian import jacobian
from kerasnn.autodiff.jvp import jvp
from kerasnn.autodiff.vjp import vjp

__all__ = [
    "check_gradients",
    "gradients",
    "jacobian",
    "jvp",
    "vjp",
]


def __dir__() -> list[str]:
    return sorted(__all__)
