"""The section "Metrics" of a report: a network and its baselines under one protocol."""

from __future__ import annotations

import html

from aquanet_tf.evaluation import metrics
from aquanet_tf.evaluation.protocol import Protocol
from export.report import page

PARTS = {
    "all": "All pixels with ground truth",
    "static": "Static pixels",
    "moving": "Pixels of independently moving objects",
}
LOWER_IS_BETTER = ("abs_rel", "sq_rel", "rmse", "rmse_log")


def section(evaluation: dict, title: str = "Metrics") -> str:
    """The section as HTML. evaluation: content of the JSON of evaluate."""
    methods = {"network": evaluation["means"]}
    for name, result in evaluation.get("baselines", {}).items():
        methods[f"{name} baseline"] = result["means"]
    ratio = evaluation["ratio"]
    notes = [
        f"Median ratio: {ratio['median']:.4g} meters per unit; spread over images: "
        f"{100 * ratio['spread']:.1f} %."
    ]
    if evaluation["means"]["static"]:
        notes.append("Static and moving pixels use the alignment found on all pixels of the image.")
    if evaluation.get("baselines"):
        notes.append(
            "Baselines ignore the image: <em>constant</em> is the same depth everywhere, "
            "<em>ramp</em> is a flat road that ends at a wall (inverse depth max(row - horizon, "
            "height / 5)). Both are aligned as the network is."
        )
    protocol = Protocol(**evaluation["protocol"])
    return (
        f"<h2>{html.escape(title)}</h2>"
        f"<p class='small'><b>Protocol</b>: {html.escape(protocol.line())}.</p>"
        + page.metric_table(PARTS, methods, metrics.METRICS, LOWER_IS_BETTER)
        + f"<p class='small soft'>{' '.join(notes)}</p>"
    )
