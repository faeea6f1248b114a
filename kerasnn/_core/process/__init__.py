"""This process: how it was started, whether it was forked, what is installed, and locks."""
