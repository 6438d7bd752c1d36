"""KITTI raw on disk: drives and calibration (`layout`), the Eigen split (`eigen_split`), and ground
truth of single frames (`ground_truth`). NumPy only.

Uses: nothing.
"""
