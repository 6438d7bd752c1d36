"""metadata.json: the description of an exported model, written beside it and read to run it.

Common fields: name, outputs, inverse_depth_range, beta_max, working_height, metres_per_unit,
metres_per_unit_source, epoch, workdir, parity (tolerance and measured errors), config, created_by.
Each kind of export adds its inputs. The spelling of the keys is a contract.
"""

from __future__ import annotations

import dataclasses
import pathlib

import tensorflow as tf

import aquanet_tf
from aquanet_tf.runs.run import Run
from aquanet_tf.runs.scale import Scale
from export.bundle.parity import Tolerance

UNKNOWN = Scale()
OUTPUTS = {
    "inverse_depth": "relative units; inverse depth grows with nearness",
    "depth": "1 / inverse_depth: meters up to one unknown scale",
    "beta": "quantization parameter of the network, 1 is the exponential scheme",
}
MOVING_OUTPUTS = {
    "moving_object_probability": "0 to 1, not calibrated: s / (s + threshold) of SPIMO's "
    "dispersion s (signature moving_objects)",
    "static_mask": "0 where that is 0.5 or more, likely moving; else 1 (signature moving_objects)",
}


def build(
    run: Run,
    workdir: str | pathlib.Path,
    height: int,
    tolerance: Tolerance,
    known: Scale = UNKNOWN,
) -> dict:
    """The common fields. `parity` holds only the tolerance until the errors are measured.

    known: meters of one unit of depth.
    """
    config = run.config
    return {
        "name": "AQUANet, monocular depth",
        "outputs": described(OUTPUTS),
        "inverse_depth_range": [config.inverse_depth_min, config.inverse_depth_max],
        "beta_max": config.beta_max,
        "working_height": height,
        "grid_shift": run.config.grid_shift,
        "metres_per_unit": known.metres_per_unit or None,
        "metres_per_unit_source": known.source or None,
        "epoch": run.epoch,
        "workdir": str(pathlib.Path(workdir).resolve()),
        "parity": {"tolerance": dataclasses.asdict(tolerance)},
        "config": dataclasses.asdict(config),
        "created_by": f"aquanet_tf {aquanet_tf.__version__}, tensorflow {tf.__version__}",
    }


def metric_outputs(known: Scale) -> dict[str, str]:
    """The output in meters, which a SavedModel has when the scale is known; else none."""
    if not known.metres_per_unit:
        return {}
    text = f"meters: {known.metres_per_unit:g} * depth, the scale from {known.source}"
    return described({"depth_metres": text})


def scale_line(document: dict) -> str:
    """What a command says about the scale in the metadata of an export."""
    return Scale(document["metres_per_unit"] or 0.0, document["metres_per_unit_source"]).line()


def described(outputs: dict[str, str]) -> dict[str, str]:
    """Name of an output -> its type, shape and meaning."""
    return {name: f"float32 [B, H, W, 1]; {text}" for name, text in outputs.items()}
