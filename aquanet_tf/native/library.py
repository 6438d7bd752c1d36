"""Loads the C++ operations where they have been built (`python -m aquanet_tf.native.build`).

The library is optional; if present, it is loaded automatically. It lies in lib/, and its name holds
TensorFlow's version and a digest of sources, compiler flags and processor: environments and
machines can share a checkout, and a stale build is never loaded.
"""

from __future__ import annotations

import functools
import hashlib
import pathlib
import platform

import tensorflow as tf
from absl import logging

SOURCES = pathlib.Path(__file__).parent / "src"
BUILT = pathlib.Path(__file__).parent / "lib"
# -march=native: the library is built where it runs and never shipped. NaN and Inf keep their
# meaning; errno, floating-point exceptions and the sign of zero do not.
COMPILER_FLAGS = (
    "-shared",
    "-fPIC",
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fopenmp-simd",
    # TensorFlow 2.21's Eigen does not compile with half precision on processors that have it.
    "-U__AVX512FP16__",
)


def path() -> pathlib.Path:
    """Where the library for this TensorFlow, processor and sources is, or would be."""
    digest = hashlib.sha256(repr((COMPILER_FLAGS, _processor())).encode())
    for source in sorted(SOURCES.glob("*.h")) + sorted(SOURCES.glob("*.cc")):
        digest.update(source.read_bytes())
    return BUILT / f"aquanet-tf{tf.__version__}-{digest.hexdigest()[:12]}.so"


def available() -> bool:
    """Whether the operations have been built for this TensorFlow and can be loaded."""
    return operations() is not None


@functools.cache
def operations():
    """The module of the operations; None where they are not built or do not load."""
    library = path()
    if not library.exists():
        return None
    try:
        return tf.load_op_library(str(library))
    except (tf.errors.OpError, OSError) as error:
        logging.warning("%s: cannot be loaded, continuing without it (%s)", library, error)
        return None


def _processor():
    """The instruction sets of this machine, which the compiler may use."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    flags = [line for line in lines if line.lower().startswith(("flags", "features"))]
    return flags[0] if flags else platform.processor()
