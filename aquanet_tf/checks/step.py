"""One training step of stage 1 in each precision: finite or not, time, memory, batch that fits."""

from __future__ import annotations

import pathlib
import time
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from aquanet_tf.checks import versions
from aquanet_tf.checks.finding import Finding
from aquanet_tf.config import Config
from aquanet_tf.geometry import camera
from aquanet_tf.networks import build
from aquanet_tf.training import precision
from aquanet_tf.training.stages.stage_one import StageOne

# Name for the reader -> --mixed_precision.
PRECISIONS = {"float32": "off", "mixed float16": "float16", "mixed bfloat16": "bfloat16"}
_STATUS, _CLEAR = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/self/clear_refs")
# Share of the memory that an estimated batch may take.
_USABLE = 0.85


class Setting(NamedTuple):
    """Size in pixels, width of the networks and number of levels of the step."""

    height: int
    width: int
    network_width: float
    levels: int

    def text(self) -> str:
        return f"{self.height}x{self.width}, --width={self.network_width:g} --levels={self.levels}"


# The paper's on a GPU; on a processor that of the demo, which takes a second.
PAPER, DEMO = Setting(192, 640, 1.0, 33), Setting(64, 208, 0.25, 13)


def check(device: str, gigabytes: float = 0.0) -> list[Finding]:
    """One finding for each precision on `device`.

    gigabytes: memory of the device; 0: what is free of the machine's.
    """
    setting = PAPER if "GPU" in device else DEMO
    room = gigabytes or versions.memory()[1]
    return [_measured(device, setting, name, room) for name in PRECISIONS]


def _measured(device, setting, name, room) -> Finding:
    title = f"step in {name} on {device}"
    try:
        with tf.device(device):
            runs = [_run(device, setting, PRECISIONS[name], batch) for batch in (1, 3)]
    except (tf.errors.OpError, ValueError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        return _refused(title, name, f"does not run: {reason}")
    (loss, seconds, first), (_, more, third) = runs
    if not np.isfinite([loss, runs[1][0]]).all():
        return _refused(title, name, "the loss is not finite")
    each = max((third - first) / 2, 1e-3)
    fits = max(1, int((_USABLE * room - first) / each) + 1)
    text = (
        f"loss {loss:.3f}; {seconds:.2f} s for 1 image, {more:.2f} s for 3; peak {first:.2f} and "
        f"{third:.2f} GB; about {min(fits, 999)} images fit in {room:.1f} GB ({setting.text()})"
    )
    return Finding(title, text)


def _refused(title, name, text) -> Finding:
    if name == "float32":
        return Finding(title, text, "training cannot work here: send us this report")
    return Finding(title, text, hint="leave --mixed_precision off on this device")


def _run(device, setting, mixed, batch) -> tuple[float, float, float]:
    """(loss, seconds of a step, peak memory in GB above what was used before) of one setting."""
    tf.keras.utils.set_random_seed(1)
    config = Config(
        width=setting.network_width,
        pose_network_width=setting.network_width,
        levels=setting.levels,
        perceptual_weight=0.0,
        vgg19_weights="none",
        mixed_precision=mixed,
    )
    before = _reset_peak(device)
    stage = StageOne(config, *build.build_networks(config))
    optimizer = precision.build_optimizer(stage.trained, 1e-4)
    optimizer = precision.with_loss_scale(optimizer, stage.trained, config)
    stage.compile(optimizer=optimizer, jit_compile=False)
    data = triplets(setting.height, setting.width, batch)
    # With a signature: another batch would otherwise be traced once more.
    step = tf.function(stage.train_step)
    loss = float(step(data)["loss"])
    start = time.perf_counter()
    loss = float(step(data)["loss"]) if np.isfinite(loss) else loss
    seconds = time.perf_counter() - start
    return loss, seconds, max(_peak(device) - before, 0.0)


def triplets(height: int, width: int, batch: int) -> dict[str, tf.Tensor]:
    """Random frames in the form of `data.pipeline`."""
    rng = np.random.default_rng(0)
    frames = tf.constant(rng.random((batch, 3, height, width, 3)), tf.float32)
    k = np.array([[0.6 * width, 0, width / 2], [0, 0.6 * width, height / 2], [0, 0, 1]], np.float32)
    grid = camera.positional_grid(height, width)
    target, references = frames[:, 1], tf.stack([frames[:, 0], frames[:, 2]], axis=1)
    return {
        "target": target,
        "references": references,
        "target_low": target,
        "references_low": references,
        "intrinsics": tf.constant(np.tile(k, (batch, 1, 1))),
        "grid": tf.repeat(grid[None], batch, axis=0),
        "resize": tf.ones([batch]),
    }


def _reset_peak(device: str) -> float:
    """Starts to measure peak memory; GB in use now. NaN where the system does not say."""
    if "GPU" in device:
        tf.config.experimental.reset_memory_stats(device.strip("/"))
        return tf.config.experimental.get_memory_info(device.strip("/"))["current"] / 1e9
    try:
        _CLEAR.write_text("5")
    except OSError:
        pass  # the peak is then that of the whole process
    return _peak(device)


def _peak(device: str) -> float:
    if "GPU" in device:
        return tf.config.experimental.get_memory_info(device.strip("/"))["peak"] / 1e9
    if not _STATUS.exists():
        return float("nan")
    lines = (line.split() for line in _STATUS.read_text().splitlines())
    return next(int(words[1]) * 1024 / 1e9 for words in lines if words[0] == "VmHWM:")
