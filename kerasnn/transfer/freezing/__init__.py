"""Freezing and unfreezing layers."""
