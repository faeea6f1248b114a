"""The networks that `kerasnn train` learns from a table."""
