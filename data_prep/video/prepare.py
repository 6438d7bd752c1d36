"""From videos, or one folder of frames, to raw frames, a report and a data set."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil

import numpy as np
from PIL import Image

from aquanet_tf import files as files_module
from aquanet_tf.cameras import camera_file
from aquanet_tf.kitti import travel
from aquanet_tf.metric import speed as video_speed
from data_prep.dataset import origins
from data_prep.layouts import kitti
from data_prep.video import camera as video_camera
from data_prep.video import clips as video_clips
from data_prep.video import held_out
from data_prep.video import raw as video_raw
from data_prep.video import select as video_select
from data_prep.video.crop import NO_CROP, Crop
from data_prep.video.source import Source

RAW, RECORDS, REPORT = "raw", "records", "video.json"
# The data set of what --held_out keeps back.
HELD_OUT_RECORDS = "records_held_out"
# Below RAW: a frame in which the part that is cut off is dark.
CROP = "crop.png"


@dataclasses.dataclass(frozen=True)
class Options:
    """Every field is a flag of data_prep.video."""

    input: str
    out: str
    intrinsics: str = ""
    fov_deg: float = 0.0
    focal_px: float = 0.0
    distortion: tuple[float, ...] = ()
    crop: Crop = NO_CROP
    stride: str = "auto"
    height: int = 0
    min_flow: float = 0.05
    held_out: float = 0.0
    max_triplets: int = 0
    speed_kmh: float = 0.0
    speed_csv: str = ""
    fps: float = 0.0
    image_format: str = "jpeg"
    threads: int = 1


def prepare(options: Options) -> tuple[dict, dict[str, dict]]:
    """Writes raw frames, report and data sets; returns the report, and the manifests of the data
    sets by their folders below --out: RECORDS and, with `held_out`, HELD_OUT_RECORDS.

    Resumes an interrupted run of the same options. ValueError and OSError name the file or flag.
    """
    if options.stride != "auto" and not re.fullmatch(r"[1-9]\d{0,3}", options.stride):
        raise ValueError(f"--stride={options.stride}: expected auto, or a number from 1 to 9999")
    if not 0 <= options.min_flow < 100:
        raise ValueError(f"--min_flow={options.min_flow}: expected 0 to 100, % of the width")
    held_out.check(options.held_out, options.max_triplets)
    out = pathlib.Path(options.out)
    clips = video_clips.Clips.of(options.input)
    camera = video_camera.from_options(
        clips.shape, options.intrinsics, options.fov_deg, options.focal_px, options.distortion
    )
    source = Source(options.input, clips.paths)
    speed = video_speed.from_options(options.speed_kmh, options.speed_csv, options.fps, clips.paths)
    arguments = {
        "input": source.identity(),
        "K": camera.k.tolist(),
        "distortion": list(camera.lens.coefficients),
        "min_flow": options.min_flow,
        "image_format": options.image_format,
    }
    # Only where they matter, so that data sets of earlier versions can be resumed.
    if camera.lens.model != "radtan":
        arguments["distortion_model"] = camera.lens.model
    if any(options.crop):
        arguments["crop"] = list(options.crop)
    if speed:
        arguments.update(speed.arguments())
    report = _earlier(out, arguments, source)
    if report is None:
        kept = {"arguments": arguments, "files": source.record()}
        report = _write_raw(out, options, kept, camera, clips, speed)
    stride = report["stride"] if options.stride == "auto" else int(options.stride)
    splits = {RECORDS: "all"}
    if options.held_out or options.max_triplets:
        chosen = options.held_out, options.max_triplets
        lines = held_out.choose(report["scenes"], stride, *chosen)
        held_out.write(out, lines)
        splits = {RECORDS: str(out / held_out.TRAIN)}
        if options.held_out:
            splits[HELD_OUT_RECORDS] = str(out / held_out.HELD_OUT)
    return report, {
        name: _write_records(options, out / name, split, stride, speed is not None)
        for name, split in splits.items()
    }


def _write_records(options: Options, folder: pathlib.Path, split: str, stride: int, distances):
    """Writes one data set from the raw frames; its manifest."""
    return kitti.prepare(
        kitti.Options(
            raw_dir=str(pathlib.Path(options.out) / RAW),
            out=str(folder),
            split=split,
            height=options.height,
            stride=stride,
            image_format=options.image_format,
            static_filter=False,
            distances=distances,
            threads=options.threads,
        )
    )


def print_report(report: dict) -> None:
    """Size, kept, dropped, motion and warnings, one line each."""
    if crop := report["arguments"].get("crop"):
        print(f"--crop={','.join(map(str, crop))}: see {RAW}/{CROP} below --out")
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


def _earlier(out: pathlib.Path, arguments: dict, source: Source) -> dict | None:
    """The report of an earlier run whose raw frames are complete; None: there is none.

    ValueError when `out` holds anything else.
    """
    if (out / REPORT).is_file() and (out / RAW).is_dir():
        report = files_module.read(out / REPORT)
        before = report.get("arguments") or {}
        changed = _changed(before, arguments)
        changed += source.changes(before.get("input") or ["nothing"], report.get("files"))
        if not changed:
            return report
        raise ValueError(
            f"--out={out}: holds another video, camera or speed (changed: "
            f"{origins.listed(changed)}); choose another directory or remove it"
        )
    if out.is_dir() and any(not path.name.startswith(RAW) for path in out.iterdir()):
        raise ValueError(
            f"--out={out}: not empty and not of data_prep.video; choose another directory"
        )
    return None


def _changed(before: dict, now: dict) -> list[str]:
    """Names of the arguments that differ, except the input (`Source.changes`). K counts to six
    digits: earlier versions rounded it."""
    before, now = {**before, "input": None}, {**now, "input": None}
    matrices = [np.asarray(values.pop("K", None), np.float64) for values in (before, now)]
    same = matrices[0].shape == matrices[1].shape and np.allclose(*matrices, rtol=1e-6, atol=1e-4)
    names = [name for name in {*before, *now} if before.get(name) != now.get(name)]
    return sorted([*names, *([] if same else ["K"])])


def _write_raw(out: pathlib.Path, options: Options, kept: dict, camera, clips, speed) -> dict:
    """Chooses frames and writes them below `out`; the report, written last, marks them complete.

    kept: what the report holds beside the account of the frames.
    """
    writer = video_raw.Writer(camera, clips.shape, options.crop)
    width = options.crop.shape(clips.shape)[1]
    chosen = clips.select(camera.k[0, 0] / width, options.min_flow / 100, options.crop)
    stride = video_select.choose_stride(chosen.found)
    if options.stride != "auto":
        stride = int(options.stride)
    found = chosen.found
    if not any(len(scene) > 2 * stride for scene in found.scenes):
        raise ValueError(
            f"{options.input}: no three frames in motion, {stride} apart: of {found.frames} frames "
            f"{found.kept} are left (dropped: {_dropped(found.dropped)}; cuts: {found.cuts}); use "
            "a longer video, or lower --stride or --min_flow"
        )
    report = {**kept, **_report(chosen, stride)}
    if doubt := camera_file.doubt(camera.k, clips.shape):
        report["warnings"].append(f"{options.intrinsics}: {doubt}")
    unfinished = out / f"{RAW}.tmp"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(out / RAW, ignore_errors=True)
    writer.write_calibration(unfinished / video_raw.DATE)
    for path, drives in chosen.drives.items():
        writer.write_frames(unfinished, path, drives, options.image_format)
        for name, numbers in drives.items() if speed else ():
            travel.write(unfinished / name, speed.steps(path, numbers))
    if any(options.crop):
        Image.fromarray(options.crop.shown(clips.first)).save(unfinished / CROP)
    os.replace(unfinished, out / RAW)
    files_module.write(out / REPORT, report)
    return report


def _report(chosen: video_clips.Chosen, stride: int) -> dict:
    """What was seen, kept and dropped; `scenes`: DATE/DRIVE -> its frames' numbers in its clip.
    `clips`, where there are several: name -> its scenes; `left_out`: name -> why."""
    found = chosen.found
    scenes = {name: kept for drives in chosen.drives.values() for name, kept in drives.items()}
    report = {
        "frames": found.frames,
        "kept": found.kept,
        "dropped": dict(sorted(found.dropped.items())),
        "cuts": found.cuts,
        "stride": stride,
        "motion": video_select.describe(found, stride),
        "warnings": video_select.warnings(found, stride) + chosen.warnings,
        "scenes": scenes,
    }
    if len(chosen.drives) > 1 or chosen.left_out:
        report["clips"] = {path.name: list(drives) for path, drives in chosen.drives.items()}
        report["left_out"] = chosen.left_out
    return report


def _dropped(reasons) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in reasons.items()) or "none"
