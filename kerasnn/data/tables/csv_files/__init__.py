"""CSV files: what kind a file is, its blocks of rows, and a progress bar."""
