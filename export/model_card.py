"""The model card beside every export: what it is, learned from what, how good, good for what not.

Everything in it is read from the run: config.json, run.json, history.csv, the manifest of the
data set where it still lies (of a released run: what run.json kept of it), and the JSON files of
`aquanet_tf.evaluate` in the workdir that are of the exported epoch. What was not recorded is said
not to be known.
"""

from __future__ import annotations

import pathlib

from aquanet_tf import checkpoints, json_file, manifest, mixture
from export import parity

GENERATED = """\
- Trained on a **generated street** (`data_prep.street`) of simple shapes. What it makes of real
  roads nobody has measured: take it for a demonstration of the commands, not for a model of depth.
"""
METRICS = ("abs_rel", "sq_rel", "rmse", "rmse_log", "a1", "a2", "a3")
_TOLD = ("command", "raw_dir", "split", "camera")
LIMITS = """- Depth is **relative**: one camera cannot know the scale. Metres need a factor measured
  for the camera at hand, and even then are those of an estimate.
- It has seen **driving scenes** from a car's camera only. Indoors, from a drone, or with the
  camera tilted, nothing is to be expected of it; the position of a pixel in the picture counts.
- It assumes a **pinhole** camera, rectified. Fisheye pictures must be rectified first.
- Trained on how pictures move: a car that drives ahead at our own speed does not, and may be
  placed far too far away. Glass, mirrors and the sky have no depth that could be learned.
- **Not for safety**: do not steer, brake or warn by it."""


def text(workdir: str | pathlib.Path, document: dict, use: str, name: str = "") -> str:
    """The card as Markdown.

    Args:
      workdir: the run.
      document: metadata of the export, with its parity.
      use: lines that run the model: a command, or Python.
      name: of the run; default: its directory's.
    """
    workdir = pathlib.Path(workdir)
    run = json_file.read(workdir / checkpoints.RUN_FILE)
    sources = {**run.get("sources", {}), **_sources(document["config"]["data_dir"])}
    generated = any(source.get("generated") for source in sources.values())
    language = "bash" if use.startswith("python -m") else "python"
    sections = [
        f"# {document['name']}: {name or workdir.resolve().name}, epoch {document['epoch']}",
        "Inverse depth of each pixel of one picture, learned from unlabelled driving video with "
        f"aquanet_tf ({document['created_by']}).",
        f"## Use\n\n```{language}\n{use}\n```\n\n" + _bullets(_interface(document)),
        "## Training data\n\n" + _bullets(_data(document, run, sources)),
        "## Training\n\n" + _bullets(_training(workdir, document, run)),
        "## Measured\n\n" + _metrics(workdir, document["epoch"]),
        "## Distance of this file to the checkpoint\n\n" + _parity(document["parity"]),
        "## Limits\n\n" + (GENERATED if generated else "") + LIMITS,
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


def told(arguments: dict) -> dict:
    """What cards tell of a data set, of the arguments in its manifest."""
    found = {name: arguments[name] for name in _TOLD if name in arguments}
    raw = pathlib.Path(str(arguments.get("raw_dir", "")))
    if arguments.get("generated") or ("raw_dir" in arguments and (raw / "street.json").is_file()):
        found["generated"] = True
    return found


def evaluations(workdir: str | pathlib.Path, epoch: int):
    """(path, content) of the results of `aquanet_tf.evaluate` in `workdir` that are of `epoch`."""
    for path in sorted(pathlib.Path(workdir).glob("*.json")):
        try:
            found = json_file.read(path)
            _, _, of = found["protocol_line"], found["means"], found["model"]["epoch"]
        except (ValueError, KeyError, TypeError):
            continue  # some other JSON file of the run
        if of == epoch:
            yield path, found


def _sources(data_dir):
    """Directory -> what its manifest says, of those that are still there."""
    found = {}
    for directory in mixture.directories(data_dir):
        try:
            found[directory] = told(manifest.read(directory).get("arguments", {}))
        except ValueError:
            continue
    return found


def _data(document, run, sources):
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
        if directory not in sources:
            yield f"{which}its manifest is no longer there, so the source is not known here"
            continue
        for name, value in sources[directory].items():
            if name == "generated":
                yield f"{which}a generated street, not photographs"
            else:
                yield f"{which}{name}: `{value}`"


def _training(workdir, document, run):
    config = document["config"]
    yield f"command: `{' '.join(run['command'])}`" if "command" in run else "command: not recorded"
    yield f"commit {run.get('commit') or 'not recorded'}"
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
    for path, found in evaluations(workdir, epoch):
        rows = [f"{path.name}, protocol: {found['protocol_line']}", ""]
        rows += ["| pixels | images | " + " | ".join(METRICS) + " |", "|---" * 9 + "|"]
        for part, mean in found["means"].items():
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
