"""Meters of one unit of a run's depth: by the road below the camera, ground truth, or distances.

NumPy only.

Uses: evaluation, kitti, media.
"""
