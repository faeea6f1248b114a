"""Layers of networks for tables."""
