"""The networks that a run learns from but does not train.

`frozen` is the depth network of stage 1, which makes the SPIMO masks; it is copied from
`--stage1_workdir` when a run starts. `previous` is the run's own depth network as it was one epoch
ago, which makes the boosted inverse depth. `first` is the depth network as it was when a run with
--anchor_weight began. The run's checkpoints hold all of them, and WORKDIR/stage1.json keeps the
options that the frozen network is built from, so that a run can be resumed without the runs that it
came from.
"""

from __future__ import annotations

import dataclasses
import pathlib

from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.masks import spimo
from aquanet_tf.networks import build, estimate
from aquanet_tf.runs import Run, checkpoint, load_run
from aquanet_tf.training.stages.stage import Stage
from aquanet_tf.training.stages.stage_one import StageOne
from aquanet_tf.training.stages.stage_two import StageTwo

STAGE1_FILE = "stage1.json"


class Teachers:
    """Builds the networks that a run of `config` needs; in stage 1 at most `first`.

    Args:
        config: of the run.
        workdir: of the run, after `remember_stage_one`.

    Attributes:
        networks: name -> network, for the checkpoint.
        frozen: the stage-1 network as a `Run` without PoseNet, or None.
    """

    def __init__(self, config: Config, workdir: str | pathlib.Path):
        self.config = config
        self.networks = {}
        self.frozen = None
        if config.stage == "2" and config.mask == "spimo":
            path = pathlib.Path(workdir) / STAGE1_FILE
            document = files.read(path)
            theirs = Config.from_values(document["config"], path)
            network = build.build_depth_network(theirs)
            self.networks["frozen"] = network
            self.frozen = Run(theirs, network, document["epoch"], document["data"])
        if config.stage == "2" and config.boosting_weight > 0 and config.mask != "none":
            self.networks["previous"] = build.build_depth_network(config)
        if config.anchor_weight > 0:
            self.networks["first"] = build.build_depth_network(config)

    def start(self, aquanet, posenet) -> None:
        """Sets the weights of a run that has no checkpoint yet: those of `networks`, and those of
        `posenet` with --stage2_posenet=stage1.

        Raises ValueError when the stage-1 run is gone or does not fit.
        """
        if self.config.needs_stage1:
            run = _load(self.config)
            if "frozen" in self.networks:
                self.networks["frozen"].set_weights(run.aquanet.get_weights())
            if self.config.stage2_posenet == "stage1":
                posenet.set_weights(run.posenet.get_weights())
        for name in ("previous", "first"):
            if name in self.networks:
                self.networks[name].set_weights(aquanet.get_weights())

    def arguments(self, stage: type[Stage]) -> dict:
        """Keyword arguments of a stage: anchor (an estimate), of `StageTwo` also frozen (a
        `masks.spimo.source`) and teacher."""
        named = {}
        if issubclass(stage, StageOne) and "first" in self.networks:
            named["anchor"] = estimate.of_network(self.networks["first"], self.config)
        if issubclass(stage, StageTwo):
            frozen = self.frozen
            if frozen is not None:
                frozen = spimo.source(frozen.aquanet, frozen.config, self.config.spimo_source)
            named.update(frozen=frozen, teacher=self.networks.get("previous"))
        return named


def remember_stage_one(config: Config, workdir: str | pathlib.Path) -> None:
    """Writes WORKDIR/stage1.json if the run needs a stage-1 run, and has not begun with one.

    Raises ValueError naming --stage1_workdir when it is empty, not a run, or, for SPIMO masks, a
    run of stage 2; and, if PoseNet starts with its weights, when the run has no PoseNet or another
    one. Warns of one whose masks mean little.
    """
    path = pathlib.Path(workdir) / STAGE1_FILE
    # A start that failed may have left the file, of another run than the one that is given now.
    if not config.needs_stage1 or (path.exists() and checkpoint.begun(workdir)):
        return
    run = _load(config)
    if config.mask == "spimo":
        _check_masks(config, run)
    if config.stage2_posenet == "stage1":
        _check_posenet(config, run)
    document = {
        "workdir": str(pathlib.Path(config.stage1_workdir).resolve()),
        "epoch": run.epoch,
        "data": run.data,
        "config": dataclasses.asdict(run.config),
    }
    files.write(path, document)


def _check_masks(config: Config, run: Run) -> None:
    """Raises ValueError when `run` has learned without moving objects, so that it cannot show them
    in masks; warns where it can hardly."""
    if run.config.stage != "1":
        raise ValueError(
            f"--stage1_workdir={config.stage1_workdir}: a run of stage 2, whose SPIMO masks mean "
            "little; name the run of stage 1"
        )
    spimo.warn_unreadable(run.config)


def _check_posenet(config: Config, run: Run) -> None:
    """Raises ValueError when the PoseNet of `config` cannot start with the weights of `run`."""
    if run.posenet_checkpoint is None:
        raise ValueError(
            f"--stage1_workdir={config.stage1_workdir}: a released run, without the PoseNet that "
            "--stage2_posenet=stage1 starts from; give the workdir of its training"
        )
    for name in ("pose_form", "pose_network_width"):
        theirs, ours = getattr(run.config, name), getattr(config, name)
        if theirs != ours:
            raise ValueError(f"--stage2_posenet=stage1 needs --{name}={theirs}, as in stage 1")


def _load(config: Config) -> Run:
    if not config.stage1_workdir:
        what = "--mask=spimo" if config.mask == "spimo" else "--stage2_posenet=stage1"
        raise ValueError(
            f"--stage=2 with {what} needs --stage1_workdir, the workdir of a stage-1 run; "
            "--stage=both trains one first"
        )
    try:
        return load_run(config.stage1_workdir)
    except ValueError as error:
        text = str(error).replace("--workdir=", "--stage1_workdir=")
        raise ValueError(text) from error
