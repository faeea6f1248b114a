"""Sections of a report, each from what it describes to its blocks."""
