"""Makes a run small enough to publish: the depth network's weights and what is known of them.

    python -m export.release --workdir RUN --out pretrained/street [--example IMAGE.png]
        [--with_posenet] [--data_license TEXT]

writes OUT as a workdir like RUN, with one checkpoint (the newest, or that of --checkpoint), for
predictions and every export:
  checkpoints/     the depth network in float32, without optimizers, and without PoseNet unless
                   --with_posenet keeps it for aquanet_tf.odometry;
  config.json      the options of the training;
  run.json         command, seed, commit, versions, data, and that this is a release;
  scale.json, with the scales that `aquanet_tf.scale` found for this epoch;
  history.csv, and each evaluation of this epoch in RUN, without its rows for single frames;
  example.png      an image to try it on, with --example, and known_answer.json, the number that
                   predict and the doctor expect for it;
  README.md        the model card.
A release cannot be resumed; `--init_from` can start a new run from it. It names no directories of
this machine: an absolute path is shortened to its last name. OUT appears complete and after a
comparison with RUN, or not at all.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shlex
import shutil
import tempfile

from absl import flags
from PIL import Image

from aquanet_tf import cli
from aquanet_tf import files as files_module
from aquanet_tf.data import manifest, mixture
from aquanet_tf.inference import known_answer
from aquanet_tf.inference.checkpoint import Predictor, load
from aquanet_tf.media import images
from aquanet_tf.runs import load_run, scale
from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.runs.layout import CONFIG_FILE, HISTORY_FILE, RUN_FILE, SCALE_FILE
from export.bundle import metadata, model_card, parity

EXAMPLE = "example.png"
# Release and run do the same operations on the same numbers.
TOLERANCE = parity.Tolerance(1e-6, 1e-6)
_TRAIN = "python -m aquanet_tf.train"
_ABSOLUTE = re.compile(r"(?<![\w.:/~])/(?:[^\s,=:/]+/)*(?=[^\s,=:/])")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What of a run is released.

    Attributes:
      example: an image file to include; empty: none.
      commit: of the code that trained, for runs that did not record it.
      max_mb: largest size of all files together, MB.
      with_posenet: also the ego-motion network.
      checkpoint: newest, best, or a number of finished epochs.
      data_license: what the license of the training data says about the weights, for the card.
    """

    example: str = ""
    commit: str = ""
    max_mb: float = 8.0
    with_posenet: bool = False
    checkpoint: str = "newest"
    data_license: str = ""


def release(workdir, out, settings: Settings | None = None) -> pathlib.Path:
    """Releases a checkpoint of `workdir` as the directory `out`, and returns its path.

    settings: Settings; None: the defaults.

    Raises ValueError (no checkpoint, no PoseNet in it, `out` exists, too large) and leaves nothing
    then.
    """
    settings = settings or Settings()
    workdir, out = pathlib.Path(workdir), pathlib.Path(out)
    if out.exists():
        raise ValueError(f"--out={out}: exists already; remove it, or choose another name")
    run = load_run(workdir, checkpoint=settings.checkpoint)
    picture = images.read_image(settings.example) if settings.example else None
    out.parent.mkdir(parents=True, exist_ok=True)
    # A directory, so not by `files.atomic`; the rename makes it appear as a whole.
    temporary = pathlib.Path(tempfile.mkdtemp(prefix=".releasing-", dir=out.parent))
    try:
        networks = {"aquanet": run.aquanet}
        if settings.with_posenet:
            networks["posenet"] = run.posenet
        Checkpoints(temporary, networks, {}).save(run.epoch)
        _write_records(workdir, temporary, run, settings)
        if picture is not None:
            Image.fromarray(picture).save(temporary / EXAMPLE, optimize=True)
            known_answer.write(Predictor(run), temporary, EXAMPLE)
        _write_card(temporary, out, run, picture is not None)
        _check_size(temporary, networks.values(), settings.max_mb)
        temporary.chmod(0o755)  # mkdtemp makes it private
        temporary.rename(out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return out


def _write_card(folder, out, run, example):
    """Compares the release in `folder`, later `out`, with `run`, and writes its model card."""
    known = scale.chosen(None, folder, run, run.working_height)
    document = metadata.build(run, out, run.working_height, TOLERANCE, known)
    document["inputs"] = {"image": "uint8 [H, W, 3] RGB, any size"}
    document["config"] = files_module.read(folder / CONFIG_FILE)
    exported = load(folder)
    document["parity"] = parity.check(exported, Predictor(run), parity.noise(), TOLERANCE)
    text = model_card.text(folder, document, _use(out, example), out.name)
    files_module.write_text(folder / "README.md", text)


def _check_size(folder, networks, max_mb):
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    if size > max_mb:
        raise ValueError(
            f"{size:.1f} MB, more than --max_mb={max_mb:g}: the weights take "
            f"{4 * sum(network.count_params() for network in networks) / 1e6:.1f} MB; train with a "
            "smaller --width"
        )


def without_places(value):
    """`value`, JSON-like, with every absolute path in its strings shortened to its last name."""
    if isinstance(value, dict):
        return {name: without_places(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_places(entry) for entry in value]
    return _ABSOLUTE.sub("", value) if isinstance(value, str) else value


def _write_records(workdir, out, run, settings):
    config = files_module.read(workdir / CONFIG_FILE)
    record = files_module.read(workdir / RUN_FILE)
    command = record.get("command")
    if command:
        record["command"] = [_TRAIN, *(part for part in command[1:] if part)]
    record["commit"] = settings.commit or record.get("commit")
    if settings.data_license:
        record["data_license"] = settings.data_license
    record["released"] = True
    record["released_epoch"] = run.epoch
    # From the manifests of the data, which are not part of the release.
    sources = record.get("sources") or {}
    for directory in mixture.directories(config["data_dir"]):
        try:
            sources[without_places(directory)] = manifest.read(directory).get("arguments", {})
        except ValueError:
            continue
    record["sources"] = {name: model_card.shown_arguments(each) for name, each in sources.items()}
    files_module.write(out / CONFIG_FILE, without_places(config))
    files_module.write(out / RUN_FILE, without_places(record))
    if scales := [each for each in scale.everything(workdir) if each["epoch"] == run.epoch]:
        files_module.write(out / SCALE_FILE, without_places(scale.document(scales)))
    if (workdir / HISTORY_FILE).is_file():
        shutil.copy(workdir / HISTORY_FILE, out / HISTORY_FILE)
    for path, evaluation in model_card.evaluations(workdir, run.epoch):
        files_module.write(out / path.name, without_places(_without_frames(evaluation)))


def _without_frames(value):
    if isinstance(value, dict):
        return {n: _without_frames(entry) for n, entry in value.items() if n != "rows"}
    return value


def _use(out, example):
    picture = str(out / EXAMPLE) if example else "photo.jpg"
    options = ["--workdir", str(out), "--input", picture, "--out", "predictions"]
    return f"python -m aquanet_tf.predict {shlex.join(options)}"


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of a training run.", required=True)
    cli.define_checkpoint()
    cli.define_output(
        "out", None, "Directory to make; must not exist yet.", required=True, folder=True
    )
    cli.define_path("example", "", "An image file to include; empty: none.")
    flags.DEFINE_string("commit", "", "Commit that trained it; empty: what the run recorded.")
    flags.DEFINE_float("max_mb", 8.0, "Largest size of all files together, MB.")
    text = "What the license of the training data says about the weights, for the model card."
    flags.DEFINE_string("data_license", "", text)
    flags.DEFINE_bool("with_posenet", False, "Also the ego-motion network, for odometry.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    names = [field.name for field in dataclasses.fields(Settings)]
    settings = Settings(**{name: options[name].value for name in names})
    out = release(options.workdir, options.out, settings)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    for path in files:
        print(f"{path.stat().st_size:>9,} {path}")
    print(f"written: {out} ({sum(path.stat().st_size for path in files) / 1e6:.2f} MB)")


if __name__ == "__main__":
    define_flags()
    cli.run(main, quiet=True)
