"""Compares a finished data set with its sources, while they are there."""

from __future__ import annotations

import os
import pathlib

from aquanet_tf import files
from aquanet_tf.data import manifest
from data_prep.dataset import options as dataset_options
from data_prep.dataset import origins

# Of data_prep.video, beside the raw frames.
_VIDEO_REPORT = "video.json"


def verify(data_dir: str | pathlib.Path, commands: dict) -> None:
    """Prints how the sources compare with their record, and each change as a fault.

    commands: name of a command -> the module of `layouts` with its `Options` and `recorded_camera`.
    ValueError when something has changed.
    """
    differences = changes(data_dir, commands)
    if differences is None:
        print("sources        not compared (not recorded, or no longer there)")
        return
    for text in differences.changed:
        print(f"fault: source {text}")
    gone = f"; {len(differences.gone)} files are no longer there" if differences.gone else ""
    print(f"sources        {'changed' if differences.changed else 'as recorded'}{gone}")
    if differences.changed:
        raise ValueError(
            f"{data_dir}: its sources have changed since it was made "
            f"({origins.listed(differences.changed)}); restore them, or remove it and prepare it "
            "again"
        )


def changes(data_dir: str | pathlib.Path, commands: dict) -> origins.Changes | None:
    """What has changed about the sources of a data set since it was made.

    None: it has no record of them, or they are not there. Sources may be removed when the data set
    is finished, so missing ones are no change. ValueError for a damaged record.
    """
    record = origins.read(data_dir)
    arguments = manifest.read(data_dir).get("arguments")
    module = commands.get(arguments.get("command")) if isinstance(arguments, dict) else None
    if module is None or not pathlib.Path(str(arguments.get("raw_dir"))).is_dir():
        return None
    texts = _changed_video(arguments["raw_dir"])
    if record is None:
        return origins.Changes(texts, []) if texts else None
    options = dataset_options.options_from(module.Options, arguments, out=str(data_dir))
    cameras = {}
    for name, before in record["cameras"].items():
        try:
            camera = module.recorded_camera(options, name, before)
        except ValueError as error:
            texts.append(str(error))
            continue
        if camera is not None:
            cameras[name] = camera
    differences = origins.changes(record, options.raw_dir, cameras)
    return origins.Changes(texts + differences.changed, differences.gone)


def _changed_video(raw_dir: str) -> list[str]:
    """Of a data set of data_prep.video, which files of its --input are not those of its report."""
    report = pathlib.Path(raw_dir).parent / _VIDEO_REPORT
    try:
        document = files.read(report)
        path, identity = document["arguments"]["input"]
        if "files" in document:
            root = path if os.path.isdir(path) else os.path.dirname(path)
            return origins.changes({"cameras": {}, "files": document["files"]}, root, {}).changed
        # Made before the files were recorded, with a digest alone. That of a folder says little.
        stat = os.stat(path)
        now = origins.digest([[pathlib.Path(path).name, stat.st_size, stat.st_mtime_ns]])
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return []  # not of a video, or it is no longer there
    same = pathlib.Path(path).is_dir() or now.startswith(str(identity))
    return [] if same else [f"{path}: replaced (another size or time)"]
