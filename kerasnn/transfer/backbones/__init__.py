"""Pretrained backbones, their weights, and new heads."""
