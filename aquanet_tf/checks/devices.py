"""The devices that TensorFlow sees, GPUs that it does not see, and the C++ operations."""

from __future__ import annotations

import os
import shutil
import subprocess

import tensorflow as tf

from aquanet_tf.checks.finding import Finding
from aquanet_tf.native import library

NO_GPU = "no GPU was seen; GPU paths were not tried"


def names() -> list[str]:
    """The devices to try, as tf.device takes them: /CPU:0, then every GPU."""
    return ["/CPU:0", *(f"/GPU:{i}" for i, _ in enumerate(_gpus()))]


def _gpus():
    return tf.config.list_physical_devices("GPU")


def gpus() -> Finding:
    """GPUs of the driver (nvidia-smi) and of TensorFlow."""
    installed, seen = driver_gpus(), _gpus()
    if seen:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in seen]
        names = [str(found.get("device_name", "unnamed")) for found in details]
        return Finding("GPU", f"TensorFlow sees {len(seen)}: {', '.join(names)}")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not installed or hidden in ("", "-1"):
        why = f" (CUDA_VISIBLE_DEVICES={hidden} hides them)" if hidden in ("", "-1") else ""
        return Finding("GPU", NO_GPU + why)
    cuda = tf.sysconfig.get_build_info().get("cuda_version", "")
    fix = (
        'pip install -c constraints/keras2.txt -e ".[gpu]" (constraints/keras3.txt from Python '
        f"3.12 on) brings the libraries of CUDA {cuda}; then start a new shell"
        if cuda
        else "this TensorFlow was built without CUDA: make setup installs one with it"
    )
    text = f"nvidia-smi lists {'; '.join(installed)}, but TensorFlow sees none. {NO_GPU}"
    return Finding("GPU", text, f"training would use the processor alone: {fix}")


def driver_gpus() -> list[str]:
    """Name, driver and memory of each GPU according to nvidia-smi; none without it."""
    if not shutil.which("nvidia-smi"):
        return []
    query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            ["nvidia-smi", *query], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [
        line.strip() for line in done.stdout.splitlines() if line.strip() and not done.returncode
    ]


def native() -> Finding:
    """The C++ operations, which are optional."""
    command = "python -m aquanet_tf.native.build"
    path = library.path()
    if library.available():
        return Finding("C++ operations", path.name)
    if path.exists():
        hint = f"training is slower without them: remove {path} and run {command}"
        return Finding("C++ operations", f"{path.name} does not load", hint=hint)
    hint = f"training on a processor is slower without them: {command}"
    return Finding("C++ operations", "not built for this TensorFlow and processor", hint=hint)


def gigabytes(device: str) -> float:
    """Memory of a GPU, GB, by nvidia-smi; 0 for another device, and where it is not known."""
    kind, _, number = device.strip("/").partition(":")
    listed = driver_gpus() if kind == "GPU" else []
    try:
        return float(listed[int(number)].rpartition(",")[2].split()[0]) * 2**20 / 1e9
    except (IndexError, ValueError):
        return 0.0
