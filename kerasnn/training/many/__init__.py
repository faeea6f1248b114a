"""Training of many models at once: which can be stacked, their batches, their epochs."""
