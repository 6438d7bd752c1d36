"""Options that all commands which write triplets share, and their flags."""

from __future__ import annotations

import dataclasses
import os

from absl import flags

from aquanet_tf import cli
from aquanet_tf.data import records

LARGEST = 8192  # pixels, of --height


@dataclasses.dataclass(frozen=True)
class Options:
    """What to write; every field is a flag of the same name, explained in `define_flags`.

    Layouts add fields of their own.
    """

    raw_dir: str
    out: str
    height: int = 0
    split: str = "all"
    stride: int = 1
    image_format: str = "jpeg"
    static_filter: bool = True
    distances: bool = False
    min_difference: float = 1.0
    max_bad: float = 0.05
    shard_size: int = 256
    threads: int = 1
    runner: str = "threads"
    beam_options: str = ""


def options_from(kind: type, arguments: dict, **others) -> Options:
    """Options of class `kind` from the arguments in a manifest; `others` are not stored there.

    ValueError when an argument is missing.
    """
    names = {field.name for field in dataclasses.fields(kind)}
    try:
        return kind(**{k: v for k, v in arguments.items() if k in names}, **others)
    except TypeError as error:
        raise ValueError(f"arguments in the manifest: {error}") from None


def define_flags(kind: type, raw_dir: str, split: str) -> None:
    """Defines the flags of `Options`, with the defaults of the class `kind`.

    raw_dir, split: help texts, which depend on the layout.
    """
    default = {field.name: field.default for field in dataclasses.fields(kind)}
    positive = {"lower_bound": 1}
    cli.define_path("raw_dir", None, raw_dir, required=True)
    text = "Directory to write: shards and manifest.json."
    cli.define_output("out", None, text, required=True, folder=True)
    flags.DEFINE_integer(
        "height",
        0,
        "Height of the stored images in pixels, aspect kept; 0: as recorded.",
        0,
        LARGEST,
    )
    cli.define_path("split", default["split"], split)
    flags.DEFINE_integer(
        "stride", default["stride"], "Frames from the target to its neighbors.", **positive
    )
    flags.DEFINE_enum(
        "image_format", "jpeg", records.IMAGE_FORMATS, "jpeg: quality 95, 4:4:4; png: lossless."
    )
    flags.DEFINE_bool("static_filter", True, "Leave out triplets in which the camera stands still.")
    flags.DEFINE_bool(
        "distances",
        True,
        "Store how many meters the camera traveled between the frames, where the source has it.",
    )
    flags.DEFINE_float(
        "min_difference",
        1.0,
        "Without oxts: a triplet stands still below this mean difference, gray levels 0..255.",
    )
    flags.DEFINE_float(
        "max_bad",
        0.05,
        "Largest accepted share of triplets with an unreadable image, 0..1.",
        lower_bound=0,
        upper_bound=1,
    )
    flags.DEFINE_integer("shard_size", 256, "Largest number of triplets in a shard.", **positive)
    flags.DEFINE_integer("threads", os.cpu_count() or 1, "Worker threads.", **positive)
    flags.DEFINE_enum(
        "runner", "threads", ("threads", "beam"), "beam: an Apache Beam pipeline (extra `beam`)."
    )
    flags.DEFINE_string(
        "beam_options", "", "Options of Beam, such as --runner=FlinkRunner; empty: on this machine."
    )


def from_flags(kind: type, **others) -> Options:
    """Options of class `kind` from the flags; `others` are values of flags that need conversion."""
    names = [field.name for field in dataclasses.fields(kind) if field.name not in others]
    return kind(**{name: flags.FLAGS[name].value for name in names}, **others)
