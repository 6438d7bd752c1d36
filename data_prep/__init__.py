"""Data preparation: the generated street and the TFRecord writers."""
