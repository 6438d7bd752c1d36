"""Focal lengths and principal point as variables: the camera is learned beside depth and motion.

An addition to the paper, after Gordon et al., "Depth from Videos in the Wild" (ICCV 2019). Theirs
is a network that sees the images; ours is four numbers for each data set, which start at the K of
its records.
"""

from __future__ import annotations

import tensorflow as tf

# Adam moves every variable by about the learning rate. In these units of a variable the focal
# lengths follow within some hundred steps at a rate of 1e-3, without trembling at its end.
_UNITS = (4.0, 4.0, 1.0, 1.0)
# How wrong a first guess usually is: both focal lengths together by 30 %, their ratio by 1 %
# (pixels are square), the principal point by 5 % of the size of the image.
_SPREADS = (0.3, 0.01, 0.05, 0.05)
NAMES = ("fx", "fy", "cx", "cy")


@tf.keras.utils.register_keras_serializable(package="aquanet_tf")
class LearnedIntrinsics(tf.keras.layers.Layer):
    """K corrected by the learned numbers of its data set:

        fx' = fx exp(a_x),  fy' = fy exp(a_y),  cx' = cx + W o_x,  cy' = cy + H o_y

    with W x H pixels the size of the whole image. All numbers start at 0. K may be that of a
    resized, cropped and mirrored image, W x H is then the size of the whole resized image, before
    the crop: corrected before or after the window, K is the same. Mirroring changes the sign of
    the shift of cx; the sign of W says so.

    Args:
        sets: number of data sets, each with four numbers.

    Call arguments:
        k: [B,3,3], pixels of the current image; skew stays as it is.
        data_set: [B,sets], 1 for the data set that the sample is from, else 0.
        whole_size: [B,2], W (negative: mirrored) and H in pixels.

    Returns K' [B,3,3].

    Example:

    >>> import tensorflow as tf
    >>> k = tf.constant([[[50.0, 0, 31.5], [0, 50, 23.5], [0, 0, 1]]])
    >>> layer = LearnedIntrinsics()
    >>> bool(tf.reduce_all(layer(k, tf.ones([1, 1]), tf.constant([[64.0, 48.0]])) == k))
    True
    """

    def __init__(self, sets=1, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.sets = sets
        with tf.name_scope(self.name):  # for Keras 2, which names weights by it
            self.values = self.add_weight(name="values", shape=(sets, 4), initializer="zeros")
        self.built = True  # Keras 3 refuses to distribute a model with unbuilt layers

    @property
    def numbers(self):
        """a_x, a_y, o_x, o_y of every data set, [sets,4]."""
        return tf.convert_to_tensor(self.values) * _UNITS

    def start(self, numbers):
        """Sets the `numbers` [sets,4]."""
        self.values.assign(tf.constant(numbers, tf.float32) / _UNITS)

    def call(self, k, data_set, whole_size):
        numbers = data_set @ self.numbers
        factors = tf.exp(numbers[:, :2])
        shifts = whole_size * numbers[:, 2:]
        first = [k[:, 0, 0] * factors[:, 0], k[:, 0, 1], k[:, 0, 2] + shifts[:, 0]]
        second = [k[:, 1, 0], k[:, 1, 1] * factors[:, 1], k[:, 1, 2] + shifts[:, 1]]
        return tf.stack([tf.stack(first, -1), tf.stack(second, -1), k[:, 2]], axis=1)

    def pull(self):
        """How far the camera is from the first guess, scalar: the sum of squares of
        (a_x + a_y) / 2, a_x - a_y, o_x and o_y, each in units of a usual error, mean over the data
        sets."""
        x, y, *shifts = tf.unstack(self.numbers, axis=-1)
        errors = tf.stack([0.5 * (x + y), x - y, *shifts], axis=-1)
        return tf.reduce_mean(tf.reduce_sum((errors / _SPREADS) ** 2, axis=-1))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of `report`: fx_0, fy_0, cx_0, cy_0, fx_1, ..."""
        return tuple(f"{name}_{i}" for i in range(self.sets) for name in NAMES)

    def report(self) -> dict:
        """For the log, by name: the factors of the focal lengths, exp(a), and the shifts o of the
        principal point."""
        numbers = self.numbers
        shown = tf.concat([tf.exp(numbers[:, :2]), numbers[:, 2:]], axis=1)
        return dict(zip(self.columns, tf.unstack(tf.reshape(shown, [-1]))))

    def get_config(self):
        return {**super().get_config(), "sets": self.sets}
