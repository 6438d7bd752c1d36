"""A trained model as a function of images, whatever file it is loaded from.

Uses: geometry, masks, media, networks, runs.
"""
