"""Learning rates that change with the step; each is an ordinary Keras schedule."""

from kerasnn.schedules.cosine import Cosine as Cosine
from kerasnn.schedules.exponential import Exponential as Exponential
from kerasnn.schedules.inverse_time import InverseTime as InverseTime
from kerasnn.schedules.one_cycle import OneCycle as OneCycle
from kerasnn.schedules.polynomial import Polynomial as Polynomial
from kerasnn.schedules.step import Step as Step
