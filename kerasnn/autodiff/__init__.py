"""Derivatives that one can hold: products with Jacobians, Jacobians, and checks of gradients."""

from kerasnn.autodiff.check_gradients import check_gradients as check_gradients
from kerasnn.autodiff.gradients import gradients as gradients
from kerasnn.autodiff.jacobian import jacobian as jacobian
from kerasnn.autodiff.jvp import jvp as jvp
from kerasnn.autodiff.vjp import vjp as vjp
