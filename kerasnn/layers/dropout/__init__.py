"""Dropout layers, and Monte-Carlo dropout."""
