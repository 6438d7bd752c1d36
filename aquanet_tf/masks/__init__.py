"""Which pixels may move: SPIMO masks (section 3.4) and auto-masks.

Uses: layers, losses, networks.
"""
