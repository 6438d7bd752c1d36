"""TODO docstring of aquanet_tf.geometry.depth_scaling."""

from __future__ import annotations


def scale_translation(translation, resize, depth_scaling):
    """The translation [..., 3] the warp uses for crops of images resized by s = `resize` [...].

    t/s lets inverse depth grow with resolution and keeps the size cue (paper section 3.3,
    `proportional`); `invariant` and `none` leave t, `inverse` takes t*s.
    """
    if depth_scaling == "proportional":
        return translation / resize[..., None]
    if depth_scaling == "inverse":
        return translation * resize[..., None]
    return translation
