"""Files beside a SavedModel: model card, example requests, warm-up requests."""
