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

TFLite has no int8 ELU: int8 is about as fast and as small as dynamic, both much faster and smaller
than none (docs/results/edge.md). The sum over the levels (Eq. 5) stays in float32: in int8 its
inverse depth would have steps of d_max / 255.

The conversion itself is in `export.lite`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib

from absl import flags

from aquanet_tf import cli, files
from aquanet_tf.config import rules
from aquanet_tf.inference import graph
from aquanet_tf.inference.checkpoint import Predictor
from aquanet_tf.inference.tflite import LiteModel
from aquanet_tf.runs import scale
from aquanet_tf.runs.run import load_run
from export.bundle import metadata, model_card, parity
from export.lite import calibration, conversion

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


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a run becomes a file. Raises ValueError, naming the flag, when built from bad values.

    Attributes:
      height, width: the fixed size in pixels; 0: the one the run works at.
      quantize: a key of TOLERANCES, see the table above.
      data_dir: records. Their images set the scales of int8, which needs them, and are used to
        compare any model with the checkpoint; empty: random noise is compared.
      images: number of records that set the scales.
      checkpoint: newest, best, or a number of finished epochs.
      metres_per_unit: meters of one unit of depth, for the JSON file; 0: none; None: that of the
        run's scale.json, if there is one.
      grid_shift: of the shifted grids, 0: one pass; None: that of the run.
    """

    height: int = 0
    width: int = 0
    quantize: str = "none"
    data_dir: str = ""
    images: int = 100
    checkpoint: str = "newest"
    metres_per_unit: float | None = None
    grid_shift: float | None = None

    def __post_init__(self):
        if self.quantize not in TOLERANCES:
            expected = ", ".join(TOLERANCES)
            raise ValueError(f"--quantize={self.quantize}: expected one of {expected}")
        if self.width and self.width < rules.MIN_WORKING_SIZE:
            smallest = rules.MIN_WORKING_SIZE
            raise ValueError(f"--width={self.width}: must be at least {smallest}, or 0")
        if self.images < 1:
            raise ValueError(f"--images={self.images}: must be at least 1")
        if self.quantize == "int8" and not self.data_dir:
            raise ValueError("--quantize=int8 needs images to set its scales: give --data_dir")
        scale.check(self.metres_per_unit)


def export_tflite(workdir, out, settings: Settings | None = None) -> pathlib.Path:
    """Exports a checkpoint of `workdir` to the file `out` and returns its path.

    settings: Settings; None: the defaults.

    Raises ValueError, and writes nothing, for an `out` that cannot be written or would replace
    another file, a run that cannot be read, and a model that differs from the checkpoint.
    """
    settings, out = settings or Settings(), pathlib.Path(out)
    _check_out(out)
    run = load_run(workdir, checkpoint=settings.checkpoint, grid_shift=settings.grid_shift)
    height = graph.chosen_height(run, settings.height)
    width = settings.width or run.working_width
    known = scale.chosen(settings.metres_per_unit, workdir, run, height)
    samples = None
    if settings.data_dir:
        samples = calibration.batches(settings.data_dir, height, width, settings.images)
    content = conversion.convert(run, height, width, settings.quantize, samples)
    tolerance = TOLERANCES[settings.quantize]
    document = metadata.build(run, workdir, height, tolerance, known)
    del document["outputs"]["depth"]  # callers compute 1 / inverse_depth
    document.update(_form(content, height, width))
    document["quantize"] = settings.quantize
    document["calibration_images"] = len(samples) if settings.quantize == "int8" else 0
    with files.atomic(out) as temporary:
        network = _written(temporary, content, document)
        batches = samples[-4:] if samples else parity.noise(((1, height, width),))
        document["parity"] = parity.check(network, Predictor(run, height), batches, tolerance)
        files.write(out.with_suffix(".json"), document)
        files.write_text(out.with_suffix(".md"), model_card.text(workdir, document, USE))
    return out


def _form(content: bytes, height: int, width: int) -> dict:
    """What the JSON file says of a model's input and bytes."""
    return {
        "inputs": {"image": f"uint8 [1, {height}, {width}, 3] RGB"},
        "height": height,
        "width": width,
        "other_aspects": "resized to height x width, so squeezed: depth is less accurate; cut such "
        "images to this aspect, or export a file of theirs",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _written(path: pathlib.Path, content: bytes, document: dict) -> LiteModel:
    """Writes the file and loads it, with the JSON file beside it for as long as that takes."""
    path.write_bytes(content)
    beside = path.with_suffix(".json")  # where LiteModel looks for it
    try:
        files.write(beside, document)
        return LiteModel(path)
    finally:
        beside.unlink(missing_ok=True)


def _check_out(out: pathlib.Path) -> None:
    """Raises ValueError for an --out that cannot be written, or that replaces a file of others."""
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
    names = [field.name for field in dataclasses.fields(Settings)]
    settings = Settings(**{name: options[name].value for name in names})
    path = export_tflite(options.workdir, options.out, settings)
    document = files.read(path.with_suffix(".json"))
    print(parity.text(document["parity"]))
    print(metadata.scale_line(document))
    print(f"written: {path} ({document['bytes'] / 1e6:.2f} MB)")


if __name__ == "__main__":
    define_flags()
    cli.run(main, quiet=True)
