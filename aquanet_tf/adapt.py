"""Turns one drive of an unknown camera into a depth network for it.

    python -m aquanet_tf.adapt --input TRIP.mp4 [--camera_height 1.4] --out MYCAM

Looks at the video and cuts off what never moves (hood, burnt-in text, bars); finds the camera where
none is given; chooses frames in motion and holds back the last tenth; fine-tunes the shipped
network in both stages; finds the meters of one unit from the height of the camera or from the
speed; exports. Writes below MYCAM
  index.html        one page: errors before and after, pictures, the camera, meters, warnings;
  adaptation.json   the same numbers;
  saved_model/, model.tflite   the network, each with its model card;
  camera.json       the camera that the images show, if they do (data_prep.calibrate);
  clip/             frames and records (data_prep.video); stage1/, stage2/: the trainings; logs/.
It says at every step what it does, and at the end what may be wrong. A video that cannot work
(dark, of a camera that stands still, without a road, a few seconds) ends with the reason. Re-run an
interrupted command to resume it: finished steps are kept, a training resumes after its last epoch.

An experiment: docs/adapt.md measures where the depth became worse.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from absl import flags

from aquanet_tf import cli, files
from aquanet_tf.adaptation import clip, findings, first_camera, recipe, road, steps
from aquanet_tf.adaptation.request import Request, check_camera, check_meters
from aquanet_tf.jobs import runner
from aquanet_tf.runs.layout import shipped


def define_flags() -> None:
    """The flags of the command."""
    text = "Video, folder of videos, or folder of images in order of time."
    cli.define_path("input", None, text, required=True)
    text = "Directory for everything it writes."
    cli.define_output("out", None, text, required=True, folder=True)
    cli.define_path("init_from", str(shipped("roads")), "Run or release to start from.")
    cli.define_path("intrinsics", "", "Camera file; the camera is then not learned.")
    text = "Horizontal field of view, degrees, as first guess; 0: looked for in the images."
    flags.DEFINE_float("fov_deg", 0.0, text, lower_bound=0)
    flags.DEFINE_alias("fov", "fov_deg")
    flags.DEFINE_list("crop", [], "TOP,BOTTOM,LEFT,RIGHT pixels to cut off; left out: found.")
    text = "Height of the camera above the road, meters; 0: unknown."
    flags.DEFINE_float("camera_height", 0.0, text, lower_bound=0)
    flags.DEFINE_float("speed_kmh", 0.0, "Constant speed of the car, km/h; 0: unknown.")
    cli.define_path("speed_csv", "", "CSV time_s,kmh or frame,kmh, as for data_prep.video.")
    flags.DEFINE_float("fps", 0.0, "Frames per second of a folder of images, for the speed.")
    flags.DEFINE_integer("epochs", 0, "Epochs of each stage, 50 steps each; 0: 8.", 0)


def adapt(
    request: Request,
    start: recipe.Source,
    drive: clip.Clip,
    epochs: int,
    *,
    check: Callable[[], list[str]] = list,
    commands: dict[str, tuple[str, ...]] = steps.COMMANDS,
) -> dict:
    """Runs the steps that are not finished; returns the content of adaptation.json.

    Args:
        request: what to adapt to, and where.
        start: the run to start from.
        drive: the first look at the input.
        epochs: of each stage; 0: as many as the recipe has.
        check: returns warnings about the trained network; called after the last step.
        commands: beginnings of the commands of the steps.

    Raises ValueError when a step fails that the others need, and as `jobs.runner.run`.
    """
    learned = not any(flag.startswith("--intrinsics") for flag in request.camera)
    options = recipe.options(start, request.out, drive.shape, learned, epochs)
    todo, page = steps.jobs(request, start, options, commands)

    def write_flags():
        for name, config in zip((recipe.STAGE1, recipe.STAGE2), options):
            recipe.write(config, request.out / f"{name}.flags")

    failures = runner.run(todo, request.out, before=write_flags)
    if serious := {name: why for name, why in failures.items() if name != steps.SCALE}:
        name, reason = next(iter(serious.items()))
        raise ValueError(f"{name}: {reason}")
    content = findings.collect(request.out, [*drive.warnings, *check()], failures)
    files.write(request.out / findings.FILE, content)
    if failed := runner.run([page], request.out):
        raise ValueError(f"page: {failed['page']}")
    return content


def _checked(options) -> recipe.Source:
    """The run to start from. ValueError for flags that a later step would refuse: the look at the
    clip takes half a minute, the trainings take many."""
    speed = options.speed_kmh, options.speed_csv, options.fps
    check_meters(options.input, options.camera_height, *speed)
    check_camera(options.input, options.intrinsics, options.fov_deg)
    start = recipe.source(options.init_from)
    recipe.require_camera(start, not options.intrinsics)
    return start


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    cli.exit_on_sigterm()
    out = pathlib.Path(options.out)
    if files.is_pattern(out.absolute()):
        raise ValueError(
            f"--out={out}: TensorFlow cannot load exports from a path with one of * ? [ ] and the "
            "backslash; choose another one"
        )
    start = _checked(options)
    print(f"looking at {options.input}", flush=True)
    drive = clip.look(options.input, options.crop)
    print(drive.line(), flush=True)
    place = options.input, drive, options.fov_deg or first_camera.FIELD_OF_VIEW
    before = road.look(options.init_from, *place)
    road.require(before, options.input, options.init_from)
    camera = ("--fov_deg", f"{options.fov_deg:g}")
    if options.intrinsics:
        camera = ("--intrinsics", options.intrinsics)
    elif not options.fov_deg:
        camera, degrees, warnings = first_camera.find(options.input, drive, out)
        drive = drive.with_warnings(warnings)
        if degrees != place[-1]:
            # The look after the training is compared with this one: both by the same camera.
            place = options.input, drive, degrees
            before = road.look(options.init_from, *place)
    names = ("speed_kmh", "speed_csv", "fps")
    speed = tuple(f"--{name}={options[name].value}" for name in names if options[name].value)
    request = Request(options.input, out, camera, drive.crop, speed, options.camera_height)

    def check():
        return road.warnings(before, road.look(str(out / recipe.STAGE2), *place))

    content = adapt(request, start, drive, options.epochs, check=check)
    print(findings.text(content))
    print(f"open {out / steps.PAGE}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
