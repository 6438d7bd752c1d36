"""The results of an ablation as Markdown, from the document of `results.collect`."""

from __future__ import annotations

from aquanet_tf.ablation import results
from aquanet_tf.evaluation import distance_bands, metrics

_TITLES = {"all": "All pixels", "static": "Static pixels", "moving": "Moving pixels"}


def markdown(document: dict) -> str:
    """Tables of metrics for all, static and moving pixels, errors by distance, mask quality, failed
    jobs, and how the numbers were made."""
    seeds = document["seeds"]
    over = f"mean ± standard deviation over {len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    lines = [f"# {document['title']}", ""]
    if document["quick"]:
        lines += ["**Made with --quick: it shows that every step runs. Ignore the numbers.**", ""]
    lines += [f"Lower is better for abs rel to rmse log, higher for a1 to a3. {over.capitalize()}."]
    for part, title in _TITLES.items():
        if any(part in row["summary"] for row in document["rows"]):
            lines += ["", f"## {title}", "", *_metric_table(document, part)]
    lines += _distance_tables(document) + _mask_table(document)
    if document["failures"]:
        lines += ["", "## Failed", ""]
        lines += [f"- {name}: {reason}" for name, reason in document["failures"].items()]
    return "\n".join(lines + _provenance(document)) + "\n"


def _metric_table(document, part) -> list[str]:
    names = [metric.replace("_", " ") for metric in metrics.METRICS]
    heads = ["Expmt.", "Method", *names, "seeds", "training"]
    lines = _head(heads)
    for row in document["rows"]:
        values = row["summary"].get(part, {})
        numbers = [_number(values.get(metric)) for metric in metrics.METRICS]
        count = values[metrics.METRICS[0]]["count"] if values else 0
        time = "the same" if row["of"] else _duration(row["training_seconds"])
        lines.append(_line([row["experiment"], row["name"], *numbers, str(count), time]))
    for name, summary in document["baselines"].items():
        values = summary.get(part, {})
        numbers = [_number(values.get(metric)) for metric in metrics.METRICS]
        lines.append(_line(["", f"baseline: {name}", *numbers, "", ""]))
    return lines


def _distance_tables(document) -> list[str]:
    known = {part for row in document["rows"] for part in row["by_distance"]}
    lines = []
    for part in [name for name in ("static", "moving") if name in known] or sorted(known):
        lines += ["", f"## {_TITLES[part]} by distance: abs rel (factor of depth)", ""]
        lines += _head(["Method", *distance_bands.NAMES])
        for row in document["rows"]:
            if part in row["by_distance"]:
                lines.append(_line([row["name"], *map(_band, row["by_distance"][part])]))
    return lines and [
        *lines,
        "",
        "All pixels of all images count equally; mean over seeds. In brackets: geometric mean of "
        "predicted depth / true depth, above 1 where the prediction is too far away.",
    ]


def _band(found) -> str:
    if found["abs_rel"] is None:
        return "-"
    return f"{found['abs_rel']['mean']:.3f} (x{found['factor']['mean']:.2f})"


def _mask_table(document) -> list[str]:
    rows = [row for row in document["rows"] if row["masks"]]
    if not rows:
        return []
    names = ("precision", "recall", "iou", "static_lost")
    at = f"{results.MASK_LOSS:g}"
    heads = ["Network of", "Masks", "precision", "recall", "IoU", "static lost", f"recall at {at}"]
    lines = ["", "## Masks of moving pixels, at the run's threshold", "", *_head(heads)]
    for row in rows:
        for mask, values in row["masks"].items():
            every = [values[name] for name in names] + [values["recall_at_static_lost"][at]]
            lines.append(_line([row["name"], mask, *map(_number, every)]))
    lines += ["", "By distance, recall / static lost:", ""]
    lines += _head(["Network of", "Masks", *distance_bands.NAMES])
    for row in rows:
        for mask, values in row["masks"].items():
            cells = [
                " / ".join("-" if v is None else f"{v['mean']:.3f}" for v in band.values())
                for band in values["by_distance"]
            ]
            lines.append(_line([row["name"], mask, *cells]))
    return lines + [
        "",
        "Compared with motion masks; all pixels of all images are counted together. Static lost: "
        "share of static pixels that the mask calls moving. Last column: recall at the threshold "
        f"where that share is {at}. The whole curves are in `figures/` and in the JSON files in "
        "`evaluations/`.",
    ]


def _provenance(document) -> list[str]:
    by_protocol = {}
    for row in document["rows"]:
        for seed in row["seeds"].values():
            names = by_protocol.setdefault(seed["protocol"], [])
            if row["name"] not in names:
                names.append(row["name"])
    lines = ["", "## How it was made", ""]
    for protocol, names in by_protocol.items():
        who = "all rows" if len(by_protocol) == 1 else ", ".join(names)
        lines.append(f"- Protocol of {who}: {protocol}.")
    images = ", ".join(map(str, document["images"]))
    lines.append(
        f"- Images: {images}. Static and moving pixels use the alignment found on all pixels."
    )
    lines.append(f"- Seeds: {', '.join(map(str, document['seeds']))}.")
    versions = ", ".join(f"{name} {value}" for name, value in document["versions"].items())
    machine = document["machine"]
    lines.append(
        f"- {document['created_by']}, commit {document['commit'] or 'unknown'}; {versions}; "
        f"{machine['cpu_cores']} CPU cores ({machine['processor']})."
    )
    lines.append(
        "- Training: wall time of one run, mean over seeds. The first run that needs masks makes "
        "them, the others reuse them."
    )
    lines += ["", "```text"]
    lines += [f"python -m {line}" if " " in line else line for line in document["data"]]
    lines += [
        f"{row['key']}: python -m aquanet_tf.train {' '.join(row['flags'])}"
        for row in document["rows"]
        if row["flags"]
    ]
    return lines + ["```"]


def _head(cells) -> list[str]:
    return [_line(cells), _line(["---"] * len(cells))]


def _line(cells) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value) -> str:
    if value is None:
        return "-"
    text = f"{value['mean']:.3f}"
    return text if value["spread"] is None else f"{text} ± {value['spread']:.3f}"


def _duration(value) -> str:
    if value is None:
        return "-"
    minutes, seconds = divmod(round(value["mean"]), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"
