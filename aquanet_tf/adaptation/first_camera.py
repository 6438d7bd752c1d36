"""The camera of an adaptation for which none is given: found in the images, or guessed."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

from aquanet_tf.adaptation import steps
from aquanet_tf.adaptation.clip import Clip
from aquanet_tf.cameras import camera_file
from aquanet_tf.jobs import job as job_module
from aquanet_tf.jobs import runner
from aquanet_tf.jobs.job import Job, plain
from aquanet_tf.media import inputs, video

# A usual dash-cam, where nothing is known.
FIELD_OF_VIEW = 75.0
_GUESS = ("--fov_deg", f"{FIELD_OF_VIEW:g}")


class FirstCamera(NamedTuple):
    """flags: of data_prep.video, which describe the camera. fov_deg: horizontal field of view of
    whole frames, degrees. warnings: what the user should know of it."""

    flags: tuple[str, str]
    fov_deg: float
    warnings: list[str]


def find(source: str, drive: Clip, out: pathlib.Path, command=steps.COMMANDS) -> FirstCamera:
    """Runs data_prep.calibrate on the input, whose result lies in OUT/camera.json.

    An adaptation that has begun keeps the camera that it began with.

    Args:
        source: --input; of several videos the largest is looked at.
        drive: the first look at it.
        out: directory of the adaptation.
        command: name of a step -> beginning of its argv.

    Raises ValueError as `jobs.runner.run`.
    """
    path = out / steps.CAMERA
    begun = _begun(out)
    if begun and not was_found(out):
        # One that began with a camera of the user is refused by its next step.
        return FirstCamera(_GUESS, FIELD_OF_VIEW, [_guessed("as this adaptation began")])
    failures = {} if begun else runner.run([_job(source, drive, out, command)], out)
    if reason := failures.get(steps.CALIBRATE):
        return FirstCamera(_GUESS, FIELD_OF_VIEW, [_guessed(reason)])
    degrees = camera_file.field_of_view(camera_file.load(path).k[0, 0], drive.width)
    warning = (
        f"no camera given: the images show one of {degrees:.0f} degrees ({path}). A drive straight "
        "ahead, as on a motorway, may show a wrong one; give --intrinsics or --fov_deg if you know"
    )
    return FirstCamera(("--intrinsics", str(path)), degrees, [warning])


def was_found(out: pathlib.Path) -> bool:
    """Whether the adaptation in `out` began with a camera that was found in its images."""
    record = job_module.record(out, steps.CALIBRATE)
    calibrated = record and record["finished"] and (out / steps.CAMERA).is_file()
    found = plain(["--intrinsics", str(out / steps.CAMERA)], out)
    return bool(calibrated) and _begun(out) == found


def _guessed(reason: str) -> str:
    return (
        f"no camera given: a field of view of {FIELD_OF_VIEW:g} degrees is assumed ({reason}). "
        "Training hardly corrects it: give --fov_deg as well as you know it"
    )


def _begun(out: pathlib.Path) -> list[str] | None:
    """The camera with which the frames of an adaptation in `out` were made; None without them."""
    record = job_module.record(out, "video")
    return record["what"]["wish"]["camera"] if record and record["finished"] else None


def _job(source, drive, out, command) -> Job:
    crop = ",".join(map(str, drive.crop))
    words = "--input", _one(source), "--out", str(out / steps.CAMERA), f"--crop={crop}"
    return Job(
        name=steps.CALIBRATE,
        command=(*command[steps.CALIBRATE], *words),
        what={"input": source, "crop": crop},
        output=out / steps.CAMERA,
        again=True,  # what has begun is guarded by the step `video`
        title="camera: from frames in which it turns; takes minutes, which --intrinsics saves",
    )


def _one(source: str) -> str:
    videos = [path for path in inputs.list_media(source) if video.is_video(path)]
    largest = max(videos, key=lambda path: path.stat().st_size, default=None)
    return str(largest) if len(videos) > 1 else source
