"""A versioned SavedModel for TF Serving or any TensorFlow program, without aquanet_tf installed.

    python -m export.saved_model --workdir RUN --out DIR

writes DIR/<n>/ with n one above the highest version there. The directory is made under a
hidden name, loaded again, compared with the checkpoint, and only then renamed into place, so a
server that polls DIR never meets half a model; older versions are not touched.

Signature `serving_default`: `image` uint8 [B, H, W, 3] RGB of any size ->
  inverse_depth  float32 [B, H, W, 1], relative units;
  depth          float32 [B, H, W, 1], 1 / inverse_depth: metres up to one unknown scale;
  beta           float32 [B, H, W, 1], the network's quantisation parameter.
DIR/<n>/metadata.json says the same, with the run, its options and the measured agreement.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags

import aquanet_tf
from aquanet_tf import checkpoints, cli, inference, json_file

# Largest relative difference to the checkpoint. The same operations run in both; what differs is
# how the graph optimizer orders float32 sums.
TOLERANCE = 1e-4
# Batch, height, width of the comparison: the odd sizes catch padding, the batch its order.
CHECKED_SHAPES = ((1, 64, 208), (2, 75, 121), (3, 40, 40))
OUTPUTS = {
    "inverse_depth": "relative units; inverse depth grows with nearness",
    "depth": "1 / inverse_depth: metres up to one unknown scale",
    "beta": "quantisation parameter of the network, 1 is the exponential scheme",
}


class DepthModule(tf.Module):
    """The depth network of a run as one function of uint8 images.

    The tf.Variables are listed by hand: on Keras 3 a tf.Module does not find those inside a Keras
    model, and an export without its weights would be the result.
    """

    def __init__(self, run: checkpoints.Run, height: int = 0):
        super().__init__(name="aquanet")
        self.weights = [
            weight if isinstance(weight, tf.Variable) else weight.value
            for weight in run.aquanet.weights
        ]
        height = height or run.data["image_height"]

        def serve(image):
            maps = inference.infer(run, image, height)
            return {
                "inverse_depth": maps["inverse_depth"],
                "depth": 1.0 / maps["inverse_depth"],
                "beta": maps["beta"],
            }

        signature = [tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")]
        self.serve = tf.function(serve, input_signature=signature)


def export_saved_model(workdir, out, height: int = 0) -> pathlib.Path:
    """Exports the newest checkpoint of `workdir` and returns the new version's directory.

    height: working height in pixels; 0: that of the training images. Raises ValueError when the
    run is missing or the saved model does not agree with it (nothing is left behind then).
    """
    if height and height < 16:
        raise ValueError(f"--height={height}: must be at least 16 (or 0: as trained)")
    run = checkpoints.load_run(workdir)
    height = height or run.data["image_height"]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=".exporting-", dir=out))
    try:
        module = DepthModule(run, height)
        tf.saved_model.save(module, str(temporary), signatures={"serving_default": module.serve})
        agreement = check_agreement(temporary, run, height)
        json_file.write(temporary / "metadata.json", _metadata(run, workdir, height, agreement))
        temporary.chmod(0o755)  # mkdtemp makes it private; a server runs as somebody else
        return _move_to_next_version(temporary, out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def check_agreement(directory, run: checkpoints.Run, height: int) -> dict:
    """Loads the SavedModel in `directory` and compares it with the run on random images.

    Returns {"tolerance", "max_relative_error", "shapes"}; ValueError beyond the tolerance.
    """
    serve = tf.saved_model.load(str(directory)).signatures["serving_default"]
    rng = np.random.default_rng(0)
    worst = 0.0
    for shape in CHECKED_SHAPES:
        image = tf.constant(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
        served, expected = serve(image=image), inference.infer(run, image, height)
        for name in ("inverse_depth", "beta"):
            ours, theirs = expected[name].numpy(), served[name].numpy()
            error = np.max(np.abs(ours - theirs) / np.abs(ours))
            if not error <= TOLERANCE:  # also true for NaN
                raise ValueError(
                    f"the SavedModel's {name} differs from the checkpoint by {error:.2g} relative "
                    f"at size {shape}, allowed is {TOLERANCE:g}; nothing was exported"
                )
            worst = max(worst, float(error))
    shapes = [list(shape) for shape in CHECKED_SHAPES]
    return {"tolerance": TOLERANCE, "max_relative_error": worst, "shapes": shapes}


def _metadata(run, workdir, height, agreement) -> dict:
    return {
        "name": "AQUANet, monocular depth",
        "inputs": {"image": "uint8 [B, H, W, 3] RGB, any size"},
        "outputs": {name: f"float32 [B, H, W, 1]; {text}" for name, text in OUTPUTS.items()},
        "inverse_depth_range": [run.config.inverse_depth_min, run.config.inverse_depth_max],
        "working_height": height,
        "epoch": run.epoch,
        "workdir": str(pathlib.Path(workdir).resolve()),
        "agreement_with_checkpoint": agreement,
        "config": dataclasses.asdict(run.config),
        "created_by": f"aquanet_tf {aquanet_tf.__version__}, tensorflow {tf.__version__}",
    }


def _move_to_next_version(temporary: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    while True:
        versions = [int(path.name) for path in out.iterdir() if path.name.isdigit()]
        target = out / str(max(versions, default=0) + 1)
        try:
            os.rename(temporary, target)
            return target
        except OSError:
            if not target.exists():  # otherwise another export took the number: take the next
                raise


def define_flags() -> None:
    """The flags of the command."""
    flags.DEFINE_string("workdir", None, "Directory of a training run.", required=True)
    flags.DEFINE_string("out", None, "Model directory; gets a new numbered version.", required=True)
    flags.DEFINE_integer("height", 0, "Working height; 0: the one the run was trained for.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    target = export_saved_model(options.workdir, options.out, options.height)
    agreement = json_file.read(target / "metadata.json")["agreement_with_checkpoint"]
    print(
        f"agrees with the checkpoint to {agreement['max_relative_error']:.1e} relative "
        f"(allowed {agreement['tolerance']:g})"
    )
    print(f"written: {target}")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
