"""The networks that stage 2 learns from and does not train.

`frozen`, the stage-1 network behind the SPIMO masks, is copied from `--stage1_workdir` when a run
starts; `previous`, the depth network as it was an epoch ago, makes the boosted depth. Both are part
of the run's checkpoints, and WORKDIR/stage1.json keeps what the frozen network was built with, so
that a run goes on whatever has become of its stage-1 workdir.
"""

from __future__ import annotations

import dataclasses
import pathlib

from aquanet_tf import files
from aquanet_tf.config.options import Config
from aquanet_tf.masks import spimo
from aquanet_tf.networks import build
from aquanet_tf.runs.run import Run, load_run

STAGE1_FILE = "stage1.json"


class Teachers:
    """Builds the networks that `options` ask for; none for stage 1 and the kick-start alone.

    Args:
        options: Config of the run.
        workdir: of the run; `remember_stage_one` has been called for it.

    Attributes:
        networks: name -> network, for the checkpoint.
        frozen: the stage-1 network as a checkpoints.Run without PoseNet, or None.
    """

    def __init__(self, options: Config, workdir: str | pathlib.Path):
        self.options = options
        self.networks = {}
        self.frozen = None
        if options.stage == "2" and options.mask == "spimo":
            document = files.read(pathlib.Path(workdir) / STAGE1_FILE)
            theirs = Config(**document["config"])
            network = build.build_depth_network(theirs)
            self.networks["frozen"] = network
            self.frozen = Run(theirs, network, None, document["epoch"], document["data"])
        if options.stage == "2" and options.boosting_weight > 0 and options.mask != "none":
            self.networks["previous"] = build.build_depth_network(options)

    def start(self, aquanet, posenet) -> None:
        """Fills the networks of a run that has no checkpoint yet; PoseNet too if so asked.

        Raises ValueError when the stage-1 run is gone or does not fit.
        """
        if self.options.needs_stage1:
            run = _load(self.options)
            if "frozen" in self.networks:
                self.networks["frozen"].set_weights(run.aquanet.get_weights())
            if self.options.stage2_posenet == "stage1":
                posenet.set_weights(run.posenet.get_weights())
        if "previous" in self.networks:
            self.networks["previous"].set_weights(aquanet.get_weights())

    def arguments(self) -> dict:
        """Keyword arguments of `stage_two.StageTwo`: frozen (an estimate) and teacher."""
        frozen = self.frozen
        if frozen is not None:
            frozen = spimo.source(frozen.aquanet, frozen.config, self.options.spimo_source)
        return {"frozen": frozen, "teacher": self.networks.get("previous")}


def remember_stage_one(options: Config, workdir: str | pathlib.Path) -> None:
    """Writes WORKDIR/stage1.json when the run needs a stage-1 run and does not know it yet.

    Raises ValueError naming --stage1_workdir when it is empty, no run, or has another PoseNet
    than the one to start from it.
    """
    path = pathlib.Path(workdir) / STAGE1_FILE
    if not options.needs_stage1 or path.exists():
        return
    run = _load(options)
    if options.stage2_posenet == "stage1" and run.ego_motion is None:
        raise ValueError(
            f"--stage1_workdir={options.stage1_workdir}: a released run, without the PoseNet that "
            "--stage2_posenet=stage1 starts from; give the workdir of its training"
        )
    for name in ("pose_form", "pose_network_width"):
        theirs, ours = getattr(run.config, name), getattr(options, name)
        if options.stage2_posenet == "stage1" and theirs != ours:
            raise ValueError(f"--stage2_posenet=stage1 needs --{name}={theirs}, as in stage 1")
    document = {
        "workdir": str(pathlib.Path(options.stage1_workdir).resolve()),
        "epoch": run.epoch,
        "data": run.data,
        "config": dataclasses.asdict(run.config),
    }
    files.write(path, document)


def _load(options) -> Run:
    if not options.stage1_workdir:
        what = "--mask=spimo" if options.mask == "spimo" else "--stage2_posenet=stage1"
        raise ValueError(
            f"--stage=2 with {what} needs --stage1_workdir, the workdir of a stage-1 run; "
            "--stage=both trains one first"
        )
    try:
        return load_run(options.stage1_workdir)
    except ValueError as error:
        text = str(error).replace("--workdir=", "--stage1_workdir=")
        raise ValueError(text) from error
