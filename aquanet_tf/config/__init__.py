"""Options of one run: the table, their checks, their flags.

Uses: nothing.
"""

from aquanet_tf.config.options import Config

__all__ = ["Config"]
