"""Freezing and unfreezing of layers."""
