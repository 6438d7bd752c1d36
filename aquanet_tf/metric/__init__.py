"""Meters of one unit of a run's depth: by the road below the camera, ground truth, or distances.

`speed` turns the speed of a car into distances.

NumPy only.

Uses: evaluation, kitti, media.
"""
