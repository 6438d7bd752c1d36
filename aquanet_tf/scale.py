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
from collections.abc import Callable

import numpy as np
from absl import flags

import aquanet_tf
from aquanet_tf import cli, files
from aquanet_tf.cameras import formats
from aquanet_tf.cameras.lens import Lens
from aquanet_tf.evaluation import protocol
from aquanet_tf.kitti import ground_truth
from aquanet_tf.media import inputs, point_cloud
from aquanet_tf.metric import camera_height, distances, ratio
from aquanet_tf.runs import scale
from aquanet_tf.runs.layout import SCALE_FILE

# Options of two of the three methods, with their defaults.
_OPTIONS_OF = {
    "camera_height": {"input": "", "intrinsics": "", "fov": 0.0, "pitch": None},
    "gt_dir": {"split": "all", "ground_truth": "depth", "crop": "none", "depth_dir": ""},
}


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
    flags.DEFINE_integer("max_frames", 100, text, 5)
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
    methods = {
        _by_camera_height: options.camera_height,
        _by_ground_truth: options.gt_dir,
        _by_distances: options.data_dir,
    }
    given = [method for method, value in methods.items() if value]
    if len(given) != 1:
        raise ValueError(
            "give one of --camera_height METERS (with --input), --gt_dir KITTI and --data_dir "
            "RECORDS"
        )
    _refuse_others(options)
    measure = given[0](options)
    # TensorFlow is loaded only here, so that errors in flags and files are reported at once.
    from aquanet_tf.inference.checkpoint import Predictor
    from aquanet_tf.runs.run import load_run

    run = load_run(options.workdir, checkpoint=options.checkpoint, grid_shift=options.grid_shift)
    network = Predictor(run, options.height)
    found = measure(network, run)
    document = {
        **found,
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
    for method, names in _OPTIONS_OF.items():
        for name, default in names.items():
            if not getattr(options, method) and getattr(options, name) != default:
                raise ValueError(f"--{name} is for --{method} only; leave it out")


def _others(workdir: str, document: dict) -> list[dict]:
    """The scales beside `document` in scale.json that stay. Says which one it replaces."""
    try:
        scales = scale.everything(workdir)
    except ValueError:
        print("replaced: a damaged file")
        return []
    of = scale.belongs_to(document)
    for found in scales:
        if scale.belongs_to(found) == of:
            words = ", ".join(f"{name} {value:g}" for name, value in of.items())
            print(f"replaced: {found['metres_per_unit']:.4g} m per unit, of {words}")
    return [found for found in scales if scale.belongs_to(found) != of]


def _by_camera_height(options) -> Callable:
    """Checks the flags; a function from (network, run) to the measured part of scale.json."""
    if not options.input:
        raise ValueError("--camera_height needs --input, images or a video of a road")
    paths = list(inputs.paths(options.input))
    known = options.intrinsics or options.fov
    camera = point_cloud.parse_camera(options.intrinsics, options.fov) if known else None
    height, pitch = options.camera_height, options.pitch
    camera_height.check(height, pitch)

    def measure(network, run) -> dict:
        frames, depth, used = camera_height.spread(paths, options.max_frames), _depth(network), None
        if run.config.grid_shift:  # the mean over shifted grids bends the road
            depth, used = _depth(_one_pass(run, network.height)), depth
        found = camera_height.measure(frames, depth, camera or _of_run(run), height, pitch, used)
        how = f"camera height {height:g} m"
        given = {"input": options.input, "camera": known or "that of the training images"}
        return {**found, "method": how, "inputs": {**given, "camera_height": height}}

    return measure


def _by_ground_truth(options) -> Callable:
    """As `_by_camera_height`."""
    source = options.ground_truth
    frames, _ = ground_truth.find_frames(
        options.gt_dir, options.split, 2, source, options.depth_dir
    )
    counted = protocol.Protocol(ground_truth=source, crop=options.crop)

    def measure(network, run) -> dict:
        del run
        found = ratio.measure(frames, _depth(network), counted)
        given = {"gt_dir": options.gt_dir, "split": options.split, "protocol": counted.line()}
        return {**found, "method": f"median ratio to {source}", "inputs": given}

    return measure


def _by_distances(options) -> Callable:
    """As `_by_camera_height`."""
    # Reading records needs TensorFlow, but no network yet.
    from aquanet_tf.data import traveled

    sets = traveled.open_sets(options.data_dir)

    def measure(network, run) -> dict:
        from aquanet_tf.trajectory.motion import EgoMotion

        _check_depth_is_trained(run)
        motion = EgoMotion(run)
        triplets = traveled.spread(sets, options.max_frames)
        found = distances.measure(
            triplets,
            lambda pair: next(motion(pair)),
            traveled.without(sets),
            _growth(network, run),
        )
        return {**found, "method": "distances traveled", "inputs": {"data_dir": options.data_dir}}

    return measure


def _growth(network, run) -> Callable:
    """A function from an image to its inverse depth as the network is used, divided by that of one
    pass at the height of the training images, which ego-motion fits: the median over pixels.

    Measured, because networks follow the rule of --depth_scaling only roughly.
    """
    if network.height == run.data["image_height"] and not run.config.grid_shift:
        return lambda image: 1.0
    here, there = _depth(network), _depth(_one_pass(run, run.data["image_height"]))
    return lambda image: float(np.median(here(image) / there(image)))


def _one_pass(run, height: int):
    """The network of a run without --grid_shift, at a working height in pixels."""
    from aquanet_tf.inference.checkpoint import Predictor

    return Predictor(run.one_pass(), height)


def _check_depth_is_trained(run) -> None:
    """ValueError in the kick-start, where depth does not have the unit of ego-motion yet."""
    if run.epoch <= run.config.kickstart_epochs:
        raise ValueError(
            f"--checkpoint: after {run.epoch} epochs the run is in its kick-start "
            f"({run.config.kickstart_epochs} epochs): there is no depth yet that ego-motion fits"
        )


def _depth(network) -> Callable:
    """A function from an image to its inverse depth in relative units."""
    return lambda image: network.relative(image).inverse_depth


def _of_run(run) -> point_cloud.Camera:
    """The camera of a run's training images; its principal point is taken to be the center, which
    only changes the pitch that is found."""
    height, width = run.data["image_height"], run.data["image_width"]
    focal = np.array(run.data["focal"]) * (width, height)
    k = formats.pinhole(*focal, (width - 1) / 2, (height - 1) / 2)
    calibration = formats.Calibration(k, Lens(), (width, height))
    return point_cloud.Camera(calibration, source="the run's camera (else give --intrinsics)")


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
