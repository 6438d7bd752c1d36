"""What every source becomes: chosen triplets, encoded, written, inspected.

Uses: nothing.
"""
