"""A workdir on disk: options, checkpoints, history, provenance, and what a run starts from.

Uses: config, networks.
"""

__all__ = ["Run", "load_run"]


def __getattr__(name):
    """`Run` and `load_run` on first use: provenance and layout are read without TensorFlow."""
    if name in __all__:
        from aquanet_tf.runs import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
