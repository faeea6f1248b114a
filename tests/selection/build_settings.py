"""What the builds of a test are told by a module."""

UNITS = 4
OTHER = 4


def units():
    return UNITS
