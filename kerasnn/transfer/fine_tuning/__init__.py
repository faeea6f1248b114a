"""Stages of fine-tuning, and what runs them."""
