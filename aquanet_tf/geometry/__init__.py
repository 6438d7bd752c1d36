"""Cameras, motion and sampling: conventions and formulas, nothing that learns.

Uses: nothing.
"""
