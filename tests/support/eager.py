"""Trainings of a few steps, step by step: tracing a graph of each stage takes ten times as long."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def eager():
    """Context in which every tf.function runs as plain Python, `fit` included."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
