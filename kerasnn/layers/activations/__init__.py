"""Activation layers, and a recommendation among them."""
