"""Builds the C++ operations for this machine and this TensorFlow (about 25 seconds):

python -m aquanet_tf.native.build
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import tensorflow as tf
from absl import flags

from aquanet_tf import cli, files
from aquanet_tf.native import library as native_library

COMPILERS = ("c++", "g++", "clang++")

_OPTIONAL = flags.DEFINE_bool(
    "optional", False, "If it cannot be built, print the reason and exit with success."
)


def build() -> pathlib.Path:
    """Compiles the library unless it exists. Returns its path.

    Raises OSError without a compiler (CXX of the environment, else c++, g++ or clang++), and
    ValueError with the compiler's first error.
    """
    path = native_library.path()
    if path.exists():
        return path
    candidates = [os.environ["CXX"]] if os.environ.get("CXX") else COMPILERS
    compiler = next(filter(None, map(shutil.which, candidates)), None)
    if compiler is None:
        raise OSError(
            f"no C++ compiler ({', '.join(candidates)}); install one (Debian: apt install g++) or "
            "name it in the environment variable CXX"
        )
    sources = sorted(map(str, native_library.SOURCES.glob("*.cc")))
    with files.atomic(path) as library:
        command = [compiler, *native_library.COMPILER_FLAGS, *tf.sysconfig.get_compile_flags()]
        # -w: TensorFlow's headers produce many warnings.
        command += ["-w", *sources, "-o", str(library), *tf.sysconfig.get_link_flags()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "error" in line]
            reason = errors[0] if errors else done.stderr.strip() or f"exit code {done.returncode}"
            raise ValueError(f"{native_library.SOURCES}: {compiler} failed: {reason}")
    return path


def main(argv):
    del argv
    try:
        print(f"C++ operations: {build()}")
    except (ValueError, OSError) as error:
        if not _OPTIONAL.value:
            raise
        print(f"C++ operations: not built, continuing without them: {error}")


if __name__ == "__main__":
    cli.run(main)
