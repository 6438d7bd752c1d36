"""The synthetic street: generated driving sequences with exact depth and moving cars.

world: what exists, and where it is at each frame. render: the world as images, depth and masks.
write: files in the layouts of KITTI raw and Cityscapes. generate and drive connect them.

Uses: layouts.
"""
