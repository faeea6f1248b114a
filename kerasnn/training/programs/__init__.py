"""Compiled programs: a train step, and loops over batches of it."""
