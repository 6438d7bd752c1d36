"""The forward warp as one operation in C++, where it has been built (`aquanet_tf.build_native`).

Computes what `streaming.py` computes, levels included, in one pass over the pixels: no coordinate
tensor, no padding, one exponential a sample. CPU and float32 only; never required.

The library lies beside its sources under a name that holds TensorFlow's version and a digest of
sources, compiler flags and processor: environments and machines can share a checkout, and a stale
build is never loaded.
"""

from __future__ import annotations

import functools
import hashlib
import pathlib
import platform

import tensorflow as tf
from absl import logging

SOURCES = pathlib.Path(__file__).parent / "native"
# -march=native: the library is built where it runs and never shipped. NaN and Inf keep their
# meaning; what is given up is errno, floating-point exceptions and the sign of zero.
COMPILER_FLAGS = (
    "-shared",
    "-fPIC",
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fopenmp-simd",
)


def library_path() -> pathlib.Path:
    """Where the library for this TensorFlow, processor and sources is, or would be."""
    digest = hashlib.sha256(repr((COMPILER_FLAGS, _processor())).encode())
    for path in sorted(SOURCES.glob("*.h")) + sorted(SOURCES.glob("*.cc")):
        digest.update(path.read_bytes())
    return SOURCES / f"warp-tf{tf.__version__}-{digest.hexdigest()[:12]}.so"


def available() -> bool:
    """True when the operation has been built for this TensorFlow and can be loaded."""
    return _operations() is not None


@functools.cache
def _operations():
    path = library_path()
    if not path.exists():
        return None
    try:
        return tf.load_op_library(str(path))
    except (tf.errors.OpError, OSError) as error:
        logging.warning("%s: cannot be loaded, going on without it (%s)", path, error)
        return None


def composite_levels(image, logits, beta, plane, masks, spec, image_gradient):
    """`streaming.composite_levels` on `warping.plane_parameters`.

    Args:
        image: [B,H,W,C]; logits: [B,H,W,N+1]; beta: [B,H,W,1]; masks: [B,H,W,M]; float32.
        plane: [B,3,4], see `warping.plane_parameters`.
        spec: streaming.LevelSpec.
        image_gradient: False gives the image a gradient of zeros.

    Returns (view [B,H,W,C], occlusion [B,H,W,1], projected masks [B,H,W,M]); gradients from the
    view alone. Raises ValueError where the operation is not built.
    """
    operations = _operations()
    if operations is None:
        raise ValueError(
            f"--warp_impl=native: {library_path()} is missing or does not load; build it with "
            "python -m aquanet_tf.build_native"
        )
    levels = {
        "inverse_depth_min": spec.inverse_depth_min,
        "inverse_depth_max": spec.inverse_depth_max,
        "fixed_point": spec.fixed_point,
    }
    masks = tf.stop_gradient(masks)

    @tf.custom_gradient
    def composite(image, logits, beta, plane):
        view, projected, occlusion, lse = operations.aquanet_warp(
            image=image, masks=masks, logits=logits, beta=beta, plane=plane, **levels
        )

        def gradient(d_view, *_):
            return operations.aquanet_warp_grad(
                image=image,
                logits=logits,
                beta=beta,
                plane=plane,
                view=view,
                lse=lse,
                d_view=d_view,
                image_gradient=image_gradient,
                **levels,
            )

        return (view, occlusion, projected), gradient

    view, occlusion, projected = composite(image, logits, beta, plane)
    return view, tf.stop_gradient(occlusion), tf.stop_gradient(projected)


def _processor():
    """What the compiler may use: the instruction sets of this machine."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    flags = [line for line in lines if line.lower().startswith(("flags", "features"))]
    return flags[0] if flags else platform.processor()
