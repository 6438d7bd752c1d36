"""AQUANet and PoseNet, and depth estimates made from them.

Uses: geometry, layers.
"""
