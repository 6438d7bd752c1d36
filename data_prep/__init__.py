"""Data preparation: the synthetic street, and commands that write data sets for training."""

import aquanet_tf  # noqa: F401, before all else, so that Ctrl-C ends a command in one line
