"""Any driving video, or folder of frames: camera, motion, choice of frames.

Uses: dataset, layouts.
"""
