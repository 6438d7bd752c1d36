"""The KITTI raw layout on disk: drives, calibration, splits, ground truth.
NumPy only.

Uses: nothing.
"""
