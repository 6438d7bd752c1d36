"""Camera files of many programs, lens models, images without distortion. NumPy only.

Uses: nothing.
"""
