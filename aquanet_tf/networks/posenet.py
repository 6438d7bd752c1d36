"""PoseNet: ego-motion of a frame pair from whole frames at low resolution.

Depth is trained on crops, ego-motion on whole frames (paper section 3.3): `data.pipeline` resizes
them to `--pose_input_height` x `--pose_input_width`.

The default form is antisymmetric: with g the network's six numbers, xi(a, b) =
(g(a,b) - g(b,a)) / 2 and T_{a->b} = exp(xi) on SE(3), so that T_{b->a} is exactly its inverse and
a constant g means no motion. The paper's form is `plain`: (R, t) read from g(a, b) as Euler angles
and translation; small networks collapse with it to one constant motion (docs/method.md).
"""

from __future__ import annotations

import tensorflow as tf

from aquanet_tf.geometry import pose
from aquanet_tf.layers.convolution import Conv, ResidualBlock, channels
from aquanet_tf.networks.aquanet import RGB_MEAN

_ENCODER = (32, 64, 128, 128, 256, 256, 256)
# A radian moves the image about ten times as far as a unit of translation at mid range.
_ROTATION_SCALE = 0.1


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class PoseNet(tf.keras.Model):
    """Pose network.

    Args:
        width: channel multiplier.
        form: `antisymmetric` or `plain`.
        dtype: policy of the encoder; the head stays in float32.

    Call arguments:
        target: [B,h,w,3] whole frame, RGB in [0,1]; references: [B,R,h,w,3].

    Returns pose vectors [B,R,6] of T_{target -> reference}, float32; `motion` turns them into
    pose.Motion.

    Example:

    >>> import tensorflow as tf
    >>> network = PoseNet(width=0.125)
    >>> target = tf.random.uniform([1, 32, 64, 3])
    >>> references = tf.random.uniform([1, 2, 32, 64, 3])  # previous and next frame
    >>> rotation, translation = network.motion(network(target, references))
    >>> tuple(rotation.shape), tuple(translation.shape)
    ((1, 2, 3, 3), (1, 2, 3))
    """

    def __init__(self, width=1.0, form="antisymmetric", name="posenet", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        policy = {"dtype": self.dtype_policy}
        self.width = width
        self.form = form
        counts = [channels(base, width) for base in _ENCODER]
        self.down = [
            Conv(count, stride=2, name=f"down{i}", **policy) for i, count in enumerate(counts)
        ]
        self.residual = [ResidualBlock(name=f"residual{i}", **policy) for i in range(len(counts))]
        # Small weights: training starts near the identity motion.
        exact = {"activation": "none", "use_bias": False, "dtype": "float32"}
        self.head = Conv(6, size=1, stddev=0.01, name="head", **exact)

    def call(self, target, references):
        count = references.shape[1]
        shape = [-1, *references.shape[2:]]
        other = tf.reshape(references, shape)
        this = tf.reshape(tf.repeat(target[:, None], count, axis=1), shape)
        mean = tf.constant(RGB_MEAN, target.dtype)
        forth = tf.concat([this - mean, other - mean], axis=-1)
        if self.form == "plain":
            vectors = self._regress(forth)
        else:
            back = tf.concat([other - mean, this - mean], axis=-1)
            both = self._regress(tf.concat([forth, back], axis=0))
            there, back_again = tf.split(both, 2, axis=0)
            vectors = 0.5 * (there - back_again)
        return tf.reshape(vectors, [-1, count, 6])

    def motion(self, vectors):
        """pose.Motion of pose vectors [..., 6]: R [..., 3, 3] and t [..., 3], in units of depth."""
        return pose.euler_pose(vectors) if self.form == "plain" else pose.se3_exp(vectors)

    def create_weights(self):
        """Creates the weights by a call on small frames."""
        self(tf.zeros([1, 64, 64, 3]), tf.zeros([1, 1, 64, 64, 3]))

    def get_config(self):
        policy = self.dtype_policy.name
        return {"name": self.name, "width": self.width, "form": self.form, "dtype": policy}

    def get_build_config(self):
        return {"created": True} if self.built else None

    def build_from_config(self, config):
        self.create_weights()

    def _regress(self, pair):
        features = tf.cast(pair, self.compute_dtype)
        for down, residual in zip(self.down, self.residual):
            features = residual(down(features))
        vector = tf.reduce_mean(self.head(tf.cast(features, tf.float32)), axis=[1, 2])
        return vector * tf.constant([1.0] * 3 + [_ROTATION_SCALE] * 3)
