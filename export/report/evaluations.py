"""Whether a JSON file of aquanet_tf.evaluate can be reported, and is of the run that is named."""

from __future__ import annotations

import pathlib
import warnings

_NEEDED = ("protocol", "means", "ratio", "model", "gt_dir", "split", "camera", "images")
AGAIN = "run python -m aquanet_tf.evaluate again"


def check(flag: str, evaluation: dict) -> None:
    """ValueError naming the `flag` unless `evaluation` is whole."""
    for name in _NEEDED:
        if name not in evaluation:
            raise ValueError(f"{flag}: no {name!r} in it; expected a file of aquanet_tf.evaluate")
    if missing := {"epoch", "working_height"} - set(evaluation["model"]):
        raise ValueError(f"{flag}: its 'model' has no {min(missing)!r}; {AGAIN}")
    if "rows" not in evaluation:
        raise ValueError(
            f"{flag}: no 'rows' in it, the numbers of single frames, which export.release takes "
            f"out; {AGAIN}"
        )


def check_run(evaluation: dict, workdir: pathlib.Path) -> None:
    """ValueError for an evaluation of another run than that in `workdir`.

    Warns where the run of the evaluation is gone: it may have been moved to `workdir`.
    """
    recorded = evaluation["model"].get("workdir")
    if not recorded or recorded == str(workdir.resolve()):
        return
    if pathlib.Path(recorded).exists():
        raise ValueError(
            f"--evaluation is of the run {recorded}, not of --workdir={workdir}: give the "
            "evaluation of this run, or that run as --workdir"
        )
    warnings.warn(
        f"--evaluation is of the run {recorded}, which is not there any more: the report takes "
        f"--workdir={workdir} for it",
        stacklevel=2,
    )
