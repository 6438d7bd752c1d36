"""Depth against ground truth under a stated protocol.
NumPy only.

Uses: kitti, media.
"""
