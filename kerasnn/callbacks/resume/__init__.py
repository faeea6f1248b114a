"""Resume: a training run that a kill does not lose."""
