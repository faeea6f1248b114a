"""Cross-validation: the data set, its folds, training on one fold, and scores."""
