"""Long commands as a list of jobs: each runs once, in a process of its own, and can be resumed.

`job` describes a job and keeps its record, `runner` runs a list of them.

Uses: nothing.
"""
