"""The C++ operations: sources, how they are built, how they are loaded.

Uses: nothing.
"""
