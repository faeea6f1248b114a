"""A model's inference as one traced program: inputs, outputs, labels, restrictions."""
