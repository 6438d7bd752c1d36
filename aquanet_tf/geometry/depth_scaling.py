"""Section 3.3: how inverse depth (the paper's disparity) grows when an image is resized.

`--depth_scaling` names the rule that a network is trained with. For an image resized by s, its
inverse depth is

    proportional    s times that of the original image: the network keeps the size of things as
                    a cue (the paper's direct proportional scaling)
    invariant       the same
    inverse         1/s times that of the original image
    none            the same; training uses whole images, so s is 1

Inverse depth d and translation t only occur as the product d t, so the rule is applied to either
of two things: training divides the translation by the growth, and an estimate made at another
size is divided by the growth to compare it with the original. Everybody calls `undo_growth`.
"""

from __future__ import annotations


def undo_growth(value, resize, depth_scaling):
    """`value` divided by the growth of inverse depth in images resized by `resize`.

    Args:
        value: translation or inverse depth, a tensor.
        resize: s = new size / old size; must broadcast with `value`.
        depth_scaling: `proportional`, `invariant`, `inverse` or `none`.
    """
    if depth_scaling == "proportional":
        return value / resize
    if depth_scaling == "inverse":
        return value * resize
    return value


def scale_translation(translation, resize, depth_scaling):
    """The translation [..., 3] that the warp uses for images resized by s = `resize` [...]:
    t/s (`proportional`), t (`invariant`, `none`) or t*s (`inverse`)."""
    return undo_growth(translation, resize[..., None], depth_scaling)
