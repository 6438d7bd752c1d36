"""How far an exported model is from the checkpoint it was made from: errors and tolerances."""

from __future__ import annotations

import dataclasses

import numpy as np

from aquanet_tf import progress
from aquanet_tf.inference import network as inference_network


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """Largest figures that pass; None: any.

    A max says something where both compute the same. Quantized, a single pixel at an edge may fall
    on the other side, up to d_max / d_min off, and means nothing: there mean and outliers judge.
    """

    max_error: float | None
    mean_error: float
    outliers: float | None = None

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if value is not None and not value >= 0:
                raise ValueError(f"--{name}={value}: must not be negative")


# The same operations run in both; what differs is how graph optimizers order float32 sums.
SAME_OPERATIONS = Tolerance(1e-4, 1e-5)
# Pixels beyond this ratio, or a probability's difference above a quarter, are outliers.
_RATIO, _DIFFERENCE = 1.25, 0.25
# Batch, height, width: the odd sizes catch padding, the batch its order.
CHECKED_SHAPES = ((1, 64, 208), (2, 75, 121), (3, 40, 40))


def compare(
    network: inference_network.Network, truth: inference_network.Network, batches: list[np.ndarray]
) -> dict[str, dict[str, float]]:
    """Output -> {"max_error", "mean_error", "outliers"} over all pixels of all batches.

    Args:
      network: the exported model.
      truth: the checkpoint, at the working height of `network`.
      batches: uint8 [B, H, W, 3] each, of any sizes.

    Raises ValueError when the model returns no inverse depth or NaN.
    """
    largest, total, outliers, pixels = {}, {}, {}, 0
    for batch in progress.bar(batches, desc="parity", unit="batch", delay=10):
        batch = np.stack([network.prepared(image) for image in batch])
        expected = _with_depth(truth.maps(batch), network.metres_per_unit)
        found = network.maps(batch)
        if missing := {"inverse_depth", "beta"} - set(found):
            raise ValueError(f"the {network.kind} does not return {', '.join(sorted(missing))}")
        pixels += expected["beta"].size
        for name, values in found.items():
            if values.shape != expected[name].shape or not np.isfinite(values).all():
                raise ValueError(f"the {network.kind} returns {name} that is NaN or cut")
            error, outlier = _errors(name, found, expected)
            largest[name] = max(largest.get(name, 0.0), float(error.max()))
            total[name] = total.get(name, 0.0) + float(error.sum())
            outliers[name] = outliers.get(name, 0) + int(outlier.sum())
    return {
        name: {
            "max_error": largest[name],
            "mean_error": total[name] / pixels,
            "outliers": outliers[name] / pixels,
        }
        for name in sorted(largest)  # a SavedModel gives them in another order each time
    }


def _errors(name, found, expected):
    """(error [B, H, W], bool [B, H, W] outliers) of one output."""
    # float64: a mean of float32 over millions of pixels has errors of its own.
    values, truth = found[name].astype(np.float64), expected[name].astype(np.float64)
    if name == "static_mask":
        truth = found["moving_object_probability"] < 0.5
    if name in ("moving_object_probability", "static_mask"):
        error = np.abs(values - truth)
        return error, error > _DIFFERENCE
    error = np.abs(values - truth) / np.abs(truth)
    ratio = np.maximum(values / truth, truth / values)
    return error, ~(ratio <= _RATIO)


def check(
    network: inference_network.Network,
    truth: inference_network.Network,
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
        for kind, allowed in dataclasses.asdict(tolerance).items():
            if allowed is not None and errors[kind] > allowed:
                raise ValueError(
                    f"the {network.kind}'s {name} differs from the checkpoint: "
                    f"{kind.replace('_', ' ')} {errors[kind]:.2g}, allowed is {allowed:g}"
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
        f"{name}: error max {errors['max_error']:.2g}, mean {errors['mean_error']:.2g}, "
        f"outliers {errors['outliers']:.2g}"
        for name, errors in report["outputs"].items()
    ]
    return "\n".join([*lines, f"{report['images']} images; allowed: {allowed(report)}"])


def allowed(report: dict) -> str:
    """The tolerance of a report of `check` in words."""
    found = (item for item in report["tolerance"].items() if item[1] is not None)
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in found)


def _with_depth(maps, metres_per_unit):
    depth = 1.0 / maps["inverse_depth"]
    derived = {"depth": depth}
    if metres_per_unit:
        derived["depth_metres"] = metres_per_unit * depth
    return {**maps, **derived}
