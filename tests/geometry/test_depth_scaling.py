"""Section 3.3: what is divided by the growth of inverse depth with resolution."""

import numpy as np
import tensorflow as tf

from aquanet_tf.geometry import depth_scaling


def test_translation_scaling_rule():
    t, s = tf.constant([[2.0, 0.0, 4.0]]), tf.constant([2.0])
    np.testing.assert_allclose(depth_scaling.scale_translation(t, s, "proportional"), t / 2)
    np.testing.assert_allclose(depth_scaling.scale_translation(t, s, "inverse"), t * 2)
    for same in ("invariant", "none"):
        np.testing.assert_allclose(depth_scaling.scale_translation(t, s, same), t)
