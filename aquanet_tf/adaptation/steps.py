"""The commands of an adaptation, as jobs."""

from __future__ import annotations

import dataclasses
import glob
import pathlib
import sys

from aquanet_tf.adaptation import recipe
from aquanet_tf.config import Config
from aquanet_tf.jobs.job import Job, plain

# Files and folders below --out; CLIP / REPORT is written by the step `video`.
REPORT = "video.json"
CLIP, SAVED_MODEL, TFLITE, PAGE = "clip", "saved_model", "model.tflite", "index.html"
SCALE = "scale"  # name of the step that may fail: everything else goes on without meters
# Beginnings of the commands; a test replaces them.
COMMANDS = {
    name: (sys.executable, "-m", module)
    for name, module in {
        "video": "data_prep.video",
        "train": "aquanet_tf.train",
        "scale": "aquanet_tf.scale",
        "saved_model": "export.saved_model",
        "tflite": "export.tflite",
        "page": "export.adaptation",
    }.items()
}
_HELD_OUT = 0.1  # share of the frames


@dataclasses.dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        input: video, folder of videos, or folder of images.
        out: directory of the adaptation.
        camera: flags of data_prep.video that describe the camera.
        crop: top, bottom, left, right in pixels.
        speed: flags of data_prep.video that tell the speed; may be empty.
        camera_height: meters; 0: unknown.
    """

    input: str
    out: pathlib.Path
    camera: tuple[str, ...]
    crop: tuple[int, int, int, int]
    speed: tuple[str, ...] = ()
    camera_height: float = 0.0


def jobs(wish: Wish, start: recipe.Source, options: tuple[Config, Config], commands=COMMANDS):
    """All jobs in their order, the page last.

    options: of both stages, from `recipe.options`.
    """
    out = wish.out
    found = [_video(wish, start, commands)]
    names = (recipe.STAGE1, recipe.STAGE2)
    titles = (
        "stage 1: the shipped network learns this camera; ego-motion and depth from all pixels",
        "stage 2: the masks of stage 1 take out what moves; from the shipped network again",
    )
    for name, title, config in zip(names, titles, options):
        found.append(_training(wish, name, title, config, commands))
    last = str(out / recipe.STAGE2)
    if scale := _scale_flags(wish, options[1].learn_intrinsics):
        title = "meters: how many one unit of depth has"
        command = (*commands["scale"], "--workdir", last, *scale)
        found.append(_plain_job(wish, SCALE, command, title))
    needs = tuple(job.name for job in found if job.name != SCALE)
    for name, place in (("saved_model", SAVED_MODEL), ("tflite", TFLITE)):
        command = (*commands[name], "--workdir", last, "--out", str(out / place))
        found.append(_plain_job(wish, name, command, f"export: {place}", needs))
    page = (*commands["page"], "--workdir", str(out), "--out", str(out / PAGE))
    return found, _plain_job(wish, "page", page, f"the page: {PAGE}")


def _video(wish, start, commands) -> Job:
    command = (
        *commands["video"],
        *("--input", wish.input, "--out", str(wish.out / CLIP), *wish.camera, *wish.speed),
        f"--crop={','.join(map(str, wish.crop))}",
        f"--height={start.height}",
        f"--held_out={_HELD_OUT}",
        f"--max_triplets={recipe.TRIPLETS}",
    )
    title = "frames: those in motion, and how far apart; a tenth is held out to measure on"
    return _plain_job(wish, "video", command, title)


def _training(wish, name, title, config, commands) -> Job:
    path = wish.out / f"{name}.flags"
    workdir = wish.out / name
    return Job(
        name=name,
        command=(*commands["train"], f"--flagfile={path}", f"--workdir={workdir}"),
        what=plain({"options": dataclasses.asdict(config), "wish": _of(wish)}, wish.out),
        needs=("video",) if name == recipe.STAGE1 else ("video", recipe.STAGE1),
        units=config.epochs,
        progress=workdir / "history.csv",
        output=workdir / "history.csv",
        title=title,
        flags=_flags,
    )


def _scale_flags(wish, learned: bool) -> tuple[str, ...]:
    """Flags of aquanet_tf.scale; empty when nothing tells the meters."""
    if wish.camera_height:
        raw = glob.escape(str(wish.out / CLIP / "raw"))
        found = ("--camera_height", f"{wish.camera_height:g}", "--input", f"{raw}/*/*/*/data/*")
        camera = wish.out / recipe.STAGE2 / "intrinsics.json"
        return (*found, "--intrinsics", str(camera)) if learned else found
    if wish.speed:
        return ("--data_dir", str(wish.out / CLIP / "records"))
    return ()


def _plain_job(wish, name, command, title, needs=("video", recipe.STAGE1, recipe.STAGE2)) -> Job:
    what = plain({"command": list(command[3:]), "wish": _of(wish)}, wish.out)
    return Job(
        name=name,
        command=command,
        what=what,
        needs=() if name == "video" else needs,
        output=wish.out / CLIP / REPORT if name == "video" else None,
        again=name != "video",
        title=title,
        flags=_flags,
    )


def _of(wish) -> dict:
    """What every step depends on."""
    return {"input": wish.input, "camera": list(wish.camera), "crop": list(wish.crop)}


def _flags(what: dict) -> dict:
    """The flags of aquanet_tf.adapt that the `what` of a job came from, for messages."""
    wish, options = what["wish"], what.get("options")
    name, value = wish["camera"]
    crop = ",".join(map(str, wish["crop"]))
    found = {"input": wish["input"], name.removeprefix("--"): value, "crop": crop}
    if options:
        # The epochs of a training count its kick-start, which the user does not.
        epochs = options["epochs"] - options["kickstart_epochs"]
        found.update(init_from=options["init_from"], epochs=epochs)
    for word in what.get("command", ()):
        if word.startswith(("--speed_", "--fps=")):
            name, _, value = word.removeprefix("--").partition("=")
            found[name] = value
        elif word.startswith("--height="):
            height = word.removeprefix("--height=")
            found["init_from"] = f"(a run with images of height {height})"
    return found
