"""metadata.json: the description of an exported model, written beside it and read to run it.

Common fields: name, outputs, inverse_depth_range, beta_max, working_height, metres_per_unit, epoch,
workdir, parity (tolerance and measured errors), config, created_by. Each kind of export adds its
inputs. The spelling of the keys is a contract.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib

import tensorflow as tf

import aquanet_tf
from aquanet_tf.runs.run import Run
from export.bundle.parity import Tolerance

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
    metres_per_unit: float = 0.0,
) -> dict:
    """The common fields. `parity` holds only the tolerance until the errors are measured.

    metres_per_unit: given at the export, for an output `depth_metres`; 0: there is none, and the
    field is what the run knows.
    """
    outputs = dict(OUTPUTS)
    learned = run.metres_per_unit(height)
    if metres_per_unit:
        source = "learned" if metres_per_unit == learned else "the scale given at export"
        outputs["depth_metres"] = f"meters: {metres_per_unit:g} * depth, {source}"
    config = run.config
    return {
        "name": "AQUANet, monocular depth",
        "outputs": described(outputs),
        "inverse_depth_range": [config.inverse_depth_min, config.inverse_depth_max],
        "beta_max": config.beta_max,
        "working_height": height,
        "metres_per_unit": metres_per_unit or learned,
        "epoch": run.epoch,
        "workdir": str(pathlib.Path(workdir).resolve()),
        "parity": {"tolerance": dataclasses.asdict(tolerance)},
        "config": dataclasses.asdict(config),
        "created_by": f"aquanet_tf {aquanet_tf.__version__}, tensorflow {tf.__version__}",
    }


def described(outputs: dict[str, str]) -> dict[str, str]:
    """Name of an output -> its type, shape and meaning."""
    return {name: f"float32 [B, H, W, 1]; {text}" for name, text in outputs.items()}


def check_metres_per_unit(value: float) -> None:
    """ValueError unless the flag --metres_per_unit is 0 (not known) or a positive number."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"--metres_per_unit={value}: expected a positive number, or 0 for none")
