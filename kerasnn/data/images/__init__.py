"""Image files: their headers, decoding, resizing, and duplicates."""
