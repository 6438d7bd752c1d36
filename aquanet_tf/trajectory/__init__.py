"""The camera's path: ego-motion of successive frames (`motion`), chained to poses (`poses`), as
files (`pose_files`), measured (`errors`) and drawn (`top_view`).

Uses: data, kitti, media, runs.
"""
