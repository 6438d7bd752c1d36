"""A trained model as a function of images, whatever file it is loaded from.

Uses: geometry, layers, masks, media, networks, runs.
"""
