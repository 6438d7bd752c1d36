"""A workdir on disk: options, checkpoints, history, provenance.

Uses: config, networks.
"""
