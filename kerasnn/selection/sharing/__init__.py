"""Models that are used again for settings of one architecture."""
