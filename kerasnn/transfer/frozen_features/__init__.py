"""Features of frozen layers: extraction, precision, cache."""
