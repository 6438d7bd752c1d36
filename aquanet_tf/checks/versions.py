"""Python, packages, processor, memory, disk and ffmpeg. Imports no TensorFlow."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform
import shutil
import sys

import imageio_ffmpeg

import aquanet_tf
from aquanet_tf.checks.finding import Finding
from aquanet_tf.media import memory

PACKAGES = ("tensorflow", "keras", "numpy", "tensorflow-addons", "keras-cv")
SMALLEST_PYTHON = (3, 9)
# Free space, GB, below which checkpoints and records hardly fit.
SMALL_DISK = 5.0
_CPUINFO = pathlib.Path("/proc/cpuinfo")


def software() -> Finding:
    """Versions, and which of the two tested stacks they are."""
    found = {name: version(name) for name in PACKAGES}
    text = f"aquanet_tf {aquanet_tf.__version__}, Python {platform.python_version()}, "
    text += ", ".join(f"{name} {number or 'none'}" for name, number in found.items())
    keras = (found["keras"] or "0").split(".")[0]
    text += f" (stack Keras {keras}) on {platform.platform()}"
    fault = ""
    if sys.version_info < SMALLEST_PYTHON:
        fault = "Python 3.9 or newer is needed: make setup PYTHON=python3.11"
    elif not found["tensorflow"] or keras not in ("2", "3"):
        fault = "TensorFlow or Keras is missing: make setup"
    return Finding("software", text, fault)


def version(package: str) -> str:
    """Version of an installed package; empty without it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def machine(folder: str | pathlib.Path = ".") -> Finding:
    """Processor, memory and the disk that holds `folder`."""
    total, free = memory.memory()
    disk = shutil.disk_usage(folder).free / 1e9
    text = f"{processor()}, {os.cpu_count()} cores, {free:.1f} of {total:.1f} GB memory free, "
    hint = "" if disk > SMALL_DISK else "little disk is free: name another disk with --workdir"
    return Finding("machine", f"{text}{disk:.0f} GB disk free", hint=hint)


def processor() -> str:
    """Name of the processor."""
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def ffmpeg() -> Finding:
    """The ffmpeg that reads and writes videos."""
    try:
        return Finding("ffmpeg", str(imageio_ffmpeg.get_ffmpeg_exe()))
    except RuntimeError as error:
        fault = (
            "videos can be neither read nor written: pip install imageio-ffmpeg, or apt install "
            "ffmpeg and set IMAGEIO_FFMPEG_EXE"
        )
        return Finding("ffmpeg", f"none ({' '.join(str(error).split())[:80]})", fault)
