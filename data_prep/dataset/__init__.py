"""What every source becomes: triplets chosen, encoded, written into shards, and checked.

Uses: nothing.
"""
