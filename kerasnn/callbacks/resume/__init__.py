"""Resume: training that continues after its process was killed."""
