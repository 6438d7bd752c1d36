"""Inverse depth (the paper's disparity) of images and videos.

    python -m aquanet_tf.predict --model RUN|SAVED_MODEL|FILE.tflite --input WHAT --out DIR

WHAT is an image, a video, a folder of both, a pattern like 'photos/*.jpg', or - for paths on
standard input, one per line. For each NAME.jpg, at its size, --write chooses from
  npy    NAME.npy         float32 [H, W] inverse depth in relative units: depth is 1 / inverse
                          depth, up to one unknown scale; of a run in meters (--speed_weight of
                          training) in 1 / meters;
  png16  NAME_16bit.png   the same as uint16: inverse depth = value * scale; the PNG's text holds
                          the scale;
  color  NAME_color.png   colored inverse depth, in one range for all images of the call; the PNG's
                          text holds the range;
  ply    NAME.ply         a point cloud, in meters where the scale is known; the camera
                          comes from --intrinsics, --fov, or EXIF;
  depth  NAME_depth.png   depth as KITTI stores it: uint16, meters * 256, 0 beyond 255.99 m; needs
                          the scale;
  moving NAME_moving.png  255 where something likely moves, else 0: the SPIMO mask of a stage-1
                          run, or of a SavedModel with the signature moving_objects.
The scale, meters per unit, is that of --metres_per_unit, else that of the model: of the run's
scale.json (`aquanet_tf.scale`) or of the export.
A video gives NAME_color.mp4 in one color range; --write adds the files of each frame in NAME/.
--undistort, for networks trained on undistorted images, first undistorts each image with the camera
file of --intrinsics and cuts off what has no image; all files are then of the undistorted image.
The image that comes with a released network is a self-check: its number is printed beside the one
that is expected. predictions.json holds range, scale, units, sizes and milliseconds, and lists
inputs that could not be read. Those are skipped, and the exit code is then 1.
"""

from __future__ import annotations

import math
import pathlib
import sys

from absl import flags

from aquanet_tf import cli
from aquanet_tf.inference import known_answer, predict_all
from aquanet_tf.inference.loader import open_model
from aquanet_tf.inference.writer import FORMATS
from aquanet_tf.media import inputs, point_cloud
from aquanet_tf.runs import scale


def parse_range(text: str) -> tuple[float, float] | None:
    """'0.01,0.3' -> (0.01, 0.3); empty -> None. Raises ValueError naming the flag."""
    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not (high > low and math.isfinite(high - low)):
        raise ValueError(f"--range={text}: expected two ascending numbers like 0.005,0.3")
    return low, high


def parse_write(text: str) -> tuple[str, ...]:
    """'npy,ply' -> ('npy', 'ply'); empty -> (). Raises ValueError naming the flag."""
    chosen = tuple(part.strip() for part in text.split(",") if part.strip())
    if unknown := set(chosen) - set(FORMATS):
        raise ValueError(f"--write={text}: unknown {sorted(unknown)}; choose from {FORMATS}")
    return chosen


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", "", "Directory of a training run; the same as --model.")
    cli.define_path("model", "", "A run, a SavedModel (or its versions), or a .tflite file.")
    cli.define_checkpoint("the run")
    cli.define_path("input", None, "Image, video, folder, pattern, or -.", required=True)
    cli.define_output("out", None, "Directory for the results.", required=True, folder=True)
    flags.DEFINE_string("write", "", "npy,png16,color,ply,depth,moving; empty: the first three.")
    text = "Meters of one unit of depth; 0: none; left out: what the model knows."
    flags.DEFINE_float("metres_per_unit", None, text)
    flags.DEFINE_integer("height", 0, "Working height of a run; 0: its own (its --working_height).")
    cli.define_grid_shift()
    flags.DEFINE_string("range", "", "Color range of inverse depth, low,high; empty: measured.")
    text = "For ply and --undistort: fx,fy,cx,cy in pixels, or a camera file."
    cli.define_path("intrinsics", "", text)
    flags.DEFINE_float("fov", 0.0, "For ply: horizontal field of view in degrees.")
    flags.DEFINE_alias("fov_deg", "fov")
    text = "Undistort the images first, as data_prep.video does, with the lens of --intrinsics."
    flags.DEFINE_bool("undistort", False, text)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    color_range, formats = parse_range(options.range), parse_write(options.write)
    camera = point_cloud.parse_camera(options.intrinsics, options.fov, options.undistort)
    if bool(options.model) == bool(options.workdir):
        raise ValueError("give either --model or --workdir")
    paths = inputs.paths(options.input)
    out = pathlib.Path(options.out)
    if isinstance(paths, list):  # those of a stream are checked as they come
        for path in paths:
            predict_all.check_apart(path, out)
    scale.check(options.metres_per_unit)
    model = options.model or options.workdir
    network = open_model(model, options.height, options.checkpoint, options.grid_shift)
    as_it_is = not options.height and options.grid_shift is None
    if as_it_is and known_answer.is_about(model, options.input):
        answer = known_answer.ask(network, model)
        verdict = "as released" if answer.right else "NOT as released: see aquanet_tf.doctor"
        print(f"self-check: {answer.line()}: {verdict}")
    source = "the model's own scale"
    if options.metres_per_unit is not None:
        network.metres_per_unit = options.metres_per_unit or None
        source = "--metres_per_unit"
    print(scale.Scale(network.metres_per_unit or 0.0, source).line())
    document = predict_all.predict_all(paths, network, out, color_range, formats, camera)
    print(predict_all.summary(document))
    if document["images"] or document["videos"]:
        print(f"written: {out}")
    if failed := document["failed"]:
        for entry in failed:
            print(f"skipped: {entry['error']}", file=sys.stderr)
        count = len(failed) + len(document["images"]) + len(document["videos"])
        sys.exit(f"error: {len(failed)} of {count} inputs could not be predicted")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
