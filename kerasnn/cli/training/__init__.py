"""Steps of `kerasnn train`: from a table or a folder of images to a served model."""
