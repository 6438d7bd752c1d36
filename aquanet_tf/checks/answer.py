"""The shipped network on its shipped image: does this machine compute what ours did?"""

from __future__ import annotations

import pathlib

import tensorflow as tf

from aquanet_tf.checks.finding import Finding
from aquanet_tf.inference import known_answer
from aquanet_tf.inference.loader import open_model
from aquanet_tf.runs.layout import shipped

SHIPPED = shipped("street")


def check(device: str, folder: pathlib.Path = SHIPPED) -> Finding:
    """Mean inverse depth of the image against the number stored beside it."""
    name = f"known answer on {device}"
    if not (folder / known_answer.FILE).is_file():
        return Finding(name, f"not tried: this installation has no pretrained/{folder.name}")
    with tf.device(device):
        answer = known_answer.ask(open_model(folder), folder)
    if answer.right:
        return Finding(name, answer.line())
    fault = (
        f"off by {answer.error:.1e} of it (allowed {answer.tolerance:g}): this machine "
        "computes other numbers; send us this report"
    )
    return Finding(name, answer.line(), fault)
