"""What XLA's compilation costs and its steps save, on the machine at hand."""
