"""This process: how it was started, whether it was forked, and locks between processes."""
