"""How likely each pixel moves, as NumPy functions: SPIMO's score and Monodepth2's auto-mask.

Both are scores [H, W] with a threshold: a pixel likely moves where the score reaches it.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from aquanet_tf.geometry import camera, depth_scaling
from aquanet_tf.inference import graph
from aquanet_tf.masks import automask, spimo
from aquanet_tf.networks import estimate as networks_estimate
from aquanet_tf.runs.run import Run


class SpimoScore:
    """SPIMO of single images: dispersion of depth under shifted grids (Eq. 6 and 7).

    Args:
      run: a `runs.run.Run` of stage 1; stage-2 networks no longer react to the shifts.
      height: working height in pixels; 0: that of the run.
      config: a `Config` with the `spimo_` options to use; None: the run's.

    Attributes:
      threshold: the `--spimo_threshold` (gamma of Eq. 7).
    """

    def __init__(self, run: Run, height: int = 0, config=None):
        height, config = graph.chosen_height(run, height), config or run.config
        self.threshold = config.spimo_threshold
        signature = [tf.TensorSpec([None, None, None, 3], tf.uint8)]
        self._score = tf.function(
            lambda image: graph.moving_score(run, image, height, config=config),
            input_signature=signature,
        )

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] RGB -> float32 [H, W]."""
        return self._score(tf.convert_to_tensor(image[None])).numpy()[0, ..., 0]

    def static(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] RGB -> bool [H, W], Eq. 7: True where static."""
        return spimo.static_mask(self(image), self.threshold)


class AutoMaskScore:
    """Monodepth2's auto-mask of the middle one of three frames.

    Depth and ego-motion are those of the run. Arguments as `SpimoScore`. Raises ValueError for a
    released run, which has no ego-motion network.
    """

    threshold = automask.THRESHOLD

    def __init__(self, run: Run, height: int = 0):
        self._run, self._posenet = run, run.posenet
        self._height = graph.chosen_height(run, height)

    def __call__(self, images: list[np.ndarray], intrinsics: np.ndarray) -> np.ndarray:
        """Score [H, W] of the target.

        Args:
          images: previous, target and next frame, uint8 [H, W, 3] RGB each.
          intrinsics: their K [3, 3], in pixels.

        Runs eagerly: warping needs static sizes, and sequences differ in size.
        """
        run, config = self._run, self._run.config
        images = tf.constant(np.stack(images))
        frames, grid, network_k = graph.network_inputs(run, images, self._height)
        ratio_y, ratio_x = (frames.shape[axis] / images.shape[axis] for axis in (1, 2))
        low_size = [config.pose_input_height, config.pose_input_width]
        low = tf.image.resize(frames, low_size, antialias=True)
        vectors = self._posenet(low[1:2], tf.stack([low[0], low[2]])[None])
        rotation, translation = self._posenet.motion(vectors)
        resize = tf.constant([[self._height / run.data["image_height"]]], tf.float32)
        estimate = networks_estimate.of_network(run.aquanet, config)
        k = tf.constant(intrinsics, tf.float32)
        score = automask.motion_score(
            frames[1:2],
            tf.stack([frames[0], frames[2]])[None],
            estimate(frames[1:2], grid[1:2], network_k[1:2]),
            rotation,
            depth_scaling.scale_translation(translation, resize, config.depth_scaling),
            camera.resize_intrinsics(k, ratio_x, ratio_y)[None],
        )
        return tf.image.resize(score, images.shape[1:3]).numpy()[0, ..., 0]

    def static(self, images: list[np.ndarray], intrinsics: np.ndarray) -> np.ndarray:
        """Arguments as a call -> bool [H, W]: True where static."""
        return automask.static_mask(self(images, intrinsics))
