"""The losses of Eq. 10 to 12.

Uses: nothing.
"""
