"""Dropout layers, a module each over `base` (such as `gaussian`), and Monte-Carlo dropout."""
