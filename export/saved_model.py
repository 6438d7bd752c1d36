"""A versioned SavedModel for TF Serving or any TensorFlow program, without aquanet_tf installed.

    python -m export.saved_model --workdir RUN --out DIR

writes DIR/<n>/, where n is one above the highest version there. The export is written under a
hidden name, loaded again, compared with the checkpoint, and then renamed, so that a server that
polls DIR never finds an incomplete model. Older versions stay.

Signature `serving_default`: `image` uint8 [B, H, W, 3] RGB of any size ->
  inverse_depth  float32 [B, H, W, 1], relative units (the paper's disparity);
  depth          float32 [B, H, W, 1], 1 / inverse_depth: meters up to one unknown scale;
  beta           float32 [B, H, W, 1], the network's quantization parameter;
  depth_metres   float32 [B, H, W, 1], only with a scale, of --metres_per_unit, of scale.json in
                 the run (`aquanet_tf.scale`), or 1 of a run in meters (--speed_weight): that number
                 times depth.
Signature `moving_objects`, only of stage-1 runs trained on random crops (see `spimo.readable`):
`image` as above -> the same maps and
  moving_object_probability  float32 [B, H, W, 1] in [0, 1], from SPIMO's dispersion of depth under
                             shifted grids; 0.5 at the threshold of Eq. 7, not calibrated;
  static_mask                float32 [B, H, W, 1], 0 where that is 0.5 or more (likely moving).
Signature `serving_bytes`: `image_bytes` string [B], JPEG or PNG files of one size (otherwise an
invalid-argument error) -> the maps of serving_default. EXIF rotation is not applied.

DIR/<n>/metadata.json repeats this for programs, with the run, its options and the measured distance
to the checkpoint; DIR/<n>/model_card.md does so for people. DIR/<n>/assets.extra holds warm-up
requests: a server runs them before it accepts others.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile

import tensorflow as tf
from absl import flags

from aquanet_tf import cli
from aquanet_tf import files as files_module
from aquanet_tf.inference import graph, saved_model
from aquanet_tf.inference import network as inference_network
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.inference.saved_model import SavedModel
from aquanet_tf.masks import spimo
from aquanet_tf.runs import checkpoint, scale
from aquanet_tf.runs.run import Run, load_run
from export.bundle import metadata, model_card, parity, warmup

USE = """import tensorflow as tf
model = tf.saved_model.load("DIRECTORY OF THIS FILE")
maps = model.signatures["serving_default"](image=image)  # uint8 [B, H, W, 3] RGB
maps["inverse_depth"]  # float32 [B, H, W, 1]"""


class DepthModule(tf.Module):
    """The depth network of a run as functions of uint8 images and of image files.

    The tf.Variables are listed by hand: on Keras 3 a tf.Module does not find those inside a Keras
    model, and the export would have no weights.

    Args:
      run: the loaded run.
      height: working height in pixels.
      metres_per_unit: meters of one unit of depth; 0: not known, no output `depth_metres`.
    """

    def __init__(self, run: Run, height: int, metres_per_unit: float = 0.0):
        super().__init__(name="aquanet")
        self.weights = [checkpoint.tf_variable(weight) for weight in run.aquanet.weights]

        def with_depth(maps):
            depth = 1.0 / maps["inverse_depth"]
            meters = {"depth_metres": metres_per_unit * depth} if metres_per_unit else {}
            return {**maps, "depth": depth, **meters}

        def serve(image):
            return with_depth(graph.infer(run, image, height))

        images = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")
        files = tf.TensorSpec([None], tf.string, name="image_bytes")
        self.functions = {
            "serving_default": tf.function(serve, input_signature=[images]),
            "serving_bytes": tf.function(
                lambda image_bytes: serve(decode(image_bytes)), input_signature=[files]
            ),
        }
        if spimo.readable(run.config):
            self.functions[saved_model.MOVING] = tf.function(
                lambda image: with_depth(graph.infer_moving(run, image, height)),
                input_signature=[images],
            )


def decode(image_bytes) -> tf.Tensor:
    """Decodes JPEG or PNG files, string [B], to uint8 [B, H, W, 3], as a TensorFlow graph.

    Raises tf.errors.InvalidArgumentError when a file cannot be decoded or sizes differ: a batch is
    one tensor, and resizing images to a common size would change their depth.
    """

    def one(data):
        return tf.cond(
            tf.io.is_jpeg(data),
            # As Pillow decodes, so that a file and its pixels give the same maps.
            lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"),
            lambda: tf.io.decode_png(data, channels=3),
        )

    size = tf.shape(one(image_bytes[0]))

    def same_size(data):
        image = one(data)
        message = "the images of one request must have one size; send them in several requests"
        with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(image), size, message)]):
            return tf.identity(image)

    specification = tf.TensorSpec([None, None, 3], tf.uint8)
    return tf.map_fn(same_size, image_bytes, fn_output_signature=specification)


def export_saved_model(
    workdir,
    out,
    height: int = 0,
    metres_per_unit: float | None = None,
    checkpoint: str = "newest",
    grid_shift: float | None = None,
) -> pathlib.Path:
    """Exports a checkpoint of `workdir` and returns the new version's directory.

    Args:
      workdir: the run.
      out: directory of numbered versions, made if needed.
      height: working height in pixels; 0: that of the run.
      metres_per_unit: meters of one unit of depth, measured for the camera; 0: none; None: that
        of the run's scale.json, if there is one.
      checkpoint: newest, best, or a number of finished epochs.
      grid_shift: of the shifted grids, 0: one pass; None: that of the run.

    Raises ValueError, and leaves no files, when the run is missing, the saved model differs from
    it, or TensorFlow could not load it from `out`.
    """
    scale.check(metres_per_unit)
    out = pathlib.Path(out)
    if files_module.is_pattern(out):
        raise ValueError(
            f"--out={out}: TensorFlow and TensorFlow Serving do not load a SavedModel from a path "
            "with one of * ? [ ] \\; choose another name"
        )
    run = load_run(workdir, checkpoint=checkpoint, grid_shift=grid_shift)
    height = graph.chosen_height(run, height)
    known = scale.chosen(metres_per_unit, workdir, run, height)
    out.mkdir(parents=True, exist_ok=True)
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=".exporting-", dir=out))
    try:
        module = DepthModule(run, height, known.metres_per_unit)
        signatures = list(module.functions)
        tf.saved_model.save(module, str(temporary), signatures=module.functions)
        document = _described(run, workdir, height, known, signatures)
        files_module.write(temporary / inference_network.METADATA, document)
        document["parity"] = _compared(temporary, run, height, signatures)
        size = run.data["image_height"], run.data["image_width"]
        document["warmup_requests"] = warmup.write(temporary, signatures, *size)
        files_module.write(temporary / inference_network.METADATA, document)
        card = model_card.text(workdir, document, USE)
        files_module.write_text(temporary / "model_card.md", card)
        temporary.chmod(0o755)  # mkdtemp makes it private; a server runs as another user
        return _move_to_next_version(temporary, out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _described(run, workdir, height: int, known: scale.Scale, signatures: list[str]) -> dict:
    """The metadata of the export, before it is compared."""
    document = metadata.build(run, workdir, height, parity.SAME_OPERATIONS, known)
    document["outputs"].update(metadata.metric_outputs(known))
    if saved_model.MOVING in signatures:
        document["outputs"].update(metadata.described(metadata.MOVING_OUTPUTS))
    document["inputs"] = {
        "image": "uint8 [B, H, W, 3] RGB, any size",
        "image_bytes": "string [B], JPEG or PNG files of one size (signature serving_bytes)",
    }
    return document


def _compared(exported: pathlib.Path, run, height: int, signatures: list[str]) -> dict:
    """Compares every signature with the checkpoint; the errors of the last, which returns all
    outputs. ValueError when one differs."""
    report = {}
    for signature in signatures:
        truth = Predictor(run, height, moving=signature == saved_model.MOVING)
        network = SavedModel(exported, signature)
        report = parity.check(network, truth, parity.noise(), parity.SAME_OPERATIONS)
    return {**report, "signatures": signatures}


def _move_to_next_version(temporary: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    while True:
        versions = [int(path.name) for path in out.iterdir() if path.name.isdigit()]
        target = out / str(max(versions, default=0) + 1)
        try:
            os.rename(temporary, target)
            return target
        except OSError:
            if not target.exists():  # else another export took this number: try the next
                raise


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of a training run.", required=True)
    cli.define_output(
        "out", None, "Model directory; gets a new numbered version.", required=True, folder=True
    )
    cli.define_checkpoint()
    flags.DEFINE_integer("height", 0, "Working height; 0: the run's own (its --working_height).")
    cli.define_grid_shift()
    text = "Adds depth_metres: this times depth; 0: without; left out: the run's scale.json."
    flags.DEFINE_float("metres_per_unit", None, text)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    target = export_saved_model(
        *(options.workdir, options.out, options.height, options.metres_per_unit),
        *(options.checkpoint, options.grid_shift),
    )
    document = files_module.read(target / inference_network.METADATA)
    print(parity.text(document["parity"]))
    print(metadata.scale_line(document))
    if not document["warmup_requests"]:
        print("no warm-up requests: they need pip install tensorflow-serving-api")
    print(f"written: {target}")


if __name__ == "__main__":
    define_flags()
    cli.run(main, quiet=True)
