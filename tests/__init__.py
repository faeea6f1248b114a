"""Tests of kerasnn; a regular package, which no other distribution's `tests` hides."""
