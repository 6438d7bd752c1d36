"""Writes a data set for training from driving videos, or a folder of frames.

    python -m data_prep.video --input FILE_or_DIR --out DIR (--intrinsics FILE | --fov_deg X |
        --focal_px X) [--distortion k1,k2,p1,p2[,k3]] [--crop TOP,BOTTOM,LEFT,RIGHT]
        [--stride auto|N] [--height H] [--held_out SHARE] [--max_triplets N]
        [--speed_kmh X | --speed_csv FILE] [--fps X]

Written: DIR/raw, the chosen frames in KITTI raw layout; DIR/records, the data set; DIR/video.json,
which frames were kept and dropped and how they move. Repeated frames and frames at a standstill are
dropped; cuts and long stops divide scenes. With --distortion images are undistorted and cropped to
the valid region. A folder of videos is one data set of one camera; each video begins a new scene.
With a speed the records hold the meters traveled. --held_out=0.1 keeps the last tenth of the
frames out of the data set, in one of its own, DIR/records_held_out, for the validation of training.
Re-run an interrupted command to resume it.

Errors: "error: ..." names the flag or the file. Warnings say why depth may be hard to learn from
this video (rotation without parallax, too fast motion, many cuts).
"""

from __future__ import annotations

import os
import pathlib

from absl import flags

from aquanet_tf import cli
from aquanet_tf.data import records
from data_prep.dataset import options as dataset_options
from data_prep.dataset import prepare as dataset_prepare
from data_prep.video import camera as video_camera
from data_prep.video import crop, prepare
from data_prep.video.prepare import Options

_CAMERA = "Camera file: JSON, ROS, OpenCV, Kalibr, COLMAP cameras.txt, nerfstudio transforms.json."


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("input", None, "Video, folder of videos, or folder of images.", required=True)
    text = "Directory to write: raw/, records/, video.json."
    cli.define_output("out", None, text, required=True, folder=True)
    cli.define_path("intrinsics", "", _CAMERA)
    flags.DEFINE_float("fov_deg", 0.0, "Horizontal field of view, degrees.", lower_bound=0)
    flags.DEFINE_alias("fov", "fov_deg")
    flags.DEFINE_float("focal_px", 0.0, "Focal length in pixels.", lower_bound=0)
    flags.DEFINE_list("distortion", [], "k1,k2,p1,p2[,k3], radial-tangential as in OpenCV.")
    flags.DEFINE_list("crop", [], "TOP,BOTTOM,LEFT,RIGHT pixels to cut off; K follows.")
    text = "Kept frames from a target to its neighbors; auto: chosen from the image motion."
    flags.DEFINE_string("stride", "auto", text)
    height = "Height of the stored images in pixels, aspect kept; 0: as decoded."
    flags.DEFINE_integer("height", 0, height, 0, dataset_options.LARGEST)
    flags.DEFINE_float("min_flow", 0.05, "Less flow is dropped, % of the width.", lower_bound=0)
    text = "Share of the frames, taken from the end, that is held out to validate on."
    flags.DEFINE_float("held_out", 0.0, text)
    text = "Triplets to train on, evenly spread over the video; 0: all."
    flags.DEFINE_integer("max_triplets", 0, text)
    flags.DEFINE_float("speed_kmh", 0.0, "Constant speed of the car, km/h; 0: unknown.")
    cli.define_path("speed_csv", "", "CSV time_s,kmh or frame,kmh: speed, linear between lines.")
    flags.DEFINE_float("fps", 0.0, "Frames per second, for the speed; 0: of the video.", 0)
    text = "jpeg: quality 95, 4:4:4; png: lossless."
    flags.DEFINE_enum("image_format", "jpeg", records.IMAGE_FORMATS, text)
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", lower_bound=1)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    distortion = video_camera.coefficients(flags.FLAGS.distortion)
    cut = crop.parse(flags.FLAGS.crop)
    options = dataset_options.from_flags(Options, distortion=distortion, crop=cut)
    report, prepared = prepare.prepare(options)
    prepare.print_report(report)
    for name, manifest in prepared.items():
        dataset_prepare.print_summary(manifest, str(pathlib.Path(options.out) / name))


if __name__ == "__main__":
    define_flags()
    cli.run(main)
