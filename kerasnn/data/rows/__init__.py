"""Rows of a data set: in batches, in chunks, and divided into parts."""
