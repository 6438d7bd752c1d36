"""Data preparation: the synthetic street, and commands that write data sets for training."""
