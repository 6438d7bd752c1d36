"""The model card beside every export: what it is, learned from what, how good, good for what not.

Everything in it is read from the run: config.json, run.json, history.csv, the manifest of the
data set where it still lies, and the JSON files of `aquanet_tf.evaluate` in the workdir that are
of the exported epoch. What was not recorded is said not to be known.
"""

from __future__ import annotations

import pathlib

from aquanet_tf import checkpoints, json_file, manifest, mixture
from export import parity

METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "a1", "a2", "a3")
LIMITS = """- Depth is **relative**: one camera cannot know the scale. Metres need a factor measured
  for the camera at hand, and even then are those of an estimate.
- It has seen **driving scenes** from a car's camera only. Indoors, from a drone, or with the
  camera tilted, nothing is to be expected of it; the position of a pixel in the picture counts.
- It assumes a **pinhole** camera, rectified. Fisheye pictures must be rectified first.
- Trained on how pictures move: a car that drives ahead at our own speed does not, and may be
  placed far too far away. Glass, mirrors and the sky have no depth that could be learned.
- **Not for safety**: do not steer, brake or warn by it."""


def text(workdir: str | pathlib.Path, document: dict, use: str) -> str:
    """The card as Markdown.

    Args:
      workdir: the run.
      document: metadata of the export, with its parity.
      use: lines of Python that run the model.
    """
    workdir = pathlib.Path(workdir)
    run = json_file.read(workdir / checkpoints.RUN_FILE)
    sections = [
        f"# {document['name']}: {workdir.resolve().name}, epoch {document['epoch']}",
        "Inverse depth of each pixel of one picture, learned from unlabelled driving video with "
        f"aquanet_tf ({document['created_by']}).",
        f"## Use\n\n```python\n{use}\n```\n\n" + _bullets(_interface(document)),
        "## Training data\n\n" + _bullets(_data(document, run)),
        "## Training\n\n" + _bullets(_training(workdir, document, run)),
        "## Measured\n\n" + _metrics(workdir, document["epoch"]),
        "## Distance of this file to the checkpoint\n\n" + _parity(document["parity"]),
        "## Limits\n\n" + LIMITS,
        "## Licence\n\nCode: Apache-2.0. What may be done with the weights also depends on the "
        "licence of the training data, which the run does not record (KITTI's, for one, is "
        "non-commercial).",
    ]
    return "\n\n".join(sections) + "\n"


def _interface(document):
    low, high = document["inverse_depth_range"]
    yield from (f"`{name}`: {form}" for name, form in document["inputs"].items())
    yield from (f"`{name}`: {form}" for name, form in document["outputs"].items())
    yield f"inverse depth lies in {low:g} .. {high:g}; working height {document['working_height']}"


def _data(document, run):
    data = run["data"]
    data_dir, weights = document["config"]["data_dir"], document["config"].get("data_weights")
    yield f"directory when trained: `{data_dir or 'not recorded'}`"
    if weights:
        yield f"shares of the directories: {weights}"
    yield f"{data.get('triplets', 'unknown number of')} triplets of frames, " + (
        f"{data['image_height']}x{data['image_width']} pixels"
    )
    directories = mixture.directories(data_dir)
    for directory in directories:
        which = f"`{directory}`, " if len(directories) > 1 else ""
        try:
            arguments = manifest.read(directory).get("arguments", {})
        except ValueError:
            yield f"{which}its manifest is no longer there, so the source is not known here"
            continue
        for name in ("command", "raw_dir", "split", "camera"):
            if name in arguments:
                yield f"{which}{name}: `{arguments[name]}`"


def _training(workdir, document, run):
    config = document["config"]
    yield f"command: `{' '.join(run['command'])}`" if "command" in run else "command: not recorded"
    yield f"seed {config['seed']}, {document['epoch']} epochs finished of {config['epochs']}"
    yield f"{config['encoder']} encoder, activation {config['activation']}"
    yield f"width {config['width']:g}, {config['levels']} levels, batch {config['batch_size']}"
    for name, version in run.get("versions", {}).items():
        yield f"{name} {version}"
    history = workdir / "history.csv"
    lines = history.read_text().splitlines() if history.is_file() else []
    if len(lines) > 1:
        values = zip(lines[0].split(","), lines[-1].split(","))
        yield "last epoch: " + ", ".join(f"{name} {value}" for name, value in values if value)


def _metrics(workdir, epoch) -> str:
    blocks = []
    for path in sorted(workdir.glob("*.json")):
        try:
            found = json_file.read(path)
            protocol, means, of = found["protocol_line"], found["means"], found["model"]["epoch"]
        except (ValueError, KeyError, TypeError):
            continue  # some other JSON file of the run
        if of != epoch:
            continue
        rows = [f"{path.name}, protocol: {protocol}", ""]
        rows += ["| pixels | images | " + " | ".join(METRICS) + " |", "|---" * 9 + "|"]
        for part, mean in means.items():
            if mean:
                numbers = " | ".join(f"{mean[name]:.4f}" for name in METRICS)
                rows.append(f"| {part} | {mean['images']} | {numbers} |")
        blocks.append("\n".join(rows))
    return "\n\n".join(blocks) or (
        "Nothing: no result of `aquanet_tf.evaluate` for this epoch lay in the workdir."
    )


def _parity(report) -> str:
    rows = [
        "| output | largest relative error | mean | share of pixels off by a quarter |",
        "|---|---|---|---|",
    ]
    for name, errors in report["outputs"].items():
        numbers = (errors[kind] for kind in ("max_error", "mean_error", "outliers"))
        rows.append(f"| {name} | " + " | ".join(f"{number:.2g}" for number in numbers) + " |")
    rows += ["", f"Over {report['images']} images; allowed: {parity.allowed(report)}."]
    return "\n".join(rows)


def _bullets(lines) -> str:
    return "\n".join(f"- {line}" for line in lines)
