"""Every command of README.md and BUILD.md works: each `bash` block is executed on tiny data.

The commands run as written, one after the other, in a directory of their own: flagfiles there end
with lines that make the run tiny, and the street of the documents shrinks. What cannot run here
stands in ELSEWHERE with where it does run. Links between the documents lead somewhere.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from aquanet_tf.media import images, video
from tests.support import commands, runs

DOCUMENTS = ("README.md", "BUILD.md")
ELSEWHERE = {
    "make setup": ".ci/run",
    ". .venv/bin/activate": "a shell's own environment",
    "python3 -m venv .venv": "the Makefile's recipe of make setup",
    '.venv/bin/python -m pip install -c constraints/card.txt -e ".[test,dev]"': "the same",
    "make setup-current": ".ci/run",
    "make setup-beam": "by hand: another environment",
    ".venv-beam/bin/python -m data_prep.kitti --raw_dir $KITTI_RAW --split eigen "
    "--out data/kitti/records --runner=beam": "tests/data_prep/dataset/test_beam.py",
    'pip install -c constraints/card.txt -e ".[gpu]"': "machines with a GPU",
    "tensorboard --logdir runs/kitti_smoke/tensorboard": "a server",
    'docker run --rm -p 8501:8501 -v "$PWD/serving/aquanet:/models/aquanet" '
    "-e MODEL_NAME=aquanet tensorflow/serving:2.15.1": "machines with Docker",
    "python -m export.serve --model_base_path serving/aquanet": "tests/export/test_serve.py",
    "python -m export.client --input photo.jpg --out depth.npy": "tests/export/test_serve.py",
    "curl -s http://127.0.0.1:8501/v1/models/aquanet": "tests/export/serving/test_rest.py",
    "python -m aquanet_tf.predict --workdir runs/street --input drive.mp4 --out predictions": (
        "tests/commands/test_predict.py"
    ),
    **{
        f"python -m aquanet_tf.evaluate --workdir runs/kitti_stage1 --gt_dir $KITTI_RAW "
        f"--protocol {name} --out runs/kitti_stage1/{name}.json": "tests/kitti/test_eigen_split.py"
        for name in ("eigen_original", "eigen_improved")
    },
    "python -m data_prep.cityscapes --raw_dir $CITYSCAPES --height 384 "
    "--out data/cityscapes/records": "tests/data_prep/test_cityscapes.py",
    **{
        f"python -m aquanet_tf.ablate --config configs/street/ablation.yaml --out {rest}": (
            "tests/commands/test_ablate.py, with rows of its own"
        )
        for rest in ("runs/ablation", "runs/ablation_quick --quick")
    },
    "python -m aquanet_tf.train --flagfile=configs/kitti/smoke.flags --strategy=multi_worker "
    "--data_dir=data/kitti/records --workdir=runs/several": "tests/training/test_distribution.py",
    "make test": ".ci/run",
    "make test-fast": "a part of make test",
    "make test-current": ".ci/run",
    "make cross-stack": ".ci/run",
    "make test-beam": "by hand: needs make setup-beam",
    "make lint": ".ci/run",
    "make bench": "by hand: it installs torch",
    ".ci/run": "CI itself",
    "make demo": "by hand: several minutes",
    "make demo DEMO=quick": "tests/commands/test_demo.py",
}
# Numbers in the documents' commands that would take minutes.
SHRUNK = {
    "--drives 24 --test_drives 4 --frames 24": "--drives 2 --test_drives 1 --frames 5",
    "--height 192 --width 640 --quantize": "--height 32 --width 96 --quantize",
}
TINY_FLAGS = """
--epochs=2
--kickstart_epochs=1
--steps_per_epoch=1
--batch_size=1
--crop_height=32
--crop_width=96
--pose_input_height=32
--pose_input_width=96
--width=0.05
--pose_network_width=0.05
--levels=3
--perceptual_weight=0
--vgg19_weights=none
--panels_every=0
--collapse=off
--warp_impl=streaming
"""


def commands_of(document):
    """The shell commands of a document's bash blocks, in order; one may span lines."""
    found = []
    text = (commands.ROOT / document).read_text()
    for block in re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        pending = ""
        for line in block.splitlines():
            pending += line
            try:
                if shlex.split(pending, comments=True):
                    found.append(pending)
                pending = ""
            except ValueError:  # an open quotation: the command goes on
                pending += "\n"
        assert not pending, f"{document}: unfinished command {pending!r}"
    return found


def everything():
    return dict.fromkeys(line for document in DOCUMENTS for line in commands_of(document))


def test_commands_elsewhere_are_still_in_the_documents():
    assert set(ELSEWHERE) <= set(everything())
    runnable = [line for line in everything() if line not in ELSEWHERE]
    assert len(runnable) > 12
    assert all(line.startswith(("python ", "ls photos")) for line in runnable)


def test_shrunk_numbers_are_still_in_the_documents():
    assert all(any(old in line for line in everything()) for old in SHRUNK)


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md"])
def test_links_and_files_exist(document):
    text = re.sub(r"^```.*?^```", "", (commands.ROOT / document).read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        # pretrained/: the released run, for which a tiny one stands in where it is missing.
        there = target.startswith("https://") or (commands.ROOT / target).exists()
        assert there or target.startswith("pretrained/"), target
    for target in re.findall(r"`((?:configs|tests|aquanet_tf|constraints)/[\w./]+)`", text):
        assert (commands.ROOT / target).exists(), target


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory that looks like the checkout of somebody with data: KITTI, lists, photos."""
    place = tmp_path_factory.mktemp("docs")
    for path in (commands.ROOT / "configs").rglob("*.flags"):
        copy = place / path.relative_to(commands.ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text() + TINY_FLAGS)
    street = ["--out", place / "kitti", "--drives=2", "--test_drives=1", "--frames=4"]
    made = commands.run("data_prep.street", *street)
    assert made.returncode == 0, made.stderr
    shutil.copytree(place / "kitti" / "splits", place / "splits")
    drive = (place / "splits" / "test.txt").read_text().split()[0]
    shutil.copytree(place / "kitti" / drive / "image_02" / "data", place / "photos")
    frames = [images.read_image(path) for path in sorted((place / "photos").iterdir())]
    with video.writing(place / "trip.mp4", *frames[0].shape[:2], 10.0, "") as append:
        for frame in frames:
            append(frame)
    _released(place, photo=frames[0])
    python = place / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    return place


def _released(place, photo):
    """pretrained/street: the one of the checkout, or where it has none a tiny run, released."""
    if (commands.ROOT / "pretrained" / "street").is_dir():
        shutil.copytree(commands.ROOT / "pretrained", place / "pretrained")
        return
    Image.fromarray(photo).save(place / "photo.png")
    options = ["--workdir", runs.write(place / "tiny"), "--example", place / "photo.png"]
    made = commands.run("export.release", *options, "--out", place / "pretrained" / "street")
    assert made.returncode == 0, made.stderr
    shutil.rmtree(place / "tiny")
    (place / "photo.png").unlink()


@pytest.mark.slow
def test_every_command_runs(place):
    environment = {
        **os.environ,
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(commands.ROOT),
        "KITTI_RAW": str(place / "kitti"),
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    for line in everything():
        if line in ELSEWHERE:
            continue
        for old, new in SHRUNK.items():
            line = line.replace(old, new)
        done = subprocess.run(
            ["bash", "-c", line], cwd=place, env=environment, capture_output=True, text=True
        )
        said = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
        assert done.returncode == 0, "\n".join([line, *said, done.stderr[-2000:]])
    given = {"bin", "configs", "kitti", "photos", "pretrained", "splits", "trip.mp4"}
    written = {path.name for path in place.iterdir()} - given
    assert written == {"data", "runs", "serving", "predictions", "lite", "released"}
