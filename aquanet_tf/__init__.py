"""AQUANet in TensorFlow: depth from one image, learned from unlabelled driving video.

Importing this package imports nothing else: no TensorFlow, no add-on, no GPU.
"""

import os

# Read when TensorFlow is imported, so it must be set before any module does; errors still show.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__version__ = "0.1.0"
