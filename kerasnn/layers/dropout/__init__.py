"""Dropout layers, a module each over `base.BaseDropout`, and Monte-Carlo dropout."""
