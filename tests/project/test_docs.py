"""Every command of the documents works: each `bash` and `python` block is executed on tiny data.

The commands run as written, one after the other, in a directory of their own: flagfiles there end
with lines that make the run tiny, and the synthetic street shrinks. ELSEWHERE lists what cannot run
here and where it does. Links, paths, commands and names in the documents must exist.
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

DOCS = commands.ROOT / "docs"
# In this order the data of one document are there for the next.
FIRST = ("quickstart", "data", "training", "evaluation", "deployment")
DOCUMENTS = tuple(
    dict.fromkeys(
        [
            "README.md",
            *(f"docs/{name}.md" for name in FIRST),
            *sorted(path.relative_to(commands.ROOT).as_posix() for path in DOCS.rglob("*.md")),
            "BUILD.md",
        ]
    )
)
TEXTS = (*DOCUMENTS, "CONTRIBUTING.md", "CHANGELOG.md", "configs/README.md", "benchmarks/README.md")
FLAGFILES = sorted((commands.ROOT / "configs").rglob("*.flags"))
LONGEST = {"README.md": 120, "BUILD.md": 130}
PACKAGES = "aquanet_tf|data_prep|export|benchmarks"
BRITISH = (
    r"\b(colour|grey|centre|licence|metres?\b|neighbour|behaviour|favour|lorry|bonnet)"
    r"|(?:al|nt|ard|gn|an|im)is(?:e|es|ed|ing|ation)\b"
)
ELSEWHERE = {
    "make setup": ".ci/run",
    ". .venv/bin/activate": "a shell's own environment",
    "python3 -m venv .venv": "the Makefile's recipe of make setup",
    '.venv/bin/python -m pip install -c constraints/keras2.txt -e ".[test,dev]"': "the same",
    "make setup-current": ".ci/run",
    "make setup-beam": "by hand: another environment",
    ".venv-beam/bin/python -m data_prep.kitti --raw_dir $KITTI_RAW --split eigen "
    "--out data/kitti/records --runner=beam": "the tests of data_prep's Beam runner",
    'pip install -c constraints/keras2.txt -e ".[gpu]"': "machines with a GPU",
    "tensorboard --logdir runs/kitti_smoke/tensorboard": "a server",
    'docker run --rm -p 8501:8501 -v "$PWD/serving/aquanet:/models/aquanet" '
    "-e MODEL_NAME=aquanet tensorflow/serving:2.15.1": "machines with Docker",
    "python -m export.serve --model_base_path serving/aquanet": "the tests of export.serve",
    "python -m export.client --input photo.jpg --out depth.npy": "the tests of export.serve",
    "curl -s http://127.0.0.1:8501/v1/models/aquanet": "the tests of export.serve",
    "python -m aquanet_tf.predict --workdir runs/street --input drive.mp4 --out predictions": (
        "the tests of predict"
    ),
    "python -m aquanet_tf.predict --workdir runs/trip --input drive.mp4 --intrinsics camera.json "
    "--undistort --out predictions": "the tests of predict, with an export",
    **{
        f"python -m aquanet_tf.evaluate --workdir runs/kitti_stage1 --gt_dir $KITTI_RAW "
        f"--protocol {name} --out runs/kitti_stage1/{name}.json": "the tests of the Eigen split"
        for name in ("eigen_original", "eigen_improved")
    },
    "python -m data_prep.cityscapes --raw_dir $CITYSCAPES --height 384 "
    "--out data/cityscapes/records": "the tests of data_prep.cityscapes",
    **{
        f"python -m aquanet_tf.ablate --config configs/street/ablation.yaml --out {rest}": (
            "the tests of ablate, with rows of their own"
        )
        for rest in ("runs/ablation", "runs/ablation_quick --quick")
    },
    "python -m aquanet_tf.train --flagfile=configs/kitti/smoke.flags --strategy=multi_worker "
    "--data_dir=data/kitti/records --workdir=runs/several": "the tests of distribution",
    "python -m aquanet_tf.scale --workdir runs/street --camera_height 1.65 --input photos "
    "--intrinsics 120.6,120.6,101.9,29.4": "the tests of scale: a tiny run sees no road",
    "python -m aquanet_tf.scale --workdir runs/street --data_dir data/street/records": (
        "the tests of scale: the ego-motion of a tiny run fits no distance"
    ),
    "python -m data_prep.calibrate --input drive.mp4 --crop 0,55,0,0 --out camera.json": (
        "the tests of data_prep.calibrate"
    ),
    "python -m aquanet_tf.doctor": "the tests of doctor",
    "python -m aquanet_tf.adapt --input drive.mp4 --camera_height 1.4 --out mycam": (
        "the tests of adapt, in miniature"
    ),
    "make test": ".ci/run",
    "make test-all": "by hand: make test and what is marked slow",
    "make test-current": ".ci/run",
    "make cross-stack": ".ci/run",
    "make test-beam": "by hand: needs make setup-beam",
    "make lint": ".ci/run",
    "make bench": "by hand: it installs torch",
    ".ci/run": "CI itself",
    "make demo": "by hand: several minutes",
    "make roads ROADS=$AQUANET_REAL_DATA": "tests/commands/test_roads.py, in a few steps",
    "make demo DEMO=quick": "the test of the demo",
}
# Numbers in the documents' commands that would take minutes.
SHRUNK = {"--drives 24 --test_drives 4 --frames 24": "--drives 2 --test_drives 1 --frames 5"}
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
--init_from=
"""


def read(document):
    return (commands.ROOT / document).read_text()


def commands_of(document):
    """What a document says to run, in order: the shell commands of its bash blocks, of which one
    may span lines, and its Python blocks as `python -c` commands."""
    found = []
    blocks = re.findall(r"^```(bash|python)\n(.*?)^```", read(document), re.MULTILINE | re.DOTALL)
    for language, block in blocks:
        if language == "python":
            found.append(f"python -c {shlex.quote(block)}")
            continue
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


def prose(document):
    """The text without code blocks."""
    return re.sub(r"^ *```.*?^ *```", "", read(document), flags=re.MULTILINE | re.DOTALL)


def anchors(document):
    """The fragments that lead to a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_commands_elsewhere_are_still_in_the_documents():
    assert set(ELSEWHERE) <= set(everything())
    runnable = [line for line in everything() if line not in ELSEWHERE]
    assert len(runnable) > 12
    assert all(line.startswith(("python ", "ls photos")) for line in runnable)


def test_shrunk_numbers_are_still_in_the_documents():
    assert all(any(old in line for line in everything()) for old in SHRUNK)


@pytest.mark.parametrize("document", LONGEST)
def test_first_pages_are_short(document):
    assert len(read(document).splitlines()) <= LONGEST[document]


@pytest.mark.parametrize("document", TEXTS)
def test_links_lead_somewhere(document):
    folder = (commands.ROOT / document).parent
    for target, fragment in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", prose(document)):
        if target.startswith("https://"):
            continue
        path = (folder / target).resolve() if target else commands.ROOT / document
        # pretrained/: the released run, for which a tiny one stands in where it is missing.
        assert path.exists() or target.startswith("pretrained/"), target
        if fragment:
            assert fragment in anchors(path.relative_to(commands.ROOT)), f"{target}#{fragment}"


@pytest.mark.parametrize("document", TEXTS)
def test_paths_exist(document):
    """Paths in backticks, from the repository's root or from aquanet_tf."""
    for target in re.findall(
        rf"`((?:configs|tests|constraints|{PACKAGES})/[\w./]+)`", read(document)
    ):
        assert (commands.ROOT / target).exists(), target
    for target in re.findall(r"`([a-z_0-9]+/[a-z_0-9/]+\.py)`", read(document)):
        places = (commands.ROOT / target, commands.ROOT / "aquanet_tf" / target)
        assert any(path.exists() for path in places), target


@pytest.mark.parametrize("document", [*TEXTS, "Makefile", *(str(path) for path in FLAGFILES)])
def test_commands_exist(document):
    for module in re.findall(rf"-m ((?:{PACKAGES})(?:\.\w+)+)", read(document)):
        path = commands.ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_names_of_the_method_are_in_its_files():
    """Each row "paper, what, file, names" of the table: the file defines what it is said to."""
    row = r"^\|[^|]*\|[^|]*\| \[[^]]*\]\(\.\./([\w/]+\.py)\) \|([^|]*)\|$"
    rows = re.findall(row, read("docs/method.md"), re.MULTILINE)
    assert len(rows) > 20
    for path, names in rows:
        for name in re.findall(r"`(\w+)`", names):
            defined = re.search(rf"^ *(?:def|class) {name}\b", read(path), re.MULTILINE)
            assert defined, f"{path}: {name}"


@pytest.mark.parametrize("document", TEXTS)
def test_one_spelling(document):
    """American; names in backticks and targets of links keep theirs."""
    words = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose(document))
    assert not re.findall(BRITISH, words, re.IGNORECASE)


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_headers_of_flagfiles_have_five_lines(path):
    header = path.read_text().split("\n\n")[0].splitlines()
    assert len(header) == 5
    for target in re.findall(r"(?:docs|configs)/[\w/]+\.md", header[-1]):
        assert (commands.ROOT / target).exists(), target


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory that looks like the checkout of somebody with data: KITTI, photos, boxes."""
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
    boxes = re.search(r"^```text\n(source,frame,.*?)^```", read("docs/evaluation.md"), re.M | re.S)
    (place / "boxes.csv").write_text(boxes.group(1))
    _released(place, photo=frames[0])
    python = place / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    return place


def _released(place, photo):
    """pretrained/: that of the checkout, or where it has none a tiny run, released."""
    if (commands.ROOT / "pretrained").is_dir():
        shutil.copytree(commands.ROOT / "pretrained", place / "pretrained")
        return
    Image.fromarray(photo).save(place / "photo.png")
    options = ["--workdir", runs.write(place / "tiny"), "--example", place / "photo.png"]
    for name in ("street", "roads"):
        made = commands.run("export.release", *options, "--out", place / "pretrained" / name)
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
    given = {"bin", "boxes.csv", "configs", "kitti", "photos", "pretrained", "splits", "trip.mp4"}
    written = {path.name for path in place.iterdir()} - given
    assert written == {"data", "runs", "serving", "predictions", "lite", "released"}
