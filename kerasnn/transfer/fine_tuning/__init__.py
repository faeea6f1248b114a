"""Fine-tuning in stages: request, stages, runner, progress."""
