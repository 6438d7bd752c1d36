"""Is this machine fit to train? Each module checks one thing and returns findings.

Uses: config, geometry, inference, layers, media, native, networks, runs, training.
"""
