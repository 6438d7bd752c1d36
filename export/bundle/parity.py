"""The distance of an exported model to the checkpoint it was made from: errors and tolerances."""

from __future__ import annotations

import dataclasses

import numpy as np

from aquanet_tf import progress
from aquanet_tf.inference import network as inference_network


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """Largest errors that pass; None: any.

    `max_error` is meant for models with the same operations. In a quantized model a single pixel at
    a depth edge may be off by up to d_max / d_min: there mean and outliers decide.
    """

    max_error: float | None
    mean_error: float
    outliers: float | None = None

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if value is not None and not value >= 0:
                raise ValueError(f"--{name}={value}: must not be negative")


# For the same operations: only the order of float32 sums differs.
SAME_OPERATIONS = Tolerance(1e-4, 1e-5)
# Outliers are pixels beyond this ratio, or beyond this difference of a probability.
_RATIO, _DIFFERENCE = 1.25, 0.25
# Batch, height, width: odd sizes show errors of padding, batches errors of order.
CHECKED_SHAPES = ((1, 64, 208), (2, 75, 121), (3, 40, 40))


def compare(
    network: inference_network.Network, truth: inference_network.Network, batches: list[np.ndarray]
) -> dict[str, dict[str, float]]:
    """Errors of every output over all pixels of all batches, as `export.parity` defines them.

    Args:
      network: the exported model.
      truth: the checkpoint, at the working height of `network`.
      batches: uint8 [B, H, W, 3] each, of any sizes.

    Returns output -> {"max_error", "mean_error", "outliers"}. Raises ValueError when the model
    lacks an output or returns NaN.
    """
    largest, total, outliers, pixels = {}, {}, {}, 0
    for batch in progress.bar(batches, desc="parity", unit="batch", delay=10):
        batch = np.stack([network.prepared(image) for image in batch])
        expected = _with_depth(truth.maps(batch), network.metres_per_unit)
        outputs = network.maps(batch)
        if missing := {"inverse_depth", "beta"} - set(outputs):
            raise ValueError(f"the {network.kind} does not return {', '.join(sorted(missing))}")
        pixels += expected["beta"].size
        for name, values in outputs.items():
            if values.shape != expected[name].shape or not np.isfinite(values).all():
                raise ValueError(f"the {network.kind} returns {name} that is NaN or cut")
            error, outlier = _errors(name, outputs, expected)
            largest[name] = max(largest.get(name, 0.0), float(error.max()))
            total[name] = total.get(name, 0.0) + float(error.sum())
            outliers[name] = outliers.get(name, 0) + int(outlier.sum())
    return {
        name: {
            "max_error": largest[name],
            "mean_error": total[name] / pixels,
            "outliers": outliers[name] / pixels,
        }
        for name in sorted(largest)  # a SavedModel returns them in changing order
    }


def _errors(name, outputs, expected):
    """(error [B, H, W], bool [B, H, W] outliers) of one output."""
    # float64: a mean of float32 over millions of pixels has errors of its own.
    values, truth = outputs[name].astype(np.float64), expected[name].astype(np.float64)
    if name == "static_mask":
        truth = outputs["moving_object_probability"] < 0.5
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
    """`compare`, and judges the errors.

    Returns {"kind", "tolerance", "outputs", "images"} for the metadata of an export. Raises
    ValueError that gives the error when an output exceeds the tolerance, or when the model and the
    checkpoint are of different epochs.
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
    """Random uint8 batches [B, H, W, 3] of the shapes (B, H, W), equal in every call."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]


def text(report: dict) -> str:
    """A report of `check` as text, one line for each output."""
    lines = [
        f"{name}: error max {errors['max_error']:.2g}, mean {errors['mean_error']:.2g}, "
        f"outliers {errors['outliers']:.2g}"
        for name, errors in report["outputs"].items()
    ]
    return "\n".join([*lines, f"{report['images']} images; allowed: {allowed(report)}"])


def allowed(report: dict) -> str:
    """The tolerance of a report of `check` as text."""
    limits = (item for item in report["tolerance"].items() if item[1] is not None)
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in limits)


def _with_depth(maps, metres_per_unit):
    depth = 1.0 / maps["inverse_depth"]
    derived = {"depth": depth}
    if metres_per_unit:
        derived["depth_metres"] = metres_per_unit * depth
    return {**maps, **derived}
