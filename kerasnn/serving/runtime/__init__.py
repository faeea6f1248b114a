"""Running SavedModels without Keras, and comparison with recorded examples."""
