"""Cameras, motions and sampling: conventions and formulas, nothing that is learned.

Conventions: `camera`. Section 3.3 of the paper: `depth_scaling`.

Uses: nothing.
"""
