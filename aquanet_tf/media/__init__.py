"""Images, videos and point clouds, in and out. NumPy only.

Uses: cameras.
"""
