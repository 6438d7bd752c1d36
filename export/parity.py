"""How far an exported model is from the checkpoint it was made from.

    python -m export.parity --workdir RUN --model SAVED_MODEL|FILE.tflite --input IMAGE|FOLDER

The checkpoint is the truth. Both get the same pixels (resized first where the model's size is
fixed) and every output of the model is compared: largest and mean relative error over all
pixels, |model - checkpoint| / |checkpoint|. Beyond the tolerance that the export was held to, or
that of the flags, the command fails; every export runs the same check before its result appears.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from absl import flags
from tqdm import tqdm

from aquanet_tf import artefact, cli, images, json_file, prediction, predictor


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """Largest relative errors that pass; `max_error` of one pixel, `mean_error` over them all."""

    max_error: float
    mean_error: float

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if not value >= 0:
                raise ValueError(f"--{name}={value}: must not be negative")


# The same operations run in both; what differs is how graph optimizers order float32 sums.
SAME_OPERATIONS = Tolerance(1e-4, 1e-5)
# Batch, height, width: the odd sizes catch padding, the batch its order.
CHECKED_SHAPES = ((1, 64, 208), (2, 75, 121), (3, 40, 40))


def compare(
    network: prediction.Network, truth: prediction.Network, batches: list[np.ndarray]
) -> dict[str, dict[str, float]]:
    """Output -> {"max_relative_error", "mean_relative_error"} over all pixels of all batches.

    Args:
      network: the exported model.
      truth: the checkpoint, at the working height of `network`.
      batches: uint8 [B, H, W, 3] each, of any sizes.

    Raises ValueError when the model returns no inverse depth or NaN.
    """
    largest, total, pixels = {}, {}, 0
    for batch in tqdm(batches, desc="parity", unit="batch", delay=10):
        batch = np.stack([network.prepared(image) for image in batch])
        expected = _with_depth(truth.maps(batch), network.metres_per_unit)
        found = network.maps(batch)
        if missing := {"inverse_depth", "beta"} - set(found):
            raise ValueError(f"the {network.kind} does not return {', '.join(sorted(missing))}")
        pixels += expected["beta"].size
        for name, values in found.items():
            if values.shape != expected[name].shape or not np.isfinite(values).all():
                raise ValueError(f"the {network.kind} returns {name} that is NaN or cut")
            # float64: a mean of float32 over millions of pixels has errors of its own.
            error = np.abs(values - expected[name].astype(np.float64)) / np.abs(expected[name])
            largest[name] = max(largest.get(name, 0.0), float(error.max()))
            total[name] = total.get(name, 0.0) + float(error.sum())
    return {
        name: {"max_relative_error": largest[name], "mean_relative_error": total[name] / pixels}
        for name in largest
    }


def check(
    network: prediction.Network,
    truth: prediction.Network,
    batches: list[np.ndarray],
    tolerance: Tolerance,
) -> dict:
    """`compare`, with a ValueError that gives the figure when an output is beyond the tolerance,
    or when the model and the checkpoint are not of the same epoch.

    Returns {"kind", "tolerance", "outputs", "images"}, for the metadata of an export.
    """
    if network.epoch != truth.epoch:
        raise ValueError(
            f"the {network.kind} was exported at epoch {network.epoch}, the run is at epoch "
            f"{truth.epoch} by now: export it again"
        )
    outputs = compare(network, truth, batches)
    for name, errors in outputs.items():
        for kind in ("max", "mean"):
            error, allowed = errors[f"{kind}_relative_error"], getattr(tolerance, f"{kind}_error")
            if error > allowed:
                raise ValueError(
                    f"the {network.kind}'s {name} differs from the checkpoint: {kind} relative "
                    f"error {error:.2g}, allowed is {allowed:g}"
                )
    return {
        "kind": network.kind,
        "tolerance": dataclasses.asdict(tolerance),
        "outputs": outputs,
        "images": sum(len(batch) for batch in batches),
    }


def noise(shapes=CHECKED_SHAPES) -> list[np.ndarray]:
    """Random uint8 batches of (B, H, W) each, the same every time."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def text(report: dict) -> str:
    """A report of `check` for people, one line for each output."""
    lines = [
        f"{name}: relative error max {errors['max_relative_error']:.2g}, "
        f"mean {errors['mean_relative_error']:.2g}"
        for name, errors in report["outputs"].items()
    ]
    allowed = report["tolerance"]
    lines.append(
        f"{report['images']} images; allowed: max {allowed['max_error']:g}, "
        f"mean {allowed['mean_error']:g}"
    )
    return "\n".join(lines)


def _with_depth(maps, metres_per_unit):
    depth = 1.0 / maps["inverse_depth"]
    derived = {"depth": depth}
    if metres_per_unit:
        derived["depth_metres"] = metres_per_unit * depth
    return {**maps, **derived}


def define_flags() -> None:
    """The flags of the command."""
    flags.DEFINE_string("workdir", None, "Directory of the training run.", required=True)
    flags.DEFINE_string("model", None, "SavedModel directory or .tflite file.", required=True)
    flags.DEFINE_string("input", None, "An image, or a folder of images.", required=True)
    flags.DEFINE_float(
        "max_error", None, "Largest relative error of a pixel; default: the export's."
    )
    flags.DEFINE_float("mean_error", None, "Largest mean relative error; default: the export's.")
    flags.DEFINE_string("out", "", "JSON file for the result; empty: only printed.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    paths = images.list_images(options.input)
    network = artefact.open_model(options.model)
    if network.kind == "checkpoint":
        raise ValueError(f"--model={options.model}: is a workdir; name an export of it")
    given = {"max_error": options.max_error, "mean_error": options.mean_error}
    given = {name: value for name, value in given.items() if value is not None}
    tolerance = Tolerance(**{**network.tolerance, **given})
    truth = predictor.load(options.workdir, network.height)
    batches = [images.read_image(path)[None] for path in paths]
    report = check(network, truth, batches, tolerance)
    if options.out:
        json_file.write(options.out, report)
    print(text(report))


if __name__ == "__main__":
    define_flags()
    cli.run(main)
