"""The camera of a drive, from its images alone: chosen frames, structure from motion, how sure.

Uses: dataset, video.
"""
