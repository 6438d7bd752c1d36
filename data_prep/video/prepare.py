"""From one video, or one folder of frames, to raw frames, report and records."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil

import numpy as np
from PIL import Image

from aquanet_tf import files as files_module
from aquanet_tf import progress
from aquanet_tf.geometry import camera as geometry_camera
from aquanet_tf.media import video
from data_prep.dataset import encode, shards
from data_prep.layouts import kitti
from data_prep.video import camera as video_camera
from data_prep.video import frames as video_frames
from data_prep.video import select as video_select
from data_prep.video import undistort

# A date is what the layout wants; this one says that nobody knows.
DATE = "2000_01_01"
RAW, RECORDS, REPORT = "raw", "records", "video.json"


@dataclasses.dataclass(frozen=True)
class Options:
    """Every field is a flag of the same name (see `define_flags`)."""

    input: str
    out: str
    intrinsics: str = ""
    fov_deg: float = 0.0
    focal_px: float = 0.0
    distortion: tuple[float, ...] = ()
    stride: str = "auto"
    height: int = 0
    min_flow: float = 0.05
    image_format: str = "jpeg"
    threads: int = 1


def prepare(options: Options) -> tuple[dict, dict]:
    """Makes raw frames, report and records; the report and the records' manifest.

    Running it again completes an interrupted run. ValueError and OSError name file or flag.
    """
    if options.stride != "auto" and not re.fullmatch(r"[1-9]\d{0,3}", options.stride):
        raise ValueError(f"--stride={options.stride}: expected auto, or a number from 1 on")
    if not 0 <= options.min_flow < 100:
        raise ValueError(f"--min_flow={options.min_flow}: expected % of the width, from 0 on")
    out = pathlib.Path(options.out)
    first = next(video_frames.read(options.input))
    camera = video_camera.from_options(
        first.shape[:2], options.intrinsics, options.fov_deg, options.focal_px, options.distortion
    )
    arguments = {
        "input": _identity(pathlib.Path(options.input)),
        "K": camera.k.tolist(),
        "distortion": list(camera.distortion),
        "min_flow": options.min_flow,
        "image_format": options.image_format,
    }
    report = _earlier(out, arguments) or _write_raw(out, options, camera, arguments, first.shape)
    stride = report["stride"] if options.stride == "auto" else int(options.stride)
    prepared = kitti.prepare(
        kitti.Options(
            raw_dir=str(out / RAW),
            out=str(out / RECORDS),
            height=options.height,
            stride=stride,
            image_format=options.image_format,
            static_filter=False,
            threads=options.threads,
        )
    )
    return report, prepared


def _identity(path: pathlib.Path) -> list:
    """Changes whenever the input does: names, sizes and times of its files."""
    files = video_frames.names(path) or [path]
    stats = [(file.name, file.stat()) for file in files]
    listed = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    return [str(path.resolve()), shards.digest(listed)[:16]]


def _earlier(out: pathlib.Path, arguments: dict) -> dict | None:
    """The report of an earlier run whose frames are complete; None to begin."""
    if (out / REPORT).is_file() and (out / RAW).is_dir():
        report = files_module.read(out / REPORT)
        if report.get("arguments") == arguments:
            return report
        raise ValueError(f"--out={out}: holds another video or camera; choose another or remove it")
    if out.is_dir() and any(not path.name.startswith(RAW) for path in out.iterdir()):
        raise ValueError(f"--out={out}: not empty and not of this command; choose another")
    return None


def _write_raw(out, options, camera, arguments, shape) -> dict:
    lens = None
    if any(camera.distortion):
        lens = undistort.Undistorter(camera.k, camera.distortion, shape[:2])
    frames = progress.bar(video_frames.read(options.input), desc="measuring motion", unit="frame")
    found = video_select.select(frames, camera.k[0, 0] / shape[1], options.min_flow / 100)
    stride = video_select.choose_stride(found)
    if options.stride != "auto":
        stride = int(options.stride)
    if not any(len(scene) > 2 * stride for scene in found.scenes):
        raise ValueError(
            f"{options.input}: no three frames in motion, {stride} apart: of {found.frames} frames "
            f"{found.kept} are left (dropped: {_dropped(found.dropped)}; cuts: {found.cuts}); take "
            "a longer drive, or lower --stride or --min_flow"
        )
    warnings = video_select.warnings(found, stride) + _cut_off(options.input, found.frames)
    stem = re.sub(r"[^\w-]+", "_", pathlib.Path(options.input).stem) or "video"
    drives = {f"{DATE}/{stem}_{n:04d}": scene for n, scene in enumerate(found.scenes)}
    unfinished = out / f"{RAW}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(out / RAW, ignore_errors=True)
    _write_calibration(unfinished / DATE, camera, lens, shape)
    _write_frames(unfinished, options, drives, lens)
    os.replace(unfinished, out / RAW)
    report = {
        "arguments": arguments,
        "frames": found.frames,
        "kept": found.kept,
        "dropped": dict(sorted(found.dropped.items())),
        "cuts": found.cuts,
        "stride": stride,
        "motion": video_select.describe(found, stride),
        "warnings": warnings,
        "scenes": drives,
    }
    files_module.write(out / REPORT, report)
    return report


def _dropped(reasons) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in reasons.items()) or "none"


def _cut_off(path: str, decoded: int) -> list[str]:
    """A warning when a video file says that it has more frames than could be decoded."""
    path = pathlib.Path(path)
    announced = video.announced(path) if path.is_file() else 0
    if decoded >= 0.95 * announced - 2:
        return []
    return [f"{decoded} of about {announced} frames could be decoded: is the file cut off?"]


def _write_calibration(folder: pathlib.Path, camera, lens, shape) -> None:
    top, left, height, width = lens.window if lens else (0, 0, *shape[:2])
    k = np.asarray(geometry_camera.crop_intrinsics(camera.k, left, top))
    folder.mkdir(parents=True)
    rows = np.hstack([k, np.zeros((3, 1))]).ravel()
    text = f"S_rect_02: {width} {height}\nP_rect_02: {' '.join(f'{x:.9e}' for x in rows)}\n"
    (folder / "calib_cam_to_cam.txt").write_text(text)


def _write_frames(raw: pathlib.Path, options, drives: dict, lens) -> None:
    suffix = {"jpeg": "jpg"}.get(options.image_format, options.image_format)
    targets = {}
    for drive, numbers in drives.items():
        folder = raw / drive / "image_02" / "data"
        folder.mkdir(parents=True)
        targets.update({n: folder / f"{i:010d}.{suffix}" for i, n in enumerate(numbers)})
    frames = enumerate(video_frames.read(options.input))
    for number, frame in progress.bar(frames, desc="writing frames", unit="frame"):
        if number in targets:
            if lens is not None:
                frame = lens(frame)
            data = encode.encode_pixels(Image.fromarray(frame), options.image_format)
            targets.pop(number).write_bytes(data)
    if targets:
        raise ValueError(f"{options.input}: frame {min(targets)} cannot be decoded a second time")


def print_report(report: dict) -> None:
    """Kept, dropped, motion and warnings, one line each."""
    print(
        f"kept {report['kept']} of {report['frames']} frames in {len(report['scenes'])} scenes; "
        f"dropped: {_dropped(report['dropped'])}; cuts: {report['cuts']}; stride {report['stride']}"
    )
    if seen := report["motion"]:
        low, middle, high = seen["flow_percent"]
        print(
            f"motion between kept frames, % of the width: {middle} (10th to 90th percentile {low} "
            f"to {high}), without rotation {seen['parallax_percent'][1]}; "
            f"{seen['rotation_only_share']:.0%} of the steps only rotate"
        )
    for text in report["warnings"]:
        print(f"warning: {text}")
