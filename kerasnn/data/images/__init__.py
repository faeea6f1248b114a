"""Image files: their headers, and decoding."""
