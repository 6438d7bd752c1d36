"""The steps of `make demo`, in the order of the Makefile, and which of them are done."""

from __future__ import annotations

import pathlib
from typing import NamedTuple


class Step(NamedTuple):
    """One step.

    Attributes:
      name: as in the Makefile.
      text: what it does.
      time: about how long that takes in the whole demo, on two quiet CPU cores.
      proof: the file below the run's folder that stands when the step is done; the Makefile writes
        it last.
    """

    name: str
    text: str
    time: str
    proof: str


def _marked(name: str, text: str, time: str) -> Step:
    return Step(name, text, time, f"done/{name}")


STEPS = (
    _marked("first", "Predict depth with the network that comes with the repository", "10 s"),
    _marked("street", "Render a synthetic street with exact depth and moving cars", "40 s"),
    _marked("records", "Pack its frames into training records", "10 s"),
    _marked("stage1", "Train stage 1 on all pixels", "3 min"),
    Step("evaluation1", "Evaluate stage 1", "10 s", "stage1/evaluation.json"),
    _marked("stage2", "Compute the masks of stage 1, train stage 2 without moving pixels", "6 min"),
    Step("evaluation2", "Evaluate stage 2", "10 s", "stage2/evaluation.json"),
    _marked("predict", "Predict the depth of a held-out drive", "10 s"),
    _marked("saved_model", "Export a SavedModel", "10 s"),
    _marked("report", "Write the report, which takes the place of this page", "15 s"),
)
NAMES = tuple(step.name for step in STEPS)


def finished(run: pathlib.Path) -> dict[str, float]:
    """Name of each step that is done -> when it was done, seconds since 1970.

    run: the folder of the demo, such as runs/demo.
    """
    proofs = {step.name: run / step.proof for step in STEPS}
    return {name: proof.stat().st_mtime for name, proof in proofs.items() if proof.is_file()}
