"""SPIMO masks of whole frames, computed once and kept as files.

A mask depends on one image alone, so each stored frame gets one PNG, 255 static and 0 likely
moving, and a crop takes its part of it. Computing the masks of the crops in every step would cost
four passes for each of three frames.

The files are in WORKDIR/masks/FINGERPRINT, under the names of `data.mask_files`. The fingerprint
covers everything that masks depend on: frozen weights, options and data set. So the files found
there are those that would be computed, and data sets with equal names of sequences have separate
masks. masks.json, written last, lists every file with its size; an interrupted call is completed.
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
from aquanet_tf.config import Config, retired
from aquanet_tf.config.fields import named
from aquanet_tf.data import manifest, mask_files, mixture, records
from aquanet_tf.inference import graph
from aquanet_tf.masks import spimo
from aquanet_tf.runs import Run

INDEX = "masks.json"
# Options of the version that made the first caches: they count with every value. No other will be
# added.
_FIRST = frozenset(
    """
    data_dir data_weights val_data_dir batch_size crop_height crop_width pose_input_height
    pose_input_width stage stage1_workdir stage2_posenet resize_min resize_max depth_scaling flip
    time_reversal photometric width encoder encoder_weights activation levels inverse_depth_min
    inverse_depth_max adaptive beta_max focal_planes head pose_form pose_network_width warp
    warp_impl mask mask_source spimo_passes spimo_shift_u spimo_shift_v spimo_threshold
    spimo_resolution spimo_renormalize spimo_ignore_top spimo_source boosting_weight
    perceptual_weight smoothness_weight smoothness_edge pyramid_scales kickstart_ramp vgg19_weights
    kickstart_epochs pose_frozen_epochs epochs steps_per_epoch kickstart_learning_rate
    learning_rate milestones mixed_precision steps_per_execution clip_norm seed deterministic
    strategy replicas panels_every checkpoint_steps keep_checkpoints collapse
    """.split()
)
# Younger options of the network that masks depend on by its frozen weights and working height
# alone, which the fingerprint covers anyway: they never count.
_BY_WEIGHTS = {
    *("synthesis", "ssim_weight", "rate_schedule", "ema", "working_height"),
    *("grid_shift", "spimo_margin", "warmup_epochs"),
    *("speed_weight", "anchor_weight", "learn_intrinsics"),
    *("init_from", "init_checkpoint", "init_partial", "init_kickstart", "keep_best"),
    *("val_gt_dir", "val_split", "val_ground_truth", "val_gt_frames", "val_gt_every"),
}


def prepare(run: Run, config: Config, workdir: str | pathlib.Path) -> list[pathlib.Path]:
    """Computes the masks of `config.data_dir` that are missing.

    Args:
        run: the frozen stage-1 network.
        config: of the stage-2 run; the masks depend on its options with affects="masks".
        workdir: of the stage-2 run.

    Returns the directory of the masks for each data set. Raises ValueError for a data set that does
    not match its manifest and OSError when a file cannot be written.
    """
    score = _compiled(run, config)
    folders = []
    for name in mixture.directories(config.data_dir):
        info = manifest.verify(name)
        folder = pathlib.Path(workdir) / "masks" / fingerprint(run, config, info)
        if not _complete(folder):
            data_set = mixture.DataSet(pathlib.Path(name), info, 1.0)
            _make(data_set, folder, score, config.spimo_threshold)
        folders.append(folder)
    return folders


def _make(data_set, folder, score, threshold):
    """Writes the missing masks of one data set, then their index."""
    info = data_set.info
    sizes = {}
    dataset = tf.data.TFRecordDataset(data_set.files).prefetch(4)
    for data in progress.bar(dataset, total=info["count"], desc="SPIMO masks", unit="triplet"):
        fields = records.parse(data)
        names = [os.fsdecode(name) for name in mask_files.names(fields).numpy()]
        missing = [i for i in range(len(names)) if not (folder / names[i]).is_file()]
        if missing:
            frames = [
                records.decode(fields[records.FRAMES[i]], info["image_format"]) for i in missing
            ]
            for i, value in zip(missing, score(tf.stack(frames), fields["intrinsics"]).numpy()):
                static = spimo.static_mask(value[..., 0], threshold)
                _write(folder / names[i], static)
        sizes.update({name: (folder / name).stat().st_size for name in names})
    files.write(folder / INDEX, {"files": sizes})


def fingerprint(run: Run, config: Config, info: dict) -> str:
    """16 hex digits of everything that the masks of one data set depend on: `info` is its manifest,
    `config` that of the stage-2 run."""
    dependencies = {
        "options": _counted(config, named(Config, affects="masks")),
        "shards": [shard["sha256"] for shard in info["shards"]],
        "network": _of_the_network(run.config),
        "working_height": run.working_height,
    }
    digest = hashlib.sha256(json.dumps(dependencies, sort_keys=True).encode())
    for weight in run.aquanet.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()[:16]


def _of_the_network(config):
    """The options of the stage-1 run in its fingerprint, with those that are retired since."""
    names = [name for name in named(Config) if name not in _BY_WEIGHTS]
    return {**_counted(config, names), **retired.KEPT}


def _counted(config, names) -> dict:
    """The options `names` in a fingerprint. One that is younger than the first caches counts only
    where it differs from its default, so that caches of earlier versions stay valid."""
    values, defaults = dataclasses.asdict(config), dataclasses.asdict(Config())
    return {n: values[n] for n in names if n in _FIRST or values[n] != defaults[n]}


def _complete(folder) -> bool:
    """Whether every file of the index is there with its size. If not, removes the index and the
    files of another size, so that they are made again."""
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


def _compiled(run, config):
    """Function (frames uint8 [n,h,w,3], their K [3,3] in pixels) -> dispersion of depth [n,h,w,1],
    the variance / mean^2 of Eq. 7."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.uint8),
            tf.TensorSpec([3, 3], tf.float32),
        ]
    )
    def score(frames, k):
        size = tf.cast(tf.shape(frames)[1:3], tf.float32)
        focal = k[0, 0] / size[1], k[1, 1] / size[0]
        return graph.moving_score(run, frames, focal=focal, config=config)

    return score


def _write(path, static):
    """One PNG of `static`, bool [H, W]."""
    with files.atomic(path) as temporary:
        Image.fromarray(np.where(static, 255, 0).astype(np.uint8)).save(temporary, format="PNG")
