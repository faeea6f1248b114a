"""Training of one network: its callbacks, interruptions, and the pace of a pair."""
