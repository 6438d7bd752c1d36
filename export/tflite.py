"""A TFLite model of one fixed size, for phones and small boards.

    python -m export.tflite --workdir RUN --height 192 --width 640 --out DIR/aquanet.tflite
        [--quantize none|float16|dynamic|int8 --data_dir RECORDS]

Writes FILE.tflite, FILE.json (sizes, units, ranges, parity) and FILE.md (model card). The model
appears only when it is complete and agrees with the checkpoint. It has built-in operations only and
no variables; it contains the positional grid and the focal length.

Input `image`: uint8 [1, height, width, 3] RGB; the model normalizes it. Outputs `inverse_depth`
(the paper's disparity, relative units) and `beta`: float32 [1, height, width, 1]. Signature
`serving_default`.

| --quantize | weights | arithmetic                                                             |
|------------|---------|------------------------------------------------------------------------|
| none       | float32 | float32                                                                |
| float16    | float16 | float32 (float16 on GPUs that have it)                                 |
| dynamic    | int8    | int8 convolutions with scales found while running, the rest float32    |
| int8       | int8    | int8 convolutions, scales from --data_dir; ELU and the head in float32 |

TFLite has no int8 ELU, so int8 makes the file small but hardly faster. The sum over the levels
(Eq. 5) stays in float32: in int8 its inverse depth would have steps of d_max / 255.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import sys
import tempfile

import tensorflow as tf
from absl import flags
from tensorflow.python.framework import convert_to_constants

from aquanet_tf import cli, files
from aquanet_tf.config import rules
from aquanet_tf.geometry import camera
from aquanet_tf.inference import graph
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.inference.tflite import LiteModel
from aquanet_tf.networks import estimate
from aquanet_tf.runs import scale
from aquanet_tf.runs.run import Run, load_run
from export.bundle import calibration, metadata, model_card, parity

# Allowed distance to the checkpoint. At depth edges a small change of the logits moves weight from
# one level to another, up to a factor of d_max / d_min away, so a quantized model is judged by its
# mean error and its outliers. A mean error of 0.05 adds about a tenth to the abs rel of a good
# network.
TOLERANCES = {
    "none": parity.Tolerance(1e-3, 1e-5),
    "float16": parity.Tolerance(0.1, 2e-3),
    "dynamic": parity.Tolerance(None, 0.05, 0.02),
    "int8": parity.Tolerance(None, 0.10, 0.05),
}
USE = """from ai_edge_litert.interpreter import Interpreter
model = Interpreter("THIS FILE'S NAME.tflite").get_signature_runner()
maps = model(image=image)  # uint8 [1, height, width, 3] RGB
maps["inverse_depth"]  # float32 [1, height, width, 1]"""
# Operations that read the outputs of the last convolutions: logits and the exponent of beta.
_READERS = ("SOFTMAX", "TANH", "LOGISTIC")


def export_tflite(
    workdir,
    out,
    height: int = 0,
    width: int = 0,
    quantize: str = "none",
    data_dir: str = "",
    images: int = 100,
    checkpoint: str = "newest",
    metres_per_unit: float | None = None,
    grid_shift: float | None = None,
) -> pathlib.Path:
    """Exports a checkpoint of `workdir` to the file `out` and returns its path.

    Args:
      height, width: the fixed size in pixels; 0: the one the run works at.
      quantize: a key of TOLERANCES.
      data_dir: records. Their images set the scales of int8, which needs them, and are used to
        compare any model with the checkpoint; empty: random noise is compared.
      images: number of records that set the scales.
      checkpoint: newest, best, or a number of finished epochs.
      metres_per_unit: meters of one unit of depth, for the JSON file; 0: none; None: that of the
        run's scale.json, if there is one.
      grid_shift: of the shifted grids, 0: one pass; None: that of the run.

    Raises ValueError, and writes nothing, for bad flags and for a model that differs from the
    checkpoint.
    """
    out = pathlib.Path(out)
    _check(out, width, quantize, data_dir, images)
    scale.check(metres_per_unit)
    run = load_run(workdir, checkpoint=checkpoint, grid_shift=grid_shift)
    height = graph.chosen_height(run, height)
    known = scale.chosen(metres_per_unit, workdir, run, height)
    width = width or run.working_width
    samples = calibration.batches(data_dir, height, width, images) if data_dir else None
    content = convert(run, height, width, quantize, samples)
    document = metadata.build(run, workdir, height, TOLERANCES[quantize], known)
    calibrated = len(samples) if samples and quantize == "int8" else 0
    document.update(_side_file(content, height, width, quantize, calibrated))
    del document["outputs"]["depth"]  # callers compute 1 / inverse_depth
    with files.atomic(out) as temporary:
        network = _written(temporary, content, document)
        truth = Predictor(run, height)
        batches = samples[-4:] if samples else parity.noise(((1, height, width),))
        document["parity"] = parity.check(network, truth, batches, TOLERANCES[quantize])
        files.write(out.with_suffix(".json"), document)
        out.with_suffix(".md").write_text(model_card.text(workdir, document, USE))
    return out


def _written(path: pathlib.Path, content: bytes, document: dict) -> LiteModel:
    """Writes the file and loads it, with the JSON file beside it for as long as that takes."""
    path.write_bytes(content)
    beside = path.with_suffix(".json")  # where LiteModel looks for it
    try:
        files.write(beside, document)
        return LiteModel(path)
    finally:
        beside.unlink(missing_ok=True)


def _side_file(content, height, width, quantize, calibration_images) -> dict:
    """What the JSON file says beside the common fields of `metadata.build`."""
    return {
        "inputs": {"image": f"uint8 [1, {height}, {width}, 3] RGB"},
        "height": height,
        "width": width,
        "other_aspects": "resized to height x width, so squeezed: depth is less accurate; cut such "
        "images to this aspect, or export a file of theirs",
        "quantize": quantize,
        "calibration_images": calibration_images,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def convert(run: Run, height: int, width: int, quantize: str, samples=None) -> bytes:
    """The TFLite flatbuffer of a run's depth network at a fixed size.

    Args:
      quantize: a key of TOLERANCES.
      samples: uint8 batches [1, height, width, 3] that set the scales of int8.

    Converted from a *frozen* concrete function: on Keras 3 the converter does not find the
    variables of a model inside a tf.Module, and silently writes a model that returns NaN.
    """
    u, v = camera.unit_line(width), camera.unit_line(height)
    fx, fy = run.data["focal"]
    intrinsics = tf.constant([[[fx * width, 0, 0], [0, fy * height, 0], [0, 0, 1]]], tf.float32)
    config = run.config
    specification = tf.TensorSpec([1, height, width, 3], tf.uint8, name="image")

    def one_pass(image, one, v):
        # Layer by layer: partial sums would add quantization scales, and logits and beta in one
        # tensor would share theirs.
        code = run.aquanet.positional.of_axes(
            u, v, one, intrinsics if config.focal_planes else None
        )
        logits, beta = run.aquanet.with_code(image, code, rearranged=False)
        # With a fixed beta, one set of levels serves all pixels.
        curve = beta if config.adaptive else one
        if not config.adaptive:
            beta = tf.tile(one, [1, height, width, 1])
        inverse_depth = estimate.decode(
            logits, curve, config.inverse_depth_min, config.inverse_depth_max
        )
        return inverse_depth, beta

    @tf.function(input_signature=[specification])
    def infer(image):
        image = tf.cast(image, tf.float32) / 255.0
        # One, computed from a pixel: the converter would store what depends on a constant.
        one = tf.minimum(image[:, :1, :1, :1] + 1.0, 1.0)
        inverse_depth, beta = one_pass(image, one, v)
        inverse_depth = estimate.mean_over_grids(
            inverse_depth, lambda shift: one_pass(image, one, v + shift)[0], config.grid_shift
        )
        return inverse_depth, beta

    frozen = convert_to_constants.convert_variables_to_constants_v2(infer.get_concrete_function())

    @tf.function(input_signature=[specification])
    def named(image):
        inverse_depth, beta = frozen(image)
        return {"inverse_depth": inverse_depth, "beta": beta}

    # Through a SavedModel, since only that gives the TFLite file a signature with names.
    with tempfile.TemporaryDirectory() as place, files.plain_folder(place) as folder:
        tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": named})
        with _silent():
            return _converted(str(folder), quantize, samples)


def head_tensors(interpreter: tf.lite.Interpreter) -> list[str]:
    """Names of all tensors from the outputs of the last convolutions on, which int8 keeps in float.

    The logits span a wide range, so int8 steps would change the probabilities of levels that are up
    to a factor of d_max / d_min apart. After them, ln(0) of level 0 alone would take the range.
    """
    operations = interpreter._get_ops_details()  # in the order of execution
    late = {op["inputs"][0] for op in operations if op["op_name"] in _READERS}
    for operation in operations:
        if late.intersection(operation["inputs"]):
            late.update(operation["outputs"])
    return _names(interpreter, late)


def code_tensors(interpreter: tf.lite.Interpreter) -> list[str]:
    """Names of the tensors of the positional code at each of its sizes, which int8 keeps in float.

    Its ELU is float anyway, and 256 steps do not distinguish the columns of a wide image.
    """
    operations = interpreter._get_ops_details()
    made = {output for op in operations for output in op["outputs"]}
    code, resized = set(), set()
    for op in operations:
        inputs = made.intersection(op["inputs"])
        if op["op_name"] == "MINIMUM" or inputs and inputs <= code:
            (resized if op["op_name"] == "RESIZE_BILINEAR" else code).update(op["outputs"])
    return _names(interpreter, code | resized)


def _names(interpreter, indices):
    names = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    return [names[index] for index in sorted(indices)]


@contextlib.contextmanager
def _silent():
    """Hides what the converter's C++ code prints to stderr, unless the block fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(stderr, 2)
            file.seek(0)
            sys.stderr.write(file.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _converted(directory: str, quantize: str, samples) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(directory)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    floats = []
    if quantize == "int8":
        interpreter = tf.lite.Interpreter(model_content=converter.convert())
        floats = code_tensors(interpreter) + head_tensors(interpreter)
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize != "int8":
        return converter.convert()

    def representative():
        # By name: the order in which a list is matched to the inputs is not documented.
        return ({"image": batch} for batch in samples)

    converter.representative_dataset = representative
    # The only way to keep operations in float that TF 2.15 and TF 2.21 both offer.
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=representative,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=floats),
    )
    return debugger.get_nondebug_quantized_model()


def _check(out, width, quantize, data_dir, images):
    if out.suffix != ".tflite":
        raise ValueError(f"--out={out}: expected a file name that ends with .tflite")
    for beside in (out.with_suffix(".json"), out.with_suffix(".md")):
        try:
            cli.check_file(beside)
        except ValueError as error:
            raise ValueError(f"--out={out}: {beside}, written beside it, {error}") from error
    if foreign := _foreign(out):
        raise ValueError(
            f"--out={out}: would replace {foreign}, which is not of an earlier export; choose "
            "another name"
        )
    if quantize not in TOLERANCES:
        raise ValueError(f"--quantize={quantize}: expected one of {', '.join(TOLERANCES)}")
    if width and width < rules.MIN_WORKING_SIZE:
        raise ValueError(f"--width={width}: must be at least {rules.MIN_WORKING_SIZE}, or 0")
    if images < 1:
        raise ValueError(f"--images={images}: must be at least 1")
    if quantize == "int8" and not data_dir:
        raise ValueError("--quantize=int8 needs images to set its scales: give --data_dir=RECORDS")


def _foreign(out: pathlib.Path) -> pathlib.Path | None:
    """A file beside `out` that an export would replace and that is not of one; None without."""
    side, card = out.with_suffix(".json"), out.with_suffix(".md")
    try:
        exported = "sha256" in files.read(side)
    except ValueError:
        exported = False
    if side.exists() and not exported:
        return side
    return card if card.exists() and not (exported or out.exists()) else None


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of a training run.", required=True)
    cli.define_checkpoint()
    cli.define_output("out", None, "File to write, NAME.tflite.", required=True)
    flags.DEFINE_integer("height", 0, "Fixed height; 0: the run's working height.")
    flags.DEFINE_integer("width", 0, "Fixed width; 0: the run's, at its working height.")
    cli.define_grid_shift()
    flags.DEFINE_enum("quantize", "none", list(TOLERANCES), "Form of the weights; the table above.")
    cli.define_path("data_dir", "", "Records: scales of int8, images of the comparison.")
    flags.DEFINE_integer("images", 100, "Records read from --data_dir.")
    text = "Meters of one unit of depth, for the JSON; 0: none; left out: the run's scale.json."
    flags.DEFINE_float("metres_per_unit", None, text)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    names = ("workdir", "out", "height", "width", "quantize", "data_dir", "images", "checkpoint")
    names += ("metres_per_unit", "grid_shift")
    path = export_tflite(**{name: options[name].value for name in names})
    document = files.read(path.with_suffix(".json"))
    print(parity.text(document["parity"]))
    print(metadata.scale_line(document))
    print(f"written: {path} ({document['bytes'] / 1e6:.2f} MB)")


if __name__ == "__main__":
    define_flags()
    cli.run(main, quiet=True)
