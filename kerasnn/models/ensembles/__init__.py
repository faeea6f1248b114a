"""Models of several networks that do not share weights."""
