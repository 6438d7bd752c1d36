"""The forward warp (Eq. 1 and 2) and its gradients on every device, against the dense reference."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from aquanet_tf.checks import versions
from aquanet_tf.checks.finding import Finding
from aquanet_tf.geometry import pose
from aquanet_tf.layers.warp import dense, forward
from aquanet_tf.layers.warp.levels import Levels, Target
from aquanet_tf.layers.warp.planes import Planes
from aquanet_tf.native import library

# Largest difference to the reference: of the view in [0, 1], and of a gradient relative to its
# largest value. Float32 sums in another order differ by some 1e-6.
TOLERANCE = 1e-3
_SIZE, _LEVELS = (24, 40), 9


def check(device: str) -> list[Finding]:
    """One finding for each implementation that there is on `device`."""
    arguments = inputs()
    with tf.device("/CPU:0"):
        reference = _results(dense.warp, arguments)
    return [
        _compared(f"warp {name} on {device}", device, function, arguments, reference)
        for name, function in implementations(device).items()
    ]


def implementations(device: str) -> dict:
    """Name -> function from (Target, Planes, Levels) to a ForwardWarp."""

    def named(name):
        return lambda *arguments: forward.forward_warp(*arguments, implementation=name)

    functions = {"dense": dense.warp, "streaming": named("streaming"), "xla": named("xla")}
    if device.startswith("/CPU"):
        if library.available():
            functions["native"] = named("native")
        # It does not load with Keras 3, whatever is installed.
        if versions.version("tensorflow-addons") and versions.version("keras").startswith("2."):
            functions["tfa"] = named("tfa")
    return functions


def inputs() -> tuple[tf.Tensor, ...]:
    """image, logits, beta and pose vector of a small random scene in front of a moving camera."""
    rng = np.random.default_rng(0)

    def constant(value):
        return tf.constant(value, tf.float32)

    return (
        constant(rng.random((1, *_SIZE, 3))),
        constant(2 * rng.normal(size=(1, *_SIZE, _LEVELS))),
        constant(np.exp(0.3 * rng.normal(size=(1, *_SIZE, 1)))),
        constant([[0.3, -0.1, 0.8, 0.01, 0.03, -0.02]]),
    )


def _results(function, arguments) -> dict[str, np.ndarray]:
    """The view, and the gradients of its sum, weighted, by name."""
    height, width = _SIZE
    k = tf.constant([[[0.6 * width, 0, 0.48 * width], [0, 0.6 * width, 0.46 * height], [0, 0, 1]]])
    variables = [tf.identity(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        image, logits, beta, vector = variables
        planes = Planes.between(pose.se3_exp(vector), k, k)
        masks = image[..., :0]
        warped = function(Target(image, logits, beta, masks), planes, Levels(_LEVELS))
        weights = tf.constant(np.random.default_rng(1).normal(size=image.shape), tf.float32)
        total = tf.reduce_sum(weights * warped.view)
    gradients = tape.gradient(total, variables)
    names = ("image", "logits", "beta", "ego-motion")
    results = {"view": warped.view, "occlusion": warped.occlusion, **dict(zip(names, gradients))}
    return {name: value.numpy() for name, value in results.items()}


def _compared(name, device, function, arguments, reference) -> Finding:
    try:
        with tf.device(device):
            results = _results(function, arguments)
    except (ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
        return Finding(name, "does not run", f"{reason}; choose another with --warp_impl")
    errors = {}
    for key, value in reference.items():
        size = 1.0 if key in ("view", "occlusion") else np.abs(value).max()
        errors[key] = float(np.abs(results[key] - value).max() / size)
    text = ", ".join(f"{key} {error:.1e}" for key, error in errors.items())
    worst = max(errors, key=lambda key: np.nan_to_num(errors[key], nan=np.inf))
    fault = ""
    if not errors[worst] <= TOLERANCE:
        fault = (
            f"its {worst} differs from the dense reference by {errors[worst]:.1e} (allowed "
            f"{TOLERANCE:g}): train with another --warp_impl, and send us this report"
        )
    return Finding(name, f"differences {text}", fault)
