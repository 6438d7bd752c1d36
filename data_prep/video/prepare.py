"""From videos, or one folder of frames, to raw frames, a report and a data set."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re

import numpy as np
from PIL import Image

from aquanet_tf import files as files_module
from aquanet_tf.cameras import camera_file
from aquanet_tf.kitti import travel
from aquanet_tf.kitti.split_file import SplitEntry
from aquanet_tf.metric import speed as video_speed
from data_prep.dataset import earlier, origins
from data_prep.dataset import prepare as dataset_prepare
from data_prep.dataset.checks import inspection
from data_prep.layouts import kitti
from data_prep.video import camera as video_camera
from data_prep.video import clips as video_clips
from data_prep.video import folders, held_out
from data_prep.video import raw as video_raw
from data_prep.video import select as video_select
from data_prep.video.crop import NO_CROP, Crop
from data_prep.video.source import Source

RECORDS = "records"
# The data set of what --held_out keeps back.
HELD_OUT_RECORDS = "records_held_out"


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
    _require_triplets(options, report, stride)
    return report, {
        name: _write_records(options, out / name, split, stride, speed is not None)
        for name, split in _splits(options, out, report["scenes"], stride).items()
    }


def _splits(options: Options, out: pathlib.Path, scenes: dict, stride: int) -> dict[str, str]:
    """Folder of each data set below `out` -> its split; writes the split files.

    ValueError, before anything is written, when a data set is there that has other triplets: its
    split files tell what it was made of.
    """
    lines = {}
    if options.held_out or options.max_triplets:
        lines = held_out.choose(scenes, stride, options.held_out, options.max_triplets)
    files = {RECORDS: held_out.TRAIN, HELD_OUT_RECORDS: held_out.HELD_OUT}
    splits = {name: str(out / file) for name, file in files.items() if lines.get(file)}
    splits = splits or {RECORDS: "all"}
    for name in splits:
        _require_same(options, out / name, lines.get(files[name], []), stride)
    held_out.write(out, lines)
    return splits


def _require_same(options: Options, folder: pathlib.Path, lines: list[str], stride: int) -> None:
    """ValueError, naming the flags, when `folder` is a data set of another stride or of other
    `lines` (none: all frames)."""
    before = earlier.arguments(folder)
    if before is None:
        return
    if before.get("stride") != stride:
        raise ValueError(
            f"--stride={stride}: {folder} was made with {before.get('stride')}; keep it, or choose "
            "another --out"
        )
    places = (line.rpartition(" ") for line in lines)
    entries = [SplitEntry(drive, int(frame)) for drive, _, frame in places]
    content = dataset_prepare.split_content(entries) if entries else None
    if before.get("split_content") != content:
        made = "with other values of" if before.get("split_content") else "without"
        raise ValueError(
            f"--held_out={options.held_out:g} --max_triplets={options.max_triplets}: {folder} was "
            f"made {made} these flags; keep what it was made with, or choose another --out"
        )


def _write_records(options: Options, folder: pathlib.Path, split: str, stride: int, distances):
    """Writes one data set from the raw frames; its manifest."""
    return kitti.prepare(
        kitti.Options(
            raw_dir=str(pathlib.Path(options.out) / folders.RAW),
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
        print(f"--crop={','.join(map(str, crop))}: see {folders.RAW}/{video_raw.CROP} below --out")
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

    ValueError when `out` holds anything else, or the input.
    """
    if (out / folders.REPORT).is_file() and (out / folders.RAW).is_dir():
        report = files_module.read(out / folders.REPORT)
        before = report.get("arguments") or {}
        changed = _changed(before, arguments)
        changed += source.changes(before.get("input") or ["nothing"], report.get("files"))
        if not changed:
            return report
        raise ValueError(
            f"--out={out}: holds another video, camera or speed (changed: "
            f"{origins.listed(changed)}); choose another directory or remove it"
        )
    folders.check(out, [source.path, *source.files])
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
    width = options.crop.shape(clips.shape)[1]
    writer = _writer(options, camera, clips.shape)
    chosen = clips.select(camera.k[0, 0] / width, options.min_flow / 100, options.crop)
    stride = video_select.choose_stride(chosen.selection)
    if options.stride != "auto":
        stride = int(options.stride)
    report = {**kept, **_report(chosen, stride)}
    _require_triplets(options, report, stride)
    if text := camera_file.warning(camera.k, clips.shape):
        report["warnings"].append(f"{options.intrinsics}: {text}")
    unfinished = out / folders.UNFINISHED
    folders.remove(unfinished)
    folders.remove(out / folders.RAW)
    writer.write_calibration(unfinished / video_raw.DATE)
    for path, drives in chosen.drives.items():
        writer.write_frames(unfinished, path, drives, options.image_format)
        steps = speed.steps(path, list(drives.values())) if speed and drives else ()
        for name, found in zip(drives, steps):
            travel.write(unfinished / name, found)
    if any(options.crop):
        with files_module.named(unfinished / video_raw.CROP) as picture:
            Image.fromarray(options.crop.shown(clips.first)).save(picture)
    os.replace(unfinished, out / folders.RAW)
    files_module.write(out / folders.REPORT, report)
    return report


def _require_triplets(options: Options, report: dict, stride: int) -> None:
    """ValueError when no scene of a report has three frames that are `stride` apart."""
    if not any(len(scene) > 2 * stride for scene in report["scenes"].values()):
        raise ValueError(
            f"{options.input}: no three frames in motion, {stride} apart: of "
            f"{report['frames']} frames {report['kept']} are left (dropped: "
            f"{_dropped(report['dropped'])}; cuts: {report['cuts']}); use a longer video, or lower "
            "--stride or --min_flow"
        )


def _writer(options: Options, camera, shape: tuple[int, int]) -> video_raw.Writer:
    """The Writer. ValueError names the flag or the file of a distortion that cannot be undone, and
    the flag of a crop that does not leave a plausible camera."""
    try:
        writer = video_raw.Writer(camera, shape, options.crop)
    except ValueError as error:
        given = ",".join(f"{value:g}" for value in options.distortion)
        where = f"--distortion={given}" if given else options.intrinsics
        raise ValueError(f"{where}: {error}") from None
    # Before the first frame is read: corrected options are another video to the next run.
    if problem := inspection.camera_problem(writer.k, writer.shape):
        cut = ",".join(map(str, options.crop))
        where = f"--crop={cut} leaves" if any(options.crop) else "the frames have"
        raise ValueError(f"{where} {problem}; correct it or the camera")
    return writer


def _report(chosen: video_clips.Chosen, stride: int) -> dict:
    """What was seen, kept and dropped; `scenes`: DATE/DRIVE -> its frames' numbers in its clip.
    `clips`, where there are several: name -> its scenes; `left_out`: name -> why."""
    selection = chosen.selection
    scenes = {name: kept for drives in chosen.drives.values() for name, kept in drives.items()}
    report = {
        "frames": selection.frames,
        "kept": selection.kept,
        "dropped": dict(sorted(selection.dropped.items())),
        "cuts": selection.cuts,
        "stride": stride,
        "motion": video_select.describe(selection, stride),
        "warnings": video_select.warnings(selection, stride) + chosen.warnings,
        "scenes": scenes,
    }
    if len(chosen.drives) > 1 or chosen.left_out:
        report["clips"] = {path.name: list(drives) for path, drives in chosen.drives.items()}
        report["left_out"] = chosen.left_out
    return report


def _dropped(reasons) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in reasons.items()) or "none"
