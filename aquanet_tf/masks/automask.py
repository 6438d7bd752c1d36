"""Auto-masks of Monodepth2 (Godard et al., ICCV 2019), the paper's compared mask.

A target pixel counts as static where some reference, warped to the target by the estimated depth
and ego-motion, matches it better than any unwarped reference. An object that moves nearly at the
camera's speed is not recognized; SPIMO masks do not have this limitation.
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.layers import backward_warp
from aquanet_tf.losses.photometric import photometric_error

# Static where the warp is better by more than rounding: with a camera at rest both are equal, and
# everything is masked (the original breaks ties by noise of this size).
THRESHOLD = -1e-5


def motion_score(target, references, inverse_depth, rotation, translation, intrinsics):
    """Smallest warped error minus smallest unwarped error [B,H,W,1], no gradient; static below
    `THRESHOLD`.

    Args:
        target: [B,H,W,3]; references: [B,2,H,W,3]; inverse_depth: [B,H,W,1] of the target.
        rotation, translation: T_{target -> reference}, [B,2,3,3] and [B,2,3].
        intrinsics: [B,3,3] of all three images.

    A pixel that a reference does not show is black in the warped view, as with Monodepth2's zero
    padding, so it rarely counts as static.
    """
    warped, unwarped = [], []
    for c in range(references.shape[1]):
        view, _ = backward_warp.backward_warp(
            references[:, c],
            inverse_depth,
            rotation[:, c],
            translation[:, c],
            intrinsics,
            intrinsics,
        )
        warped.append(photometric_error(view, target))
        unwarped.append(photometric_error(references[:, c], target))
    return tf.stop_gradient(tf.reduce_min(warped, axis=0) - tf.reduce_min(unwarped, axis=0))


def static_mask(score):
    """True where static: score < THRESHOLD. Any shape, tensor or NumPy array."""
    return score < THRESHOLD
