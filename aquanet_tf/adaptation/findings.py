"""What an adaptation found: errors before and after, the camera, meters, and warnings."""

from __future__ import annotations

import pathlib

from aquanet_tf import files
from aquanet_tf.adaptation import first_camera, recipe, steps
from aquanet_tf.cameras import camera_file
from aquanet_tf.jobs import job
from aquanet_tf.runs import history
from aquanet_tf.runs.layout import HISTORY_FILE, INTRINSICS_FILE, SCALE_FILE, START_FILE

FILE = "adaptation.json"
_ERROR = "val_photometric"
# Relative change of the photometric error that counts as an improvement.
_BETTER = 0.01
# Spread of the scale over frames, above which it is not trusted.
_WIDE = 0.15
_FEW_TRIPLETS = 100


def collect(out: pathlib.Path, warnings: list[str], failures: dict[str, str]) -> dict:
    """The content of adaptation.json.

    Args:
        out: directory of the adaptation, all steps done.
        warnings: of the first look at the video, and of the look at the trained network.
        failures: of the jobs, name -> reason.
    """
    report = files.read(out / steps.CLIP / steps.REPORT)
    stages = {name: _errors(out / name) for name in (recipe.STAGE1, recipe.STAGE2)}
    camera = _learned_camera(out / recipe.STAGE2) or _found_camera(out)
    scale = _scale(out / recipe.STAGE2)
    content = {
        "frames": {name: report[name] for name in ("frames", "kept", "cuts", "stride")},
        "photometric": stages,
        "camera": camera,
        "scale": scale,
        "seconds": {name: job.seconds(out, name) for name in _TIMED},
    }
    content["warnings"] = [*warnings, *report["warnings"], *_warnings(content, failures)]
    return content


_EXPORTS = ("saved_model", "tflite")
_TIMED = (steps.CALIBRATE, "video", recipe.STAGE1, recipe.STAGE2, steps.SCALE, *_EXPORTS)


def text(content: dict) -> str:
    """What is printed."""
    lines = []
    for name, (before, after) in content["photometric"].items():
        lines.append(f"{name}: photometric error on held-out frames {before:.4f} -> {after:.4f}")
    if camera := content["camera"]:
        lines.append(
            f"camera: horizontal field of view {camera['fov_deg']:.1f} degrees ({origin(camera)})"
        )
    if scale := content["scale"]:
        lines.append(
            f"depth: {scale['metres_per_unit']:.4g} m per unit ({scale['method']}, spread "
            f"{scale['spread']:.0%})"
        )
    lines += [f"warning: {warning}" for warning in content["warnings"]]
    return "\n".join(lines)


def origin(camera: dict) -> str:
    """Where the camera of adaptation.json comes from, in a few words."""
    if camera["first_fov_deg"] is None:
        return "found in the images"
    return f"learned; began at {camera['first_fov_deg']:.1f}"


def _errors(workdir: pathlib.Path) -> list[float]:
    """Photometric error on the held-out frames, before the first and after the last epoch."""
    rows = history.read_history(workdir / HISTORY_FILE)
    start = workdir / START_FILE
    first = files.read(start)[_ERROR] if start.is_file() else float(rows[0][_ERROR])
    return [first, float(rows[-1][_ERROR])]


def _found_camera(out: pathlib.Path) -> dict | None:
    """The camera that data_prep.calibrate has found; None where another one was taken."""
    if not first_camera.was_found(out):
        return None
    found = files.read(out / steps.CAMERA)
    return {
        **{name: found[name] for name in ("fx", "fy", "cx", "cy", "width", "height")},
        "spread": {"fx": found["fx"] * found["calibrated"]["focal_std_percent"] / 100},
        "fov_deg": camera_file.field_of_view(found["fx"], found["width"]),
        "first_fov_deg": None,
        "comment": "",
    }


def _learned_camera(workdir: pathlib.Path) -> dict | None:
    """The learned camera; None where it was given or found before."""
    path = workdir / INTRINSICS_FILE
    if not path.is_file():
        return None
    learned = files.read(path)
    (each,) = learned["learned"]["sets"]
    return {
        **{name: each[name] for name in ("fx", "fy", "cx", "cy", "width", "height", "spread")},
        "fov_deg": camera_file.field_of_view(each["fx"], each["width"]),
        "first_fov_deg": camera_file.field_of_view(each["first_guess"]["fx"], each["width"]),
        "comment": learned["comment"],
    }


def _scale(workdir: pathlib.Path) -> dict | None:
    path = workdir / SCALE_FILE
    return files.read(path) if path.is_file() else None


def _warnings(content: dict, failures: dict[str, str]) -> list[str]:
    warnings = []
    for name, (before, after) in content["photometric"].items():
        if after > (1 - _BETTER) * before:
            warnings.append(
                f"{name} did not lower the photometric error on held-out frames ({before:.4f} -> "
                f"{after:.4f}): the network knows this camera no better than before"
            )
    if content["frames"]["kept"] < _FEW_TRIPLETS:
        warnings.append(
            f"only {content['frames']['kept']} frames are in motion: use a longer drive"
        )
    if (camera := content["camera"]) and camera["comment"]:
        warnings.append(camera["comment"])
    if reason := failures.get(steps.SCALE):
        warnings.append(f"no meters: {reason}")
    elif scale := content["scale"]:
        if scale["spread"] > _WIDE:
            warnings.append(f"the scale differs between frames by {scale['spread']:.0%} (spread)")
    else:
        warnings.append("depth is relative: --camera_height or a speed gives meters")
    return warnings
