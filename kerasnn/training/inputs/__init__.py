"""Data as `fit` receives it: checked, converted and read once."""
