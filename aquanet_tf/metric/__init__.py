"""Meters of one unit of a run's depth: by the road below the camera, ground truth, or distances.

`method` applies each of the three to a network. `speed` turns the speed of a car into distances.

NumPy only.

Uses: cameras, evaluation, kitti, media.
"""
