"""Any driving video, or folder of frames, as a source: camera, motion, choice of frames.

Uses: dataset, layouts.
"""
