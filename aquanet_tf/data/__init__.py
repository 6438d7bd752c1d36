"""From TFRecords to batches: reading, mixing, augmentation, each worker's part of a batch.

Uses: config, geometry, native.
"""
