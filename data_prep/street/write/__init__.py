"""Files of the street in the layouts of KITTI raw and of Cityscapes."""
