"""One voice for errors: argument, rule, value, cure."""

from kerasnn._checks.arguments import did_you_mean as did_you_mean
from kerasnn._checks.arguments import file_name as file_name
from kerasnn._checks.arguments import is_one_of as is_one_of
from kerasnn._checks.arguments import known_arguments as known_arguments
from kerasnn._checks.arguments import number as number
from kerasnn._checks.arguments import one_of as one_of
from kerasnn._checks.arguments import rate as rate
from kerasnn._checks.arguments import true_or_false as true_or_false
from kerasnn._checks.arguments import verbosity as verbosity
from kerasnn._checks.arguments import whole_number as whole_number
from kerasnn._checks.arguments import wrong as wrong
from kerasnn._checks.arrays import finite as finite
from kerasnn._checks.arrays import finite_range as finite_range
from kerasnn._checks.arrays import numbers_only as numbers_only
from kerasnn._checks.structures import fits_input as fits_input
from kerasnn._checks.structures import match as match
from kerasnn._checks.structures import named_leaves as named_leaves
from kerasnn._checks.structures import row_count as row_count
from kerasnn._checks.structures import shown as shown
from kerasnn._checks.targets import classes_of as classes_of
from kerasnn._checks.targets import fits_output as fits_output
from kerasnn._checks.targets import kind_of as kind_of
from kerasnn._checks.targets import losses_by_output as losses_by_output
from kerasnn._checks.targets import validation_classes as validation_classes
from kerasnn._checks.weights import class_weights as class_weights
from kerasnn._checks.weights import sample_weights as sample_weights
