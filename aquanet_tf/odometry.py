"""The path of the camera through a video, by the ego-motion network of a run.

    python -m aquanet_tf.odometry --workdir RUN --input VIDEO|FOLDER|DRIVE --out DIR [--gt FILE]

writes
  DIR/poses_kitti.txt  camera-to-world [3, 4], one line per frame, as KITTI's odometry benchmark;
  DIR/poses_tum.txt    time, position and quaternion, as the TUM benchmark and evo read them;
  DIR/top_view.png     the path from above;
  DIR/odometry.json    units, length, and with --gt the errors.
World is the camera frame of the first image: x right, y down, z forward. Positions are in meters
where the scale is known: that of --metres_per_unit, else of the run's scale.json
(`aquanet_tf.scale`), else of a training in meters (--speed_weight). Otherwise they are in units of
depth, at the height of the training images. With --gt, a KITTI pose file
of the same frames, errors are given over snippets of 5 frames (the protocol of SfMLearner), over
the whole path, and for a camera that moves straight ahead at constant speed.
"""

from __future__ import annotations

import pathlib

import numpy as np
from absl import flags

import aquanet_tf
from aquanet_tf import cli, files, progress
from aquanet_tf.runs import scale
from aquanet_tf.trajectory import errors, frames, pose_files, poses, top_view

# Files of --out.
_KITTI, _TUM = "poses_kitti.txt", "poses_tum.txt"


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of a run with its PoseNet.", required=True)
    cli.define_checkpoint()
    text = "A video, a folder of images in order of time, or a KITTI drive."
    cli.define_path("input", None, text, required=True)
    cli.define_output("out", None, "Directory for the results.", required=True, folder=True)
    flags.DEFINE_integer("stride", 1, "Use every n-th frame, as in training.", lower_bound=1)
    text = "Frames per second of a folder; left out: time stamps of a KITTI drive, else 10."
    flags.DEFINE_float("fps", None, text, lower_bound=1e-3)
    cli.define_path("gt", "", "KITTI pose file with a line for each frame of --input.")
    flags.DEFINE_enum("alignment", "sim3", errors.ALIGNMENTS, "Of the whole path to --gt.")
    text = "Meters of one unit of depth; 0: none; left out: what the run knows."
    flags.DEFINE_float("metres_per_unit", None, text)


def measure(truth: np.ndarray, estimate: np.ndarray, alignment: str) -> dict:
    """Errors of `estimate` and of constant forward motion against `truth`, all [N, 4, 4]."""
    result = {"length": poses.length(truth)}
    paths = {"network": estimate, "straight_ahead": poses.forward(len(truth))}
    for name, path in paths.items():
        result[name] = {
            "snippets": errors.snippets(truth, path),
            "whole": errors.whole(truth, path, alignment),
        }
    return result


def text(document: dict) -> str:
    """What is printed about odometry.json."""
    lines = [f"{document['frames']} frames, {document['length']:.4g} {document['units']}"]
    if measured := document.get("errors"):
        lines.append(f"ground truth: {measured['length']:.4g} m")
        lines.append(f"{'':16}{'ATE of 5 frames':>20}{'whole, rmse':>14}{'max':>10}  aligned by")
        for name in ("network", "straight_ahead"):
            part, all_of_it = measured[name]["snippets"], measured[name]["whole"]
            short = f"{part['mean']:.4f} ± {part['std']:.4f} m"
            lines.append(
                f"{name:16}{short:>20}{all_of_it['rmse']:12.3f} m{all_of_it['max']:8.2f} m"
                f"  {all_of_it['alignment']}"
            )
    return "\n".join(lines)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    scale.check(options.metres_per_unit)
    out = pathlib.Path(options.out)
    if options.gt:
        _check_truth(pathlib.Path(options.gt), out)
    truth = pose_files.read_kitti(options.gt)[:: options.stride] if options.gt else None
    sequence = frames.open_frames(options.input, options.fps, options.stride)
    if truth is not None:
        errors.check(truth, len(sequence.times))
    # TensorFlow is loaded only here, so that errors in flags and files are reported at once.
    from aquanet_tf.runs import load_run
    from aquanet_tf.trajectory import motion

    run = load_run(options.workdir, checkpoint=options.checkpoint)
    # Ego-motion has the unit of one pass at this height.
    height = run.data["image_height"]
    known = scale.chosen(options.metres_per_unit, options.workdir, run.one_pass(), height)
    print(known.line(), flush=True)
    steps = motion.EgoMotion(run)(sequence.images)
    count = len(sequence.times) - 1
    path = poses.chain(np.stack(list(progress.bar(steps, total=count, desc="odometry"))))
    path[:, :3, 3] *= known.metres_per_unit or 1.0
    document = {
        "units": "meters" if known.metres_per_unit else "units of depth (relative)",
        "metres_per_unit": known.metres_per_unit or None,
        "metres_per_unit_source": known.source or None,
        "frames": len(path),
        "stride": options.stride,
        "length": poses.length(path),
        "workdir": options.workdir,
        "input": options.input,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
    }
    lines = {"network": path[:, :3, 3]}
    if truth is not None:
        document["errors"] = measure(truth, path, options.alignment)
        lines = drawn(truth, path)
    print(text(document), flush=True)
    out.mkdir(parents=True, exist_ok=True)
    pose_files.write_kitti(out / _KITTI, path)
    pose_files.write_tum(out / _TUM, path, sequence.times)
    unit = "m" if options.gt or known.metres_per_unit else "units of depth"
    top_view.draw(out / "top_view.png", lines, unit)
    files.write(out / "odometry.json", document)
    print(f"written: {out}")


def _check_truth(truth: pathlib.Path, out: pathlib.Path) -> None:
    """ValueError for poses that are not there, and for those that the command would replace."""
    if not truth.is_file():
        raise ValueError(f"--gt={truth}: no such file")
    for name in (_KITTI, _TUM):
        if (out / name).is_file() and truth.samefile(out / name):
            raise ValueError(f"--out={out}: would replace --gt={truth}; choose another folder")


def drawn(truth: np.ndarray, estimate: np.ndarray) -> dict[str, np.ndarray]:
    """Positions for the top view: both from the first camera, the estimate as long as the truth."""
    true, other = (poses.from_first(path)[:, :3, 3] for path in (truth, estimate))
    longest = poses.length(estimate)
    scale = poses.length(truth) / longest if longest else 1.0
    return {"ground truth": true, f"network, times {scale:.3g}": scale * other}


if __name__ == "__main__":
    define_flags()
    cli.run(main)
