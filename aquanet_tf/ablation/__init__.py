"""The rows of the paper's Table 1: plan, jobs, results, figures.

Uses: config, evaluation, inference, kitti, layers, media, runs.
"""
