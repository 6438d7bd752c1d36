"""Forward warping (Eq. 1 and 2): the layer, and what computes it."""
