"""Options of one run: the table, their checks, their flags.

Uses: nothing.
"""
