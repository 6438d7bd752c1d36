"""The synthetic street: a generated data set with exact depth and moving cars.

Uses: layouts.
"""
