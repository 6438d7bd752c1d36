"""A drive of the street in the layout of KITTI raw."""
