"""How published data sets store recordings: KITTI raw and its Eigen split, Cityscapes.

Uses: dataset.
"""
