"""One training step of stage 1 in each precision: finite or not, time, memory, batch that fits."""

from __future__ import annotations

import contextlib
import pathlib
import time
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from aquanet_tf.checks.finding import Finding
from aquanet_tf.config import Config
from aquanet_tf.geometry import camera
from aquanet_tf.media import memory
from aquanet_tf.networks import build
from aquanet_tf.training.stages import precision
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


# The paper's on a GPU; on a processor that of the demo, and in half precision, which processors
# compute slowly, a tiny one.
PAPER, DEMO, TINY = Setting(192, 640, 1.0, 33), Setting(64, 208, 0.25, 13), Setting(32, 96, 0.1, 5)
# Images of the two steps whose memory tells how much one image takes.
FEW, MORE = 1, 5


def check(device: str, gigabytes: float = 0.0) -> list[Finding]:
    """One finding for each precision on `device`.

    gigabytes: memory of the device; 0: what is free of the machine's.
    """
    room = gigabytes or memory.memory()[1]
    return [_tried(device, name, room) for name in PRECISIONS]


def _tried(device, name, room) -> Finding:
    title, gpu = f"step in {name} on {device}", "GPU" in device
    setting = PAPER if gpu else DEMO if name == "float32" else TINY
    batches = (FEW, MORE) if gpu or name == "float32" else (FEW,)
    try:
        with tf.device(device):
            runs = [run(device, setting, PRECISIONS[name], batch) for batch in batches]
    except (tf.errors.OpError, ValueError, NotImplementedError) as error:
        return _refused(title, name, f"does not run: {' '.join(str(error).split())[:200]}")
    if not np.isfinite([step.loss for step in runs]).all():
        return _refused(title, name, "the loss is not finite")
    text = f"loss {runs[0].loss:.3f}"
    for batch, step in zip(batches, runs):
        text += f"; batch {batch}: {step.seconds:.2f} s, peak {step.gigabytes:.2f} GB"
    if len(runs) > 1:
        text += f"; {fitting(runs[0].gigabytes, runs[1].gigabytes, room)}"
    return Finding(title, f"{text} ({setting.text()})")


def fitting(few: float, more: float, room: float) -> str:
    """The batch that fits in `room` GB, from the peaks of batches of FEW and MORE images."""
    each = (more - few) / (MORE - FEW)
    if not each > 1e-3 or not room > few:
        return "too little memory was used to estimate the batch that fits"
    return f"about {FEW + int((_USABLE * room - few) / each)} images fit in {room:.1f} GB"


def _refused(title, name, text) -> Finding:
    if name == "float32":
        return Finding(title, text, "training cannot work here: send us this report")
    return Finding(title, text, hint="leave --mixed_precision off on this device")


class Step(NamedTuple):
    """Loss and seconds of a step, and the peak memory in GB, of a GPU or of this process."""

    loss: float
    seconds: float
    gigabytes: float


def run(device: str, setting: Setting, mixed: str, batch: int) -> Step:
    """Two training steps of stage 1 on random frames; `mixed` is --mixed_precision."""
    tf.keras.utils.set_random_seed(1)
    config = Config(
        width=setting.network_width,
        pose_network_width=setting.network_width,
        levels=setting.levels,
        perceptual_weight=0.0,
        vgg19_weights="none",
        mixed_precision=mixed,
    )
    _reset_peak(device)
    stage = StageOne(config, *build.build_networks(config))
    optimizer = precision.build_optimizer(stage.trained, 1e-4)
    optimizer = precision.with_loss_scale(optimizer, stage.trained, config)
    stage.compile(optimizer=optimizer, jit_compile=False)
    data = triplets(setting.height, setting.width, batch)
    step = tf.function(stage.train_step)
    float(step(data)["loss"])
    start = time.perf_counter()
    loss = float(step(data)["loss"])
    return Step(loss, time.perf_counter() - start, _peak(device))


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


def _reset_peak(device: str) -> None:
    """Starts to measure the peak memory, where the system can."""
    if "GPU" in device:
        tf.config.experimental.reset_memory_stats(device.strip("/"))
        return
    with contextlib.suppress(OSError):  # else the peak is that since the start of the process
        _CLEAR.write_text("5")


def _peak(device: str) -> float:
    if "GPU" in device:
        return tf.config.experimental.get_memory_info(device.strip("/"))["peak"] / 1e9
    if not _STATUS.exists():
        return float("nan")
    lines = (line.split() for line in _STATUS.read_text().splitlines())
    return next(int(words[1]) * 1024 / 1e9 for words in lines if words[0] == "VmHWM:")
