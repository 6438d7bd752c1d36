"""A TFLite model of one fixed size, for phones and small boards.

    python -m export.tflite --workdir RUN --height 192 --width 640 --out DIR/aquanet.tflite
        [--quantize none|float16|dynamic|int8 --data_dir RECORDS]

Writes FILE.tflite, FILE.json (sizes, units, ranges, parity) and FILE.md (model card): the model
appears complete and compared with the checkpoint, or not at all. Built-in operations only, no
variables; the positional grid and the focal length are inside.

Input `image`: uint8 [1, height, width, 3] RGB, the bytes of the picture: normalization is inside.
Outputs `inverse_depth` and `beta`: float32 [1, height, width, 1]. Signature `serving_default`.

| --quantize | weights | arithmetic                                                             |
|------------|---------|------------------------------------------------------------------------|
| none       | float32 | float32                                                                |
| float16    | float16 | float32 (float16 on GPUs that have it)                                 |
| dynamic    | int8    | int8 convolutions with scales found while running, the rest float32    |
| int8       | int8    | int8 convolutions, scales from --data_dir; ELU and the head in float32 |

TFLite has no int8 ELU, so full int8 wins size but little time. The sum over the levels after the
last convolution is left in float32 on purpose: in int8 its inverse depth has steps of d_max / 255.
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
from aquanet_tf.geometry import camera
from aquanet_tf.inference import graph
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.inference.tflite import LiteModel
from aquanet_tf.networks import estimate
from aquanet_tf.runs.run import Run, load_run
from export.bundle import calibration, metadata, model_card, parity

# What passes as the same model, see parity.Tolerance. At depth edges a small change of the logits
# moves the weight from one level to another, up to d_max / d_min away: a quantized model is judged
# by its mean error and its outliers. Good networks have an abs rel of 0.115 and 12 % of outliers
# themselves (the paper's Table 2); a mean error of 0.05 adds a tenth to the former, as independent
# errors add. Measured: see BUILD.md.
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
# What reads the outputs of the last convolutions, the logits and the exponent of beta.
_READERS = ("SOFTMAX", "TANH", "LOGISTIC")


def export_tflite(
    workdir,
    out,
    height: int = 0,
    width: int = 0,
    quantize: str = "none",
    data_dir: str = "",
    images: int = 100,
) -> pathlib.Path:
    """Exports the newest checkpoint of `workdir` to the file `out` and returns its path.

    Args:
      height, width: the fixed size in pixels; 0: that of the training images.
      quantize: a key of TOLERANCES.
      data_dir: records, needed for int8: images that set its scales; for every kind, images of
        the comparison with the checkpoint (without: random noise).
      images: number of records that set the scales.

    Raises ValueError (bad flags; a model that is not the checkpoint's) and leaves nothing then.
    """
    out = pathlib.Path(out)
    _check(out, width, quantize, data_dir, images)
    run = load_run(workdir)
    height = graph.chosen_height(run, height)
    width = width or run.data["image_width"]
    samples = calibration.batches(data_dir, height, width, images) if data_dir else None
    content = convert(run, height, width, quantize, samples)
    document = {
        **metadata.build(run, workdir, height, TOLERANCES[quantize]),
        "inputs": {"image": f"uint8 [1, {height}, {width}, 3] RGB"},
        "height": height,
        "width": width,
        "quantize": quantize,
        "calibration_images": len(samples) if samples and quantize == "int8" else 0,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    del document["outputs"]["depth"]  # 1 / inverse_depth is left to the caller
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.stem}.{os.getpid()}.tflite")
    try:
        temporary.write_bytes(content)
        files.write(temporary.with_suffix(".json"), document)
        truth = Predictor(run, height)
        network = LiteModel(temporary)
        batches = samples[-4:] if samples else parity.noise(((1, height, width),))
        document["parity"] = parity.check(network, truth, batches, TOLERANCES[quantize])
        files.write(out.with_suffix(".json"), document)
        out.with_suffix(".md").write_text(model_card.text(workdir, document, USE))
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
        temporary.with_suffix(".json").unlink(missing_ok=True)
    return out


def convert(run: Run, height: int, width: int, quantize: str, samples=None) -> bytes:
    """The TFLite flatbuffer; `samples` are uint8 batches [1, height, width, 3], for int8.

    Converted from a *frozen* concrete function: on Keras 3 the converter does not find the
    variables of a model inside a tf.Module, and writes one that returns NaN without a word.
    """
    u, v = camera.unit_line(width), camera.unit_line(height)
    fx, fy = run.data["focal"]
    intrinsics = tf.constant([[[fx * width, 0, 0], [0, fy * height, 0], [0, 0, 1]]], tf.float32)
    config = run.config
    # The converter gives a float input its integer form when it knows its range.
    dtype = tf.uint8

    specification = tf.TensorSpec([1, height, width, 3], dtype, name="image")

    @tf.function(input_signature=[specification])
    def infer(image):
        # Layer by layer: partial sums, and logits and beta in one map, would add or share scales.
        image = tf.cast(image, tf.float32) / 255.0
        # Of the picture's first value, so that what hangs on it is computed and not stored.
        one = tf.minimum(image[:, :1, :1, :1] + 1.0, 1.0)
        code = run.aquanet.positional.of_axes(
            u, v, one, intrinsics if config.focal_planes else None
        )
        logits, beta = run.aquanet.with_code(image, code, rearranged=False)
        # A fixed beta is one number, and so are its levels.
        curve = beta if config.adaptive else one
        if not config.adaptive:
            beta = tf.tile(one, [1, height, width, 1])
        inverse_depth = estimate.decode(
            logits, curve, config.inverse_depth_min, config.inverse_depth_max
        )
        return inverse_depth, beta

    frozen = convert_to_constants.convert_variables_to_constants_v2(infer.get_concrete_function())

    @tf.function(input_signature=[specification])
    def named(image):
        inverse_depth, beta = frozen(image)
        return {"inverse_depth": inverse_depth, "beta": beta}

    # Through a SavedModel, since only that gives the TFLite file a signature with names.
    with tempfile.TemporaryDirectory() as directory:
        tf.saved_model.save(tf.Module(), directory, signatures={"serving_default": named})
        with _silent():
            return _converted(directory, quantize, samples)


def head_tensors(interpreter: tf.lite.Interpreter) -> list[str]:
    """Names of all tensors from the outputs of the last convolutions on, which int8 leaves alone.

    Logits in 256 steps of a range of some 60 are off by a tenth, and so is each probability, times
    levels up to d_max / d_min apart: measured on a trained network, 10 % mean error of inverse
    depth, where float logits give 3 %. Behind them, ln(0) of level 0 alone takes the whole range.
    """
    operations = interpreter._get_ops_details()  # in the order of execution
    late = {op["inputs"][0] for op in operations if op["op_name"] in _READERS}
    for operation in operations:
        if late.intersection(operation["inputs"]):
            late.update(operation["outputs"])
    return _names(interpreter, late)


def code_tensors(interpreter: tf.lite.Interpreter) -> list[str]:
    """Names of the tensors of the positional code, at each of its sizes, which int8 leaves alone.

    Its ELU is float anyway, and in 256 steps the columns of a wide picture could not be told apart.
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
    """Keeps back the statistics that the converter writes past Python, unless it fails."""
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
        # By name: a list is matched to the inputs in an order that nobody promises.
        return ({"image": batch} for batch in samples)

    converter.representative_dataset = representative
    # The only way that both TensorFlows offer to leave operations out of the quantization.
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=representative,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=floats),
    )
    return debugger.get_nondebug_quantized_model()


def _check(out, width, quantize, data_dir, images):
    if out.suffix != ".tflite":
        raise ValueError(f"--out={out}: expected a file name that ends with .tflite")
    if quantize not in TOLERANCES:
        raise ValueError(f"--quantize={quantize}: expected one of {', '.join(TOLERANCES)}")
    if width and width < graph.MIN_WORKING_SIZE:
        raise ValueError(f"--width={width}: must be at least {graph.MIN_WORKING_SIZE}, or 0")
    if images < 1:
        raise ValueError(f"--images={images}: must be at least 1")
    if quantize == "int8" and not data_dir:
        raise ValueError("--quantize=int8 finds its scales on images: give --data_dir=RECORDS")


def define_flags() -> None:
    """The flags of the command."""
    flags.DEFINE_string("workdir", None, "Directory of a training run.", required=True)
    flags.DEFINE_string("out", None, "File to write, NAME.tflite.", required=True)
    flags.DEFINE_integer("height", 0, "Fixed height; 0: that of the training images.")
    flags.DEFINE_integer("width", 0, "Fixed width; 0: that of the training images.")
    flags.DEFINE_enum("quantize", "none", list(TOLERANCES), "Form of the weights; the table above.")
    flags.DEFINE_string("data_dir", "", "Records: scales of int8, images of the comparison.")
    flags.DEFINE_integer("images", 100, "Records read from --data_dir.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    names = ("workdir", "out", "height", "width", "quantize", "data_dir", "images")
    path = export_tflite(**{name: options[name].value for name in names})
    document = files.read(path.with_suffix(".json"))
    print(parity.text(document["parity"]))
    print(f"written: {path} ({document['bytes'] / 1e6:.2f} MB)")


if __name__ == "__main__":
    define_flags()
    cli.run(main, quiet=True)
