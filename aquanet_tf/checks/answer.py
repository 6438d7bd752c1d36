"""The shipped network on its shipped image: does this machine compute what ours did?"""

from __future__ import annotations

import pathlib

import tensorflow as tf

import aquanet_tf
from aquanet_tf import files
from aquanet_tf.checks.finding import Finding
from aquanet_tf.inference.loader import open_model
from aquanet_tf.media import images

SHIPPED = pathlib.Path(aquanet_tf.__file__).resolve().parents[1] / "pretrained" / "street"
ANSWER = "known_answer.json"


def check(device: str, folder: pathlib.Path = SHIPPED) -> Finding:
    """Mean inverse depth of the image against the number stored beside it."""
    name = f"known answer on {device}"
    if not (folder / ANSWER).is_file():
        return Finding(name, "not tried: this installation has no pretrained/street")
    known = files.read(folder / ANSWER)
    image = images.read_image(folder / known["image"])
    with tf.device(device):
        found = float(open_model(folder).relative(image).inverse_depth.mean())
    expected, tolerance = known["mean_inverse_depth"], known["tolerance"]
    text = f"mean inverse depth {found:.6f}, expected {expected:.6f}"
    if abs(found / expected - 1) <= tolerance:
        return Finding(name, text)
    fault = (
        f"off by {abs(found / expected - 1):.1e} of it (allowed {tolerance:g}): this machine "
        "computes other numbers; send us this report"
    )
    return Finding(name, text, fault)
