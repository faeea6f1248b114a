"""The dropout family, and Monte-Carlo dropout."""
