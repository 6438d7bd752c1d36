"""Weights of one run as the start of another (--init_from).

The source is read once, before the first checkpoint of the new run: a run that has a checkpoint
resumes from it, and run.json keeps what was taken from where, in the entry `init`:
  workdir, epoch  the source, and its finished epochs;
  taken           name of a network -> number of its weights that were taken;
  left            the weights that were not taken, with both shapes;
  kickstart       whether the run has the kick-start of its options: not if all of PoseNet was taken
                  and nobody asked for it;
  data_license    what the source says about the license of its training data, if it does.
A source with averaged weights (--ema) gives these.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.networks import build
from aquanet_tf.runs import checkpoint, run
from aquanet_tf.runs.layout import RUN_FILE

# Options that shapes follow from, and options that change what equal weights compute.
_SHAPES = ("width", "encoder", "levels", "head", "adaptive", "focal_planes", "pose_network_width")
_MEANING = ("activation", "beta_max", "inverse_depth_min", "inverse_depth_max")


class Initial(NamedTuple):
    """What a run starts from.

    Attributes:
        record: the entry `init` of run.json, see the module.
        weights: network -> weight -> array, to be assigned; empty when the run is resumed.
    """

    record: dict[str, Any]
    weights: dict[str, dict[str, np.ndarray]]

    def resolved(self, config: Config) -> Config:
        """`config` without kick-start where the run has none, and with what the kick-start goes by:
        whether there is a source, and whether all of its weights were taken. A resume has both from
        run.json, whatever its flags say."""
        source = config.init_from or self.record["workdir"]
        partial = bool(self.record["left"])
        config = dataclasses.replace(config, init_from=source, init_partial=partial)
        if self.record["kickstart"]:
            return config
        return dataclasses.replace(config, kickstart_epochs=0)

    def start(self, **networks) -> None:
        """Assigns the weights to the networks, given by name."""
        for name, values in self.weights.items():
            named = checkpoint.named_weights(networks[name])
            for weight, value in values.items():
                named[weight].assign(value)


def prepare(config: Config, workdir: str | pathlib.Path) -> Initial | None:
    """The start of a run of `config` in `workdir`; None for random weights. Writes nothing.

    Raises ValueError that names --init_from when it is not a run, when weights do not fit (each by
    name, with both shapes) and --init_partial is not given, or when the run began without it.
    """
    workdir = pathlib.Path(workdir)
    if checkpoint.begun(workdir):
        return _resumed(config, workdir)
    if not config.init_from:
        return None
    source = _load(config)
    weights, left = _fitting(config, source)
    if left and not config.init_partial:
        raise ValueError(_misfits(config, source, left))
    for text in left:
        logging.warning("--init_from: not taken: %s", text)
    _warn_of_meaning(config, source.config)
    whole = "posenet" in weights and not any(text.startswith("posenet") for text in left)
    record = {
        "workdir": str(pathlib.Path(config.init_from).resolve()),
        "epoch": source.epoch,
        "taken": {name: len(values) for name, values in weights.items()},
        "left": left,
        "kickstart": config.init_kickstart or not whole,
    }
    terms = files.read(pathlib.Path(config.init_from) / RUN_FILE).get("data_license")
    if terms:
        record["data_license"] = terms
    if not record["kickstart"]:
        logging.info("--init_from: PoseNet is trained already, so there is no kick-start")
    return Initial(record, weights)


def _resumed(config, workdir):
    path = workdir / RUN_FILE
    record = files.read(path).get("init") if path.is_file() else None
    if record is None and config.init_from and not run.is_released(workdir):
        raise ValueError(
            f"--workdir={workdir}: began without --init_from; leave it out to resume the run, or "
            "choose another --workdir"
        )
    return None if record is None else Initial(record, {})


def _load(config) -> run.Run:
    try:
        return run.load_run(config.init_from, "init_from", config.init_checkpoint)
    except ValueError as error:
        text = str(error).replace("--checkpoint=", "--init_checkpoint=")
        raise ValueError(text) from error


def _fitting(config, source):
    """({network: {weight: array}} that fits the networks of `config`, texts on what does not)."""
    aquanet, posenet = build.build_networks(config)
    pairs = {"aquanet": (source.aquanet, aquanet)}
    if source.posenet_checkpoint and config.stage2_posenet != "stage1":
        pairs["posenet"] = (source.posenet, posenet)
    weights, left = {}, []
    for name, (theirs, ours) in pairs.items():
        form = source.config.pose_form
        if name == "posenet" and form != config.pose_form:
            left.append(f"posenet, here --pose_form={config.pose_form}, there {form}")
            continue
        theirs, ours = checkpoint.named_weights(theirs), checkpoint.named_weights(ours)
        taken = {}
        for weight in {**ours, **theirs}:
            here, there = (_shape(found.get(weight)) for found in (ours, theirs))
            if here == there:
                taken[weight] = theirs[weight].numpy()
            else:
                left.append(f"{name}/{weight}, here {here}, there {there}")
        weights[name] = taken
    return weights, left


def _shape(weight) -> str:
    return "none" if weight is None else str(list(weight.shape))


def _misfits(config, source, left) -> str:
    theirs = source.config
    options = ", ".join(
        f"--{name}={getattr(theirs, name)}"
        for name in (*_SHAPES, "pose_form")
        if getattr(theirs, name) != getattr(config, name)
    )
    remedy = f"it was trained with {options}: train with these, or give" if options else "give"
    return (
        f"--init_from={config.init_from}: {len(left)} weights do not fit; {remedy} --init_partial "
        f"to take what fits. {'; '.join(left)}"
    )


def _warn_of_meaning(config, theirs):
    for name in _MEANING:
        if getattr(theirs, name) != getattr(config, name):
            logging.warning(
                "--init_from: trained with --%s=%s, here %s: the same weights see another depth",
                *(name, getattr(theirs, name), getattr(config, name)),
            )
