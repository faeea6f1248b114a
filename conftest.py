"""Fixture of all tests, doctests included."""

import sys

import pytest


@pytest.fixture(autouse=True)
def figures_are_closed():
    """Closes the figures that a test has drawn with pyplot, if it did."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
