"""Command line: `python -m kerasnn`."""
