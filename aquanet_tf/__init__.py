"""AQUANet in TensorFlow: depth from one image, learned from unlabelled driving video.

Importing this package imports nothing else: no TensorFlow, no add-on, no GPU.
"""

__version__ = "0.1.0"
