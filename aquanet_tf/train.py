"""Trains AQUANet: kick-start (PoseNet alone), then stage 1 or 2, in a run that can be resumed.

    python -m aquanet_tf.train --flagfile=configs/kitti/stage1.flags --data_dir=DIR --workdir=RUN

`--stage=2 --stage1_workdir=RUN` masks moving objects with the frozen network of a stage-1 run;
`--stage=both` does stage 1 in WORKDIR/stage1, then stage 2 in WORKDIR/stage2. `--init_from=RUN`
starts from the weights of another run.

The workdir receives config.json and flags.txt (resolved options), run.json (versions, commit,
command, data), checkpoints/, tensorboard/, history.csv, within an epoch unfinished/, and with
--keep_best best/. Run the same command again to resume at the newest checkpoint, also within an
epoch (--checkpoint_steps); the batches are those of an uninterrupted run. SIGTERM and SIGINT finish
the step and save; the exit code of all workers is then 143 or 130.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf
from absl import flags

from aquanet_tf import cli
from aquanet_tf.config import command_line
from aquanet_tf.networks import build
from aquanet_tf.training import distribution, trainer

cli.define_output("workdir", "", "Directory of the run, made if missing.", folder=True)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Build the networks, print the options, stop.")


def main(_):
    config = command_line.from_flags()
    if _DRY_RUN.value:
        aquanet, posenet = build.build_networks(config)
        for name, value in dataclasses.asdict(config).items():
            print(f"--{name}={value}")
        print(f"AQUANet {aquanet.count_params():,} parameters, PoseNet {posenet.count_params():,}")
        return
    workdir = flags.FLAGS.workdir
    if not workdir:
        raise ValueError("--workdir is empty: name the directory of the run")
    try:
        trainer.train(config, workdir)
    except tf.errors.OpError as error:
        raise distribution.explained(error, config) from error


if __name__ == "__main__":
    command_line.define_flags()
    cli.run(main)
