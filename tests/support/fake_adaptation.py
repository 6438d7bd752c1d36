"""Fake commands of an adaptation, which take no time and need no TensorFlow.

    python tests/support/fake_adaptation.py COMMAND --flag=value | --flag value ...

Each writes what the next ones read and counts its starts in OUT/starts/COMMAND. FAIL=COMMAND lets
that command end with an error.
"""

import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve()
NAMES = ("calibrate", "video", "train", "scale", "saved_model", "tflite", "page")
# Three words before the flags, as `python -m module`.
COMMANDS = {name: (sys.executable, str(HERE), name) for name in NAMES}


def calibrate(flags):
    """A camera of 90 degrees."""
    camera = {"fx": 80.0, "fy": 80.0, "cx": 79.5, "cy": 47.5, "width": 160, "height": 96}
    found = {**camera, "calibrated": {"focal_std_percent": 0.5}}
    pathlib.Path(flags["out"]).write_text(json.dumps(found))


def video(flags):
    """The report of data_prep.video."""
    out = pathlib.Path(flags["out"])
    out.mkdir(parents=True)
    report = {"frames": 90, "kept": 80, "cuts": 0, "stride": 2, "warnings": ["it rained"]}
    (out / "video.json").write_text(json.dumps(report))


def train(flags):
    """A history of two epochs, the start, and the camera."""
    workdir = pathlib.Path(flags["workdir"])
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / "history.csv").write_text("epoch,phase,val_photometric\n0,a,0.09\n1,a,0.05\n")
    (workdir / "start.json").write_text(json.dumps({"val_photometric": 0.1}))
    camera = {"fx": 100.0, "fy": 100.0, "cx": 79.5, "cy": 47.5, "width": 160, "height": 96}
    each = {**camera, "spread": {"fx": 1.0}, "first_guess": {"fx": 120.0}}
    learned = {"learned": {"sets": [each]}, "comment": "Focal lengths: settled."}
    (workdir / "intrinsics.json").write_text(json.dumps({**camera, **learned}))


def scale(flags):
    """scale.json of the run."""
    found = {"metres_per_unit": 2.0, "spread": 0.2, "method": "camera height 1.5 m"}
    (pathlib.Path(flags["workdir"]) / "scale.json").write_text(json.dumps(found))


def write(flags):
    """An empty file or folder."""
    pathlib.Path(flags["out"]).touch()


def _flags(words):
    """name -> value of --name=value and --name value."""
    found, words = {}, list(words)
    while words:
        name, equals, value = words.pop(0).removeprefix("--").partition("=")
        found[name] = value if equals else words.pop(0)
    return found


if __name__ == "__main__":
    command, given = sys.argv[1], _flags(sys.argv[2:])
    if os.environ.get("FAIL") == command:
        sys.exit(f"error: no {command} today")
    place = pathlib.Path(given["workdir"] if "workdir" in given else given["out"])
    root = place if command == "page" else place.parent
    (root / "starts").mkdir(parents=True, exist_ok=True)
    with (root / "starts" / command).open("a") as file:
        file.write("x")
    does = {"calibrate": calibrate, "video": video, "train": train, "scale": scale}
    does.get(command, write)(given)
