"""KITTI raw on disk: drives (`search`) and their files (`layout`), split files, the Eigen split
(`eigen_split`), and ground truth of single frames (`ground_truth`). NumPy only.

Uses: nothing.
"""
