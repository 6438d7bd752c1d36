"""SPIMO masks of whole frames, made once and kept as files.

A mask depends on one image alone, so a training need not make it again for every crop of every
epoch (three frames of four passes each): each stored frame gets one PNG, 255 static and 0 likely
moving, and crops take their part of it. Files lie in WORKDIR/masks/FINGERPRINT, named as
`input_pipeline.mask_files` looks them up; the fingerprint covers the frozen weights, the SPIMO
options and the data set, so that what is found there is what would be made, and data sets whose
drives have the same names do not meet. An interrupted call goes on; masks.json, written last,
names every file and its size.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image

from aquanet_tf import files, progress
from aquanet_tf.config.options import Config
from aquanet_tf.data import manifest, mask_files, mixture, records
from aquanet_tf.inference import graph
from aquanet_tf.masks import spimo
from aquanet_tf.runs.run import Run

INDEX = "masks.json"


def prepare(run: Run, options: Config, workdir: str | pathlib.Path) -> list[pathlib.Path]:
    """Directories of the static masks of every frame of `options.data_dir`, one for each data set,
    made as far as missing.

    Args:
        run: the frozen stage-1 network.
        options: of the stage-2 run; its `spimo_` options count.
        workdir: of the stage-2 run.

    Raises ValueError for a data set that does not match its manifest, OSError when a file cannot
    be written.
    """
    score = _compiled(run, options)
    folders = []
    for name in mixture.directories(options.data_dir):
        info = manifest.verify(name)
        folder = pathlib.Path(workdir) / "masks" / fingerprint(run, options, info)
        if not _complete(folder):
            _make(mixture.DataSet(pathlib.Path(name), info, 1.0), folder, score, options)
        folders.append(folder)
    return folders


def _make(data_set, folder, score, options):
    """The masks of one data set that are not there yet, then their index."""
    info = data_set.info
    sizes = {}
    dataset = tf.data.TFRecordDataset(data_set.files).prefetch(4)
    for data in progress.bar(dataset, total=info["count"], desc="SPIMO masks", unit="triplet"):
        fields = records.parse(data)
        names = [os.fsdecode(name) for name in mask_files.mask_files(fields).numpy()]
        missing = [i for i in range(len(names)) if not (folder / names[i]).is_file()]
        if missing:
            frames = [
                records.decode(fields[records.FRAMES[i]], info["image_format"]) for i in missing
            ]
            for i, value in zip(missing, score(tf.stack(frames), fields["intrinsics"]).numpy()):
                static = spimo.static_mask(value[..., 0], options.spimo_threshold)
                _write(folder / names[i], static)
        sizes.update({name: (folder / name).stat().st_size for name in names})
    files.write(folder / INDEX, {"files": sizes})


def fingerprint(run: Run, options: Config, info: dict) -> str:
    """16 hex digits of all that the masks depend on."""
    settings = dataclasses.asdict(options)
    what = {
        "options": {name: settings[name] for name in sorted(settings) if name.startswith("spimo_")},
        "shards": [shard["sha256"] for shard in info["shards"]],
        "network": dataclasses.asdict(run.config),
        "working_height": run.data["image_height"],
    }
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode())
    for weight in run.aquanet.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]


def _complete(folder) -> bool:
    """Whether every file of the index is there with its size; an index that lies is removed, and
    what is wrong with its files too, so that they are made again."""
    if not (folder / INDEX).is_file():
        return False
    sizes = files.read(folder / INDEX)["files"]
    wrong = [
        folder / name
        for name, size in sizes.items()
        if not (folder / name).is_file() or (folder / name).stat().st_size != size
    ]
    if wrong:
        (folder / INDEX).unlink()
    for path in wrong:
        path.unlink(missing_ok=True)
    return not wrong


def _compiled(run, options):
    """Function (frames uint8 [n,h,w,3], K [3,3] of them) -> dispersion [n,h,w,1]."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.uint8),
            tf.TensorSpec([3, 3], tf.float32),
        ]
    )
    def score(frames, k):
        size = tf.cast(tf.shape(frames)[1:3], tf.float32)
        focal = k[0, 0] / size[1], k[1, 1] / size[0]
        return graph.moving_score(run, frames, focal=focal, config=options)

    return score


def _write(path, static):
    """One PNG under a temporary name, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    Image.fromarray(np.where(static, 255, 0).astype(np.uint8)).save(temporary, format="PNG")
    temporary.replace(path)
