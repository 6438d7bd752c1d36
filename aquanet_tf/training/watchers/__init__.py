"""Callbacks that watch a training: checkpoints, panels, depth metrics, collapse."""
