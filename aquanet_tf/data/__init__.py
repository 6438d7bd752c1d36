"""From TFRecords to batches: reading, mixing, augmentation.

Uses: config, geometry, native.
"""
