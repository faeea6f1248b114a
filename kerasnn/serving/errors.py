"""Errors of serving: missing and unsuitable signatures, exports that are not verified."""

from kerasnn._checks.errors import InvalidArgument


class MissingSignatureError(InvalidArgument):
    """A SavedModel has no signature with the requested name."""


class UnsuitableError(InvalidArgument):
    """A signature does not suit the model."""


class RefusedRowsError(ValueError):
    """A model raised an error for rows that fit its declared inputs."""


class UnverifiedError(ValueError):
    """A SavedModel does not give the outputs that were recorded for it."""
