"""The commands of an adaptation, as jobs."""

from __future__ import annotations

import dataclasses
import glob
import sys

from aquanet_tf.adaptation import recipe
from aquanet_tf.adaptation.request import Request
from aquanet_tf.config import Config
from aquanet_tf.jobs.job import Job, plain
from aquanet_tf.runs.layout import HISTORY_FILE

# Files and folders below --out; CLIP / REPORT is written by the step `video`.
REPORT = "video.json"
CLIP, SAVED_MODEL, TFLITE, PAGE = "clip", "saved_model", "model.tflite", "index.html"
CAMERA = "camera.json"
# Names of the steps that may fail: everything else goes on without their result.
CALIBRATE, SCALE = "calibrate", "scale"
# Beginnings of the commands; a test replaces them.
COMMANDS = {
    name: (sys.executable, "-m", module)
    for name, module in {
        "calibrate": "data_prep.calibrate",
        "video": "data_prep.video",
        "train": "aquanet_tf.train",
        "scale": "aquanet_tf.scale",
        "saved_model": "export.saved_model",
        "tflite": "export.tflite",
        "page": "export.adaptation",
    }.items()
}
_HELD_OUT = 0.1  # share of the frames


def jobs(
    request: Request, start: recipe.Source, options: tuple[Config, Config], commands=COMMANDS
) -> tuple[list[Job], Job]:
    """The jobs in their order, and the job of the page, which needs what all of them found.

    options: of both stages, from `recipe.options`. commands: name of a step -> beginning of argv.
    """
    out = request.out
    found = [_video(request, start, commands)]
    names = (recipe.STAGE1, recipe.STAGE2)
    titles = (
        "stage 1: the shipped network learns this camera; ego-motion and depth from all pixels",
        "stage 2: the masks of stage 1 take out what moves; from the shipped network again",
    )
    for name, title, config in zip(names, titles, options):
        found.append(_training(request, name, title, config, commands))
    last = str(out / recipe.STAGE2)
    if scale := _scale_flags(request, options[1].learn_intrinsics):
        title = "meters: how many one unit of depth has"
        command = (*commands["scale"], "--workdir", last, *scale)
        found.append(_plain_job(request, SCALE, command, title))
    needs = tuple(job.name for job in found if job.name != SCALE)
    for name, place in (("saved_model", SAVED_MODEL), ("tflite", TFLITE)):
        command = (*commands[name], "--workdir", last, "--out", str(out / place))
        found.append(_plain_job(request, name, command, f"export: {place}", needs))
    page = (*commands["page"], "--workdir", str(out), "--out", str(out / PAGE))
    return found, _plain_job(request, "page", page, f"the page: {PAGE}")


def _video(request, start, commands) -> Job:
    command = (
        *commands["video"],
        *("--input", request.input, "--out", str(request.out / CLIP)),
        *(*request.camera, *request.speed),
        f"--crop={','.join(map(str, request.crop))}",
        f"--height={start.height}",
        f"--held_out={_HELD_OUT}",
        f"--max_triplets={recipe.TRIPLETS}",
    )
    title = "frames: those in motion, and how far apart; a tenth is held out to measure on"
    return _plain_job(request, "video", command, title)


def _training(request, name, title, config, commands) -> Job:
    path = request.out / f"{name}.flags"
    workdir = request.out / name
    return Job(
        name=name,
        command=(*commands["train"], f"--flagfile={path}", f"--workdir={workdir}"),
        what=plain({"options": dataclasses.asdict(config), "wish": _of(request)}, request.out),
        needs=("video",) if name == recipe.STAGE1 else ("video", recipe.STAGE1),
        units=config.epochs,
        progress=workdir / HISTORY_FILE,
        output=workdir / HISTORY_FILE,
        title=title,
        flags=_flags,
        defaults=dataclasses.asdict(Config()),
    )


def _scale_flags(request, learned: bool) -> tuple[str, ...]:
    """Flags of aquanet_tf.scale; empty when neither a height nor a speed is known."""
    if request.camera_height:
        raw = glob.escape(str(request.out / CLIP / "raw"))
        found = ("--camera_height", f"{request.camera_height:g}", "--input", f"{raw}/*/*/*/data/*")
        camera = request.out / recipe.STAGE2 / "intrinsics.json"
        return (*found, "--intrinsics", str(camera)) if learned else found
    if request.speed:
        return ("--data_dir", str(request.out / CLIP / "records"))
    return ()


def _plain_job(request, name, command, title, needs=("video", recipe.STAGE1, recipe.STAGE2)) -> Job:
    what = plain({"command": list(command[3:]), "wish": _of(request)}, request.out)
    return Job(
        name=name,
        command=command,
        what=what,
        needs=() if name == "video" else needs,
        output=request.out / CLIP / REPORT if name == "video" else None,
        again=name != "video",
        title=title,
        flags=_flags,
    )


def _of(request) -> dict:
    """What every step depends on; "wish" in the records of the jobs."""
    return {"input": request.input, "camera": list(request.camera), "crop": list(request.crop)}


def _flags(what: dict) -> dict:
    """The flags of aquanet_tf.adapt that the `what` of a job came from, for messages."""
    asked, options = what["wish"], what.get("options")
    name, value = asked["camera"]
    crop = ",".join(map(str, asked["crop"]))
    found = {"input": asked["input"], name.removeprefix("--"): value, "crop": crop}
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
