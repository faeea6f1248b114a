"""One voice for errors: argument, rule, value, cure."""

from kerasnn._checks.arguments import did_you_mean as did_you_mean
from kerasnn._checks.arguments import known_arguments as known_arguments
from kerasnn._checks.arguments import number as number
from kerasnn._checks.arguments import one_of as one_of
from kerasnn._checks.arguments import rate as rate
from kerasnn._checks.arguments import whole_number as whole_number
from kerasnn._checks.arguments import wrong as wrong
