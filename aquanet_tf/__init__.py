"""AQUANet in TensorFlow: depth from one image, learned from unlabeled driving video.

Importing this package imports nothing else: no TensorFlow, no add-on, no GPU.
"""

import logging
import os
import sys

# Read when TensorFlow is imported, so it must be set before any module does. Errors still show
# where there is a GPU driver (or WSL's) that may be at fault; elsewhere three of them greet every
# start of TensorFlow 2.15, about CUDA libraries that nobody asked for.
_GPU = any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/dxg"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if _GPU else "3")

# TensorFlow itself uses oneDNN only on processors with AVX-512 or AMX. Others, such as AMD EPYC
# with AVX2, gain from it, too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Keras 2 imports pandas, and that NumExpr, which announces its threads at every start.
logging.getLogger("numexpr").setLevel(logging.WARNING)


def _hook(kind, error, trace):
    """A `sys.excepthook` that says Ctrl-C in one line, with the exit code of `cli.run`."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.__excepthook__(kind, error, trace)


# A command (python -m) imports TensorFlow for seconds before `cli.run` can catch Ctrl-C. While
# Python looks for its module, "-m" stands in place of the name. Programs that import this package
# keep their own hook.
if sys.argv[:1] == ["-m"]:
    sys.excepthook = _hook

__version__ = "0.1.0"
