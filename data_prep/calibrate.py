"""Finds the camera of a drive from its images alone: focal length and lens.

    python -m data_prep.calibrate --input TRIP.mp4 --out camera.json [--crop TOP,BOTTOM,LEFT,RIGHT]
        [--max_frames N]

Written: a camera file, the intrinsics for data_prep.video, aquanet_tf.predict and aquanet_tf.adapt.
Chooses frames in which the camera turns, and reconstructs them with COLMAP
(`pip install 'aquanet-tf[calibrate]'`). The principal point is taken to be in the middle.

Errors: where the frames do not determine the focal length, "error: ..." says why, and nothing is
written. A drive straight ahead, such as on a motorway, may give a wrong one all the same: choose a
drive with turns.
"""

from __future__ import annotations

import os
import warnings

from absl import flags

from aquanet_tf import cli, files
from data_prep.calibration import keyframes
from data_prep.calibration.drive import find_camera
from data_prep.video import crop
from data_prep.video import frames as video_frames


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("input", None, "Video, or folder of images in order of time.", required=True)
    cli.define_output("out", None, "Camera file (JSON) to write.", required=True)
    text = "TOP,BOTTOM,LEFT,RIGHT pixels in which nothing is looked for: hood, burnt-in text."
    flags.DEFINE_list("crop", [], text)
    flags.DEFINE_integer("max_frames", 250, "Frames to use.", lower_bound=keyframes.FEWEST)
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", lower_bound=1)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    clips = video_frames.clips(options.input)
    if len(clips) > 1:
        raise ValueError(
            f"--input={options.input}: holds {len(clips)} videos; name one, best one with turns"
        )
    hidden = crop.parse(options.crop)
    camera = find_camera(clips[0], hidden, options.max_frames, options.threads)
    files.write(options.out, camera.values())
    print(camera.text())
    if camera.folds:
        warnings.warn(
            "the lens bends more than one coefficient can say, so the corners of point clouds are "
            "left out: calibrate it with a pattern, and give the file to --intrinsics",
            stacklevel=1,
        )
    print(f"written: {options.out}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
