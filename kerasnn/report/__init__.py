"""Report of one training, as one HTML file."""

from kerasnn.report.sections.columns import Column
from kerasnn.report.write import write

__all__ = ["Column", "write"]


def __dir__() -> list[str]:
    return sorted(__all__)
