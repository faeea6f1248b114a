"""Tables: CSV files, columns and targets."""
