"""Cache of compiled XLA programs on disk, which the next process starts with."""
