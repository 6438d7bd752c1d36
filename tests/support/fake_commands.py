"""Fake train and evaluate commands, and ablate with them: an ablation in a second, without
TensorFlow.

    python tests/support/fake_commands.py train|evaluate --flag=value ...
    python tests/support/fake_commands.py ablate CONFIG OUT

A fake training writes one line of history.csv per epoch and counts its starts in WORKDIR/starts.
DIE=ROW/seedN:EPOCH lets that training kill its parent, the ablation, once after EPOCH epochs (as
kill -9 would). FAIL=ROW makes every training of that row end with an error.
"""

import json
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve()
COMMANDS = {
    "train": (sys.executable, str(HERE), "train"),
    "evaluate": (sys.executable, str(HERE), "evaluate"),
    "data": (sys.executable, str(HERE)),
}


def train(flags):
    """Writes history.csv and a result that depends on flags and stage 1."""
    workdir = pathlib.Path(flags["workdir"])
    workdir.mkdir(parents=True, exist_ok=True)
    with (workdir / "starts").open("a") as file:
        file.write("x")
    place = f"{workdir.parent.name}/{workdir.name}"
    if os.environ.get("FAIL") == workdir.parent.name:
        sys.exit("error: the loss is not finite")
    history = workdir / "history.csv"
    if not history.exists():
        history.write_text("epoch\n")
    died = workdir / "died"
    for epoch in range(len(history.read_text().splitlines()) - 1, int(flags["epochs"])):
        if os.environ.get("DIE") == f"{place}:{epoch}" and not died.exists():
            died.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            sys.exit(1)
        with history.open("a") as file:
            file.write(f"{epoch}\n")
    # The result depends on the flags and on the result of the stage-1 run.
    error = 0.1 * int(flags["seed"]) + 0.01 * len(flags.get("mask", "none"))
    if "stage1_workdir" in flags:
        error /= 1 + json.loads((pathlib.Path(flags["stage1_workdir"]) / "net").read_text())
    (workdir / "net").write_text(json.dumps(error))


def evaluate(flags):
    """Writes a document with the keys that the ablation reads; every metric is the result."""
    workdir = pathlib.Path(flags["workdir"])
    error = json.loads((workdir / "net").read_text())
    means = dict.fromkeys(("abs_rel", "sq_rel", "rmse", "rmse_log", "a1", "a2", "a3"), error)
    means["by_distance"] = [{"abs_rel": error, "factor": 1 + error, "pixels": 9}, *[None] * 4]
    static = "static_only" in flags
    document = {
        "images": 3,
        "protocol_line": "static by masks" if static else "all of it",
        "model": {"epoch": len((workdir / "history.csv").read_text().splitlines()) - 1},
        "means": {"all": means, "static": means, "moving": None},
        "masks": {},
        "baselines": {"ramp": {"means": {"all": means, "static": means, "moving": None}}},
    }
    if "mask_quality" in flags:
        curve = {"static_lost": [1, 0], "recall": [1, 0], "precision": [0.1, None]}
        point = {"precision": None, "recall": error, "iou": error, "static_lost": error}
        at = {"recall_at_static_lost": {"0.1": error}}
        at["by_distance"] = [{"recall": error, "static_lost": None}] * 5
        document["masks"] = {"spimo": {**point, **at, "curve": curve}}
    out = pathlib.Path(flags["out"])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document))


def ablate(path, out):
    """Runs the ablation with the fake commands, without figures."""
    from aquanet_tf import ablate as ablate_module
    from aquanet_tf.ablation import plan_file

    ablate_module.ablate(plan_file.read(path, out), COMMANDS, pictures=False)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    if verb == "ablate":
        ablate(*arguments)
    elif verb in ("train", "evaluate"):
        flags = dict((a[2:].split("=", 1) + [""])[:2] for a in arguments)
        {"train": train, "evaluate": evaluate}[verb](flags)
