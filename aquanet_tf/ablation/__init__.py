"""The paper's Table 1: trains and evaluates its rows, and draws its figures.

`plan_file` reads the YAML file into a `plan`, `jobs` lists the commands, `results` and `table` make
the table, `figures` chooses what is drawn, and `plots` draws the figures with axes.

Uses: config, evaluation, inference, jobs, kitti, layers, media, runs.
"""
