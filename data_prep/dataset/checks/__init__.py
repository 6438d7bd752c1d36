"""Whether a finished data set is as it should be: its records are read, reported, and repaired."""
