"""A checkpoint of either TensorFlow stack gives the same depth and motion on the other:

    python -m tests.project.cross_stack PYTHON OTHER_PYTHON

Each of the two Pythons (those of .venv and .venv-current) trains a tiny run, both load both runs
and predict. The exit code is 1 when outputs differ by more than TOLERANCE.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from tests.support import kitti_tree

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Of the largest value of an output. Some fifty layers whose float32 sums each stack orders in its
# own way, 1e-7 each; a weight that is missing or in another's place changes the first digit.
TOLERANCE = 1e-4
SIZE = {"crop_height": 32, "crop_width": 96, "pose_input_height": 32, "pose_input_width": 96}
NETWORKS = {"width": 0.1, "pose_network_width": 0.1, "levels": 5, "warp_impl": "streaming"}
SCHEDULE = {"batch_size": 1, "kickstart_epochs": 1, "epochs": 2, "steps_per_epoch": 2}
LOSSES = {"perceptual_weight": 0.0, "vgg19_weights": "none", "panels_every": 0, "collapse": "off"}


def train(place, name):
    """A run of kick-start and stage 1 in place/NAME, on records that are made if missing."""
    from aquanet_tf.config.options import Config
    from aquanet_tf.training import trainer as training_trainer
    from data_prep.layouts import kitti

    raw, records = place / "raw", place / "records"
    if not raw.exists():
        kitti_tree.write(raw)
        kitti.prepare(kitti.Options(str(raw), str(records), height=36, image_format="png"))
    groups = {**SIZE, **NETWORKS, **SCHEDULE, **LOSSES}
    options = Config(data_dir=str(records), seed=len(name), **groups)
    training_trainer.train(options, place / name)


def predict(place, name, out):
    """Depth maps and pose vectors of the run place/NAME for fixed images, as place/OUT.npz."""
    import tensorflow as tf

    from aquanet_tf.inference.checkpoint import Predictor
    from aquanet_tf.runs.run import load_run

    run = load_run(place / name)
    images = np.stack([kitti_tree.image(4 * frame, shape=(36, 120)) for frame in range(3)])
    frames = tf.constant(images[:, :32, :96] / 255, tf.float32)
    motion = run.posenet(frames[:1], frames[None, 1:]).numpy()
    np.savez(place / out, motion=motion, **Predictor(run).maps(images))


def difference(place, name, other):
    """Output -> by how much it differs between two predictions, as a share of its largest value."""
    truth, found = np.load(place / f"{name}.npz"), np.load(place / f"{other}.npz")
    return {key: np.abs(found[key] - truth[key]).max() / np.abs(truth[key]).max() for key in truth}


def run(python, place, *steps):
    """The steps (name of a function above, its arguments) in one process of `python`."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    words = [":".join(step) for step in steps]
    command = [python, str(pathlib.Path(__file__)), "--", str(place), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {python} {' '.join(words)}:\n{done.stderr[-3000:]}")


def main(first, second):
    """Trains with both, predicts with both, compares. SystemExit with the reason on failure."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        run(first, place, ("train", "first"), ("predict", "first", "first"))
        of_first, of_second = ("predict", "first", "swapped1"), ("predict", "second", "second")
        run(second, place, ("train", "second"), of_second, of_first)
        run(first, place, ("predict", "second", "swapped2"))
        errors = {
            first: difference(place, "first", "swapped1"),
            second: difference(place, "second", "swapped2"),
        }
        others = difference(place, "first", "second")
    for trainer, found in errors.items():
        text = ", ".join(f"{key} {error:.1e}" for key, error in sorted(found.items()))
        print(f"trained by {trainer}, loaded by the other, differs by: {text}")
    # Two runs of their own must differ, or the comparison would show nothing.
    if min(others.values()) < 100 * TOLERANCE:
        sys.exit(f"error: two runs of different seeds give the same outputs: {others}")
    if max(error for found in errors.values() for error in found.values()) > TOLERANCE:
        sys.exit(f"error: more than {TOLERANCE:g}")


if __name__ == "__main__":
    if sys.argv[1] == "--":
        for step in sys.argv[3:]:
            function, *arguments = step.split(":")
            globals()[function](pathlib.Path(sys.argv[2]), *arguments)
    else:
        main(*sys.argv[1:])
