"""Ground floor: files, locks, progress, and what a model and an optimizer are made of."""
