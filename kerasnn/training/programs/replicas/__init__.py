"""Steps of a model that a distribution strategy of TensorFlow divides between replicas."""
