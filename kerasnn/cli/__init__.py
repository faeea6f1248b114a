"""Command line: `kerasnn`, or `python -m kerasnn`."""
