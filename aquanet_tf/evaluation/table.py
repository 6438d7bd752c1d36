"""The text that `aquanet_tf.evaluate` prints, from its JSON document."""

from __future__ import annotations

from aquanet_tf.evaluation import distance_bands, mask_quality, metrics, model_entry
from aquanet_tf.evaluation.protocol import Protocol


def text(document: dict) -> str:
    """Everything that is printed about the document of `run.run`."""
    without, left_out = (document[f"images_{n}"] for n in ("without_ground_truth", "left_out"))
    counted = f"{document['images']} images; {without} more have no ground truth"
    if left_out:
        counted += f"; {left_out} without ground truth under this protocol left out"
    results = {"network": document, **document["baselines"]}
    parts = [
        model_entry.line(document["model"]),
        counted,
        table(results, Protocol(**document["protocol"])),
    ]
    if document["masks"]:
        parts.append(f"\n{mask_quality.table(document['masks'])}")
    return "\n".join(parts)


def table(results: dict[str, dict], protocol: Protocol) -> str:
    """The means of several methods as text, below the protocol line.

    results: name -> result of `run.evaluate`.
    """
    lines = [f"protocol: {protocol.line()}"]
    for name, result in results.items():
        ratio = result["ratio"]
        lines.append(
            f"median ratio of {name}: {ratio['median']:.4g} m per unit, "
            f"spread over images {100 * ratio['spread']:.1f} %"
        )
    if any(result["means"]["static"] for result in results.values()):
        lines.append("static and moving: one alignment per image, found on all valid pixels")
    head = "".join(f"{name:>10}" for name in metrics.METRICS)
    lines += ["", f"{'':18}{head}{'images':>9}{'pixels':>11}"]
    means = {
        f"{name:<10}{part:<8}": mean
        for name, result in results.items()
        for part, mean in result["means"].items()
        if mean
    }
    for label, mean in means.items():
        numbers = "".join(f"{mean[metric]:10.4f}" for metric in metrics.METRICS)
        lines.append(f"{label}{numbers}{mean['images']:9d}{mean['pixels']:11d}")
    return "\n".join([*lines, "", distance_bands.table(means)])
