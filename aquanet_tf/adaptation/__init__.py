"""One drive of a camera turned into a depth network for it: the steps of `aquanet_tf.adapt`.

`request` checks the flags, `margins` finds what never moves, `clip` and `road` refuse what cannot
work, `recipe` holds the options of both trainings, `steps` lists the commands, and `findings` sums
up the result.

Uses: cameras, config, inference, jobs, media, metric, runs.
"""
