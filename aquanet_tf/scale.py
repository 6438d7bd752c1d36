"""Finds the meters of one unit of a run's depth, and writes them beside the run as scale.json.

    python -m aquanet_tf.scale --workdir RUN --camera_height 1.65 --input IMAGES|VIDEO
    python -m aquanet_tf.scale --workdir RUN --gt_dir KITTI --split FILE
    python -m aquanet_tf.scale --workdir RUN --data_dir RECORDS

A network that learned from video alone knows depth up to one factor. One of three methods finds it:
  --camera_height  the height of the camera above the road, in meters: fits the road in the lower
                   middle of each image. Frames without a road are left out and counted. The camera
                   comes from --intrinsics or --fov; else it is that of the run's training images.
  --gt_dir         depth that is known, in the KITTI layout: lidar scans or annotated maps.
  --data_dir       the meters traveled between frames, in records with distances of the camera that
                   the run was trained on: compared with the run's ego-motion, which needs PoseNet.
scale.json holds metres_per_unit (the median over frames), its spread, the method and its inputs,
and the epoch, working height and --grid_shift that it belongs to. A scale of another epoch, height
or shift stays beside it. predict, evaluate and the exports then use the one that fits; their flag
--metres_per_unit wins over it. Without a trustworthy number nothing is written.
"""

from __future__ import annotations

import datetime
import pathlib

from absl import flags

import aquanet_tf
from aquanet_tf import cli, files
from aquanet_tf.evaluation import protocol
from aquanet_tf.kitti import ground_truth
from aquanet_tf.media import inputs, point_cloud
from aquanet_tf.metric import camera_height, method
from aquanet_tf.runs import scale
from aquanet_tf.runs.layout import SCALE_FILE

# Options of two of the three methods, with their defaults.
_OPTIONS_OF = {
    "camera_height": {"input": "", "intrinsics": "", "fov": 0.0, "pitch": None},
    "gt_dir": {"split": "all", "ground_truth": "depth", "crop": "none", "depth_dir": ""},
}
_MAX_FRAMES = 100  # the default; of the third method, too


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of a training run, or a release.", required=True)
    cli.define_checkpoint()
    flags.DEFINE_integer("height", 0, "Working height; 0: the run's own (its --working_height).")
    cli.define_grid_shift()
    text = "Height of the camera above the road, meters; with --input."
    flags.DEFINE_float("camera_height", 0.0, text)
    cli.define_path("input", "", "Images or videos of a road: file, folder or pattern.")
    cli.define_path("intrinsics", "", "Camera of --input: fx,fy,cx,cy, or a camera file.")
    flags.DEFINE_float("fov", 0.0, "Camera of --input: horizontal field of view in degrees.")
    flags.DEFINE_alias("fov_deg", "fov")
    text = "Pitch of the camera against the road in degrees, positive when it looks down, where it "
    flags.DEFINE_float("pitch", None, text + "is known; left out: found in the images.")
    text = "Frames of --input, or triplets of --data_dir, that are used, evenly spread."
    flags.DEFINE_integer("max_frames", _MAX_FRAMES, text, 5)
    cli.define_path("gt_dir", "", "KITTI raw directory with ground truth, instead of --input.")
    cli.define_path("split", "all", "Split file for --gt_dir (lines DATE/DRIVE [FRAME]), or all.")
    sources, crops = list(protocol.GROUND_TRUTHS), list(protocol.CROPS)
    flags.DEFINE_enum("ground_truth", "depth", sources, "Annotated maps or raw scans of --gt_dir.")
    flags.DEFINE_enum("crop", "none", crops, "Part of the images of --gt_dir that counts.")
    cli.define_path("depth_dir", "", "Annotated depth as downloaded; empty: in --gt_dir.")
    text = "Records with distances, DIR or DIR_A,DIR_B, instead of --input and --gt_dir."
    cli.define_path("data_dir", "", text, several=True)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    openers = {
        _by_camera_height: options.camera_height,
        _by_ground_truth: options.gt_dir,
        _by_distances: options.data_dir,
    }
    chosen = [opener for opener, value in openers.items() if value]
    if len(chosen) != 1:
        raise ValueError(
            "give one of --camera_height METERS (with --input), --gt_dir KITTI and --data_dir "
            "RECORDS"
        )
    _refuse_others(options)
    method_used, method_inputs = chosen[0](options)
    # TensorFlow is loaded only here, so that errors in flags and files are reported at once.
    from aquanet_tf.inference.checkpoint import Predictor
    from aquanet_tf.runs.run import load_run

    run = load_run(options.workdir, checkpoint=options.checkpoint, grid_shift=options.grid_shift)
    network = Predictor(run, options.height)
    document = {
        **method_used.measure(network, run),
        "method": method_used.words,
        "inputs": method_inputs,
        "epoch": network.epoch,
        "working_height": network.height,
        "grid_shift": run.config.grid_shift,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
    }
    print(_text(document), flush=True)
    path = pathlib.Path(options.workdir) / SCALE_FILE
    files.write(path, scale.document([document, *_others(options.workdir, document)]))
    print(f"written: {path}")


def _refuse_others(options) -> None:
    """ValueError for an option of a method that was not chosen."""
    for flag, defaults in _OPTIONS_OF.items():
        for name, default in defaults.items():
            if not getattr(options, flag) and getattr(options, name) != default:
                raise ValueError(f"--{name} is for --{flag} only; leave it out")
    if options.gt_dir and options.max_frames != _MAX_FRAMES:
        raise ValueError(
            "--max_frames is for --camera_height and --data_dir only; leave it out, or name fewer "
            "frames in --split"
        )


def _by_camera_height(options) -> tuple[method.ByCameraHeight, dict]:
    """The method, its flags checked, and its inputs as scale.json names them."""
    if not options.input:
        raise ValueError("--camera_height needs --input, images or a video of a road")
    paths = list(inputs.paths(options.input))
    named = options.intrinsics or options.fov
    camera = point_cloud.parse_camera(options.intrinsics, options.fov) if named else None
    height, pitch = options.camera_height, options.pitch
    camera_height.check(height, pitch)
    return method.ByCameraHeight(paths, options.max_frames, camera, height, pitch), {
        "input": options.input,
        "camera": named or "that of the training images",
        "camera_height": height,
    }


def _by_ground_truth(options) -> tuple[method.ByGroundTruth, dict]:
    """As `_by_camera_height`."""
    source = options.ground_truth
    frames, _ = ground_truth.find_frames(
        options.gt_dir, options.split, 2, source, options.depth_dir
    )
    counted = protocol.Protocol(ground_truth=source, crop=options.crop)
    return method.ByGroundTruth(frames, counted), {
        "gt_dir": options.gt_dir,
        "split": options.split,
        "protocol": counted.line(),
    }


def _by_distances(options) -> tuple[method.ByDistances, dict]:
    """As `_by_camera_height`."""
    # Reading records needs TensorFlow, but no network yet.
    from aquanet_tf.data import traveled
    from aquanet_tf.trajectory.motion import EgoMotion

    sets = traveled.open_sets(options.data_dir)
    triplets = traveled.spread(sets, options.max_frames)
    distances = method.ByDistances(triplets, traveled.without(sets), EgoMotion)
    return distances, {"data_dir": options.data_dir}


def _others(workdir: str, document: dict) -> list[dict]:
    """The scales beside `document` in scale.json that stay. Says which one it replaces."""
    try:
        earlier = scale.everything(workdir)
    except ValueError:
        print("replaced: a damaged file")
        return []
    place = scale.belongs_to(document)
    for each in earlier:
        if scale.belongs_to(each) == place:
            words = ", ".join(f"{name} {value:g}" for name, value in place.items())
            print(f"replaced: {each['metres_per_unit']:.4g} m per unit, of {words}")
    return [each for each in earlier if scale.belongs_to(each) != place]


def _text(document: dict) -> str:
    low, high = document["quartiles"]
    lines = [
        scale.Scale(document["metres_per_unit"], scale.described(document)).line(),
        f"quartiles {low:.4g} to {high:.4g}; {document['used']} of {document['frames']} frames",
    ]
    if "pitch" in document:
        lines.append(f"camera: pitch {document['pitch']:.1f}, roll {document['roll']:.1f} degrees")
    lines += [f"left out: {reason} ({n} frames)" for reason, n in document["left_out"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    define_flags()
    cli.run(main)
