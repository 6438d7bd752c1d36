"""One run from start to end: stages, schedule, devices, checkpoints.

Uses: config, data, evaluation, geometry, inference, layers, losses, masks, media, networks, runs.
"""
