"""Keras layers of the paper's sections 3.1 and 3.2, one equation each.

Uses: geometry, native.
"""
