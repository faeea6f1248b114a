"""Tables, figures and images as HTML, for reports and notebooks."""
