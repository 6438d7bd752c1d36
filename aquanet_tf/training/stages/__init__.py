"""What one training step computes: kick-start, stage 1 and stage 2, and the views they compare."""
