"""How others store recordings: KITTI raw, Cityscapes.

Uses: dataset.
"""
