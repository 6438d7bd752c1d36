"""The training objective, Eq. 10: l = l_s + alpha_ds l_ds + alpha_b l_b.

| term        | equation                          | weight                         | stages |
|-------------|-----------------------------------|--------------------------------|--------|
| photometric | l_s, masked L1 part of Eq. 11 (*) | 1                              | all    |
| perceptual  | l_s, VGG19 part of Eq. 11         | alpha_p, --perceptual_weight   | 1, 2   |
| smoothness  | l_ds, edge-aware smoothness       | alpha_ds, --smoothness_weight  | 1, 2   |
| boosting    | l_b, Eq. 12, moving pixels alone  | alpha_b, --boosting_weight     | 2      |
| speed       | l_v of `losses.speed`, ours       | --speed_weight; 0: no term     | all    |
| anchor      | `losses.anchor`, ours             | --anchor_weight; 0: no term    | 1, 2   |
| intrinsics  | pull of learned K, ours (**)      | INTRINSICS_WEIGHT              | 1, 2   |

(*) With --synthesis=l1_ssim also structural similarity, in stages 1 and 2.
(**) With --learn_intrinsics: `layers.LearnedIntrinsics.pull`.

The kick-start has no other terms than photometric and speed. Stage 1 masks l_s by the occlusion
masks O (l_s^o), stage 2 also by the static masks M (l_s^om).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

# An eighth of the curvature that the photometric loss has around the right focal length once depth
# and ego-motion are known. A much weaker pull lets focal lengths drift while those are learned
# (docs/cameras.md#measured).
INTRINSICS_WEIGHT = 3e-4


class Term(NamedTuple):
    """A weighted term of the objective: weight, and value [B], float32."""

    weight: float
    value: tf.Tensor


def terms(config, **values) -> dict[str, Term]:
    """The values [B] of the terms named above, each with its weight.

    Args:
        config: a Config, or anything with its options of the table.
        values: term name -> [B].
    """
    weights = {
        "photometric": 1.0,
        "perceptual": config.perceptual_weight,
        "smoothness": config.smoothness_weight,
        "boosting": config.boosting_weight,
        "speed": config.speed_weight,
        "anchor": config.anchor_weight,
        "intrinsics": INTRINSICS_WEIGHT,
    }
    return {name: Term(weights[name], value) for name, value in values.items()}


def total(terms: dict[str, Term]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Eq. 10 of a batch: (the weighted sum of the terms' means, scalar; name -> mean).

    tf.errors.InvalidArgumentError names the first term whose mean is not finite.
    """
    loss, means = 0.0, {}
    for name, term in terms.items():
        means[name] = tf.debugging.assert_all_finite(
            tf.reduce_mean(term.value), f"the {name} loss is not finite"
        )
        loss += term.weight * means[name]
    return loss, means
