"""The report: one self-contained file, with the numbers of the evaluation, and helpful errors."""

import base64
import csv
import html
import html.parser
import io
import re
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.support import kitti_tree, runs

pytest.importorskip("tensorflow")
from aquanet_tf import files
from aquanet_tf.evaluation import baselines, eigen, metrics, run
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.inference import checkpoint
from aquanet_tf.kitti import eigen_split, ground_truth
from aquanet_tf.media import images
from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.runs.run import load_run
from export.report import build, charts, pictures, stages
from export.report import page as report_page

VOID = {"meta", "img", "line", "circle", "polyline", "br"}


class Balance(html.parser.HTMLParser):
    """Checks that every element is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    workdir = runs.write(root / "run <1>")
    with (workdir / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "phase", "learning_rate", "loss", "beta", "val_loss", "val_beta"])
        writer.writerow([0, "kickstart", 1e-3, 0.5, "", 0.6, ""])
        writer.writerow([1, "kickstart", 1e-3, 0.4, "", 0.5, ""])
        writer.writerow([2, "stage1", 5e-4, 0.3, 1.1, 0.3, 1.2])
    raw = kitti_tree.write_scene(root / "raw")
    frames = ground_truth.find_frames(raw, "all", 2, "depth")[0]
    return workdir, evaluation_of(workdir, raw, frames, "all", Protocol())


def evaluation_of(workdir, raw, frames, split, protocol):
    """What aquanet_tf.evaluate writes, as far as the report reads it."""
    network = checkpoint.load(workdir, 0, protocol.post_processing)
    methods = {"network": lambda f: network(images.read_image(f.image)).inverse_depth}
    results = run.evaluate(frames, {**methods, **baselines.BASELINES}, protocol)
    return {
        "protocol": vars(protocol),
        "gt_dir": str(raw),
        "split": split,
        "camera": 2,
        "images": len(frames),
        "model": {"epoch": 2, "working_height": 32},
        **results.pop("network"),
        "baselines": results,
    }


@pytest.fixture(scope="module")
def page(evaluated):
    return build.build(*evaluated, count=3)


def test_the_page_stands_alone(page):
    seen = Balance(page).seen
    assert "script" not in seen and "link" not in seen and "http-equiv" not in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 3 * 5 and all(s.startswith("data:image/") for s in sources)
    assert "url(" not in page and "http" not in re.sub(r"data:[^\"]*", "", page)
    for source in sources:
        picture = Image.open(io.BytesIO(base64.b64decode(source.split(",")[1])))
        assert picture.size == kitti_tree.SCENE_SHAPE[::-1]


def test_numbers_and_protocol_are_those_of_the_evaluation(page, evaluated):
    evaluation = evaluated[1]
    assert Protocol().line() in page
    for part in ("all", "static", "moving"):
        assert f"{evaluation['means'][part]['abs_rel']:.3f}" in page
        for baseline in evaluation["baselines"].values():
            assert f"{baseline['means'][part]['rmse']:.3f}" in page
    assert "run &lt;1&gt;" in page and "<1>" not in page
    assert "2 kickstart, 1 stage1" in page
    assert "prefers-color-scheme: dark" in page


def test_frames_are_spread_and_hold_the_worst():
    rows = [{"frame": i, "all": {"abs_rel": float(i == 4)}} for i in range(9)]
    assert [row["frame"] for row in pictures.choose_rows(rows, 4)] == [0, 5, 8, 4]
    assert [row["frame"] for row in pictures.choose_rows(rows, 1)] == [4]
    assert len(pictures.choose_rows(rows, 99)) == 9
    assert pictures.choose_rows(rows[:1], 5) == rows[:1]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"model": {"epoch": 7, "working_height": 32}}, ["epoch 7", "aquanet_tf.evaluate"]),
        ({"rows": None}, ["rows"]),
    ],
)
def test_a_foreign_evaluation_is_refused(evaluated, change, words):
    workdir, evaluation = evaluated
    changed = {k: v for k, v in {**evaluation, **change}.items() if v is not None}
    with pytest.raises(ValueError) as error:
        build.build(workdir, changed)
    assert all(word in str(error.value) for word in ["--evaluation", *words])


def test_stage_two_is_offered_where_it_can_help(evaluated):
    workdir, evaluation = evaluated
    (workdir / "flags.txt").write_text("--stage=1\n")
    worse = {**evaluation["means"]["static"], "abs_rel": 10.0}
    evaluation = {**evaluation, "means": {**evaluation["means"], "moving": worse}}
    page = build.build(workdir, evaluation, count=1)
    Balance(page)
    (command,) = re.findall(r"python -m aquanet_tf.train [^<]*", page)
    run = str(workdir)  # with a space in it
    assert shlex.split(html.unescape(command))[3:] == [
        *(f"--flagfile={run}/flags.txt", "--stage=2"),
        *(f"--stage1_workdir={run}", f"--workdir={run}_stage2"),
    ]
    for command in re.findall(r"<code class='run'>([^<]*)", page):
        assert any(run in word for word in shlex.split(html.unescape(command)))
    (workdir / "flags.txt").unlink()
    assert "--stage=2" not in build.build(workdir, evaluation, count=1)


def test_lost_frames_are_named(evaluated, tmp_path):
    workdir, evaluation = evaluated
    other = kitti_tree.write_scene(tmp_path / "raw", drives=1, frames=2)
    with pytest.raises(ValueError, match="is not in the ground truth"):
        build.build(workdir, {**evaluation, "gt_dir": str(other)})


@pytest.mark.parametrize("name, numbers", [("eigen_original", [0, 1]), ("eigen_improved", [1])])
def test_a_protocol_stands_in_place_of_a_split(tmp_path, monkeypatch, name, numbers):
    monkeypatch.setattr(eigen_split, "TEST_FRAMES", {"2011_09_26_drive_0002": "1 | 0"})
    workdir = runs.write(tmp_path / "run")
    raw = kitti_tree.write_scene(tmp_path / "raw")
    drive = raw / kitti_tree.drive_name(2)
    scans = drive / "velodyne_points" / "data"
    (scans / f"{1:010d}.bin").write_bytes((scans / f"{0:010d}.bin").read_bytes())
    frames = eigen.find_frames(raw, name)
    protocol = Protocol(**eigen.PROTOCOLS[name])
    evaluation = evaluation_of(workdir, raw, frames, name, protocol)
    page = build.build(workdir, evaluation)
    assert protocol.line() in page and page.count("<section class='frame'>") == len(numbers)
    for number in numbers:
        assert f"{kitti_tree.drive_name(2)} {number:010d} l" in page
    (drive / "image_02" / "data" / f"{1:010d}.png").unlink()
    with pytest.raises(ValueError, match=f"--protocol={name}: .*{1:010d}.png"):
        build.build(workdir, evaluation)


def test_pictures_are_of_the_prediction_that_was_measured(evaluated, monkeypatch):
    """Also with post-processing: the alignment of a frame is that of the processed prediction."""
    workdir, evaluation = evaluated
    frames = ground_truth.find_frames(evaluation["gt_dir"], "all", 2, "depth")[0]
    protocol = Protocol(post_processing="flip")
    changed = evaluation_of(workdir, evaluation["gt_dir"], frames, "all", protocol)
    shown = []

    def section(pairs, network, protocol):
        for frame, row in pairs:
            depth = network(images.read_image(frame.image)).inverse_depth
            again = metrics.evaluate_image(frame.depth(), depth, protocol)
            shown.append((row["all"]["abs_rel"], again["all"]["abs_rel"]))
        return ""

    monkeypatch.setattr(pictures, "section", section)
    build.build(workdir, changed, count=2)
    build.build(workdir, evaluation, count=2)
    assert len(shown) == 4
    for row, again in shown:
        assert row == pytest.approx(again, rel=1e-5)


def test_pictures_have_the_passes_that_were_measured(evaluated):
    workdir, evaluation = evaluated
    assert build._network(workdir, evaluation, "newest").grid_shift == 0
    moved = {**evaluation, "model": {**evaluation["model"], "grid_shift": 0.5}}
    assert build._network(workdir, moved, "newest").grid_shift == 0.5


def test_a_scale_that_is_found_later_changes_no_picture(both, tmp_path):
    """The alignment was found on depth without it."""
    workdir = shutil.copytree(both[0], tmp_path / "stage2")
    first = shutil.copytree(both[2]["model"]["workdir"], tmp_path / "stage1")
    stage1 = {**both[2], "model": {**both[2]["model"], "workdir": str(first)}}
    before = build.build(workdir, both[1], count=2, stage1=stage1)
    found = {"metres_per_unit": 2.5, "epoch": 2, "working_height": 32, "method": "by hand"}
    for run_dir in (workdir, first):
        files.write(run_dir / "scale.json", found)
    assert build.build(workdir, both[1], count=2, stage1=stage1) == before


def test_charts_leave_out_what_is_not_a_number():
    rows = [
        {"epoch": "0", "phase": "a", "loss": "1", "beta": "", "only": "3", "off": "0"},
        {"epoch": "1", "phase": "b", "loss": "nan", "beta": "2", "only": "", "off": "0"},
        {"epoch": "2", "phase": "b", "loss": "0.5", "beta": "2", "only": "", "off": "0"},
    ]
    assert charts.chart_names(rows) == ["loss", "beta"]
    assert charts.chart_names([]) == []
    assert charts.series(rows, "loss") == [(0, 1.0, "a"), (2, 0.5, "b")]
    for name in ("loss", "beta"):  # beta is constant: the axis must not divide by zero
        chart = charts.line_chart(rows, name)
        Balance(chart)
        assert "nan" not in chart and 'class="phase"' in chart
    measured = [{"epoch": str(i), "phase": "a", "val_abs_rel": str(0.5 / (i + 1))} for i in (0, 1)]
    assert charts.chart_names(measured) == ["abs_rel"]
    assert charts.shown(measured, "abs_rel")[-1] == (1, 0.25, "a")
    assert '<polyline class="val"' in charts.line_chart(measured, "abs_rel")
    small = [{"epoch": str(i), "phase": "a", "rate": str(5e-4 * (i + 1))} for i in range(3)]
    assert ">5.0e-4<" in charts.line_chart(small, "rate")


def test_large_pictures_become_jpeg_and_small_ones_stay_exact():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (4, 640, 3)).astype(np.uint8)
    tag = report_page.image_tag(small, 'a "quote"')
    assert "image/png" in tag and "&quot;" in tag
    data = base64.b64decode(tag.split("base64,")[1].rstrip('">'))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), small)
    assert "image/jpeg" in report_page.image_tag(np.zeros((4, 641, 3), np.uint8), "b")


@pytest.fixture(scope="module")
def both(evaluated, tmp_path_factory):
    """Workdir and evaluation of a stage-2 run, evaluation of its stage-1 run."""
    stage1_workdir, stage1 = evaluated
    workdir = runs.write(tmp_path_factory.mktemp("both") / "stage2", stage="2", seed=2)
    first = {**stage1, "model": {**stage1["model"], "workdir": str(stage1_workdir)}}
    return workdir, {**stage1, "split": "all"}, first


def test_both_stages_stand_side_by_side(both, tmp_path):
    workdir, evaluation, stage1 = both
    sheet = tmp_path / "sheet.png"
    page = build.build(workdir, evaluation, count=2, stage1=stage1, sheet=str(sheet))
    with Image.open(sheet) as picture:
        height, width = kitti_tree.SCENE_SHAPE
        assert picture.width > 5 * width and picture.height > 2 * height
    with pytest.raises(ValueError, match="--stage1_evaluation"):
        build.build(workdir, evaluation, count=2, sheet=str(sheet))
    Balance(page)
    assert "Stage 1 against stage 2" in page and "Likely moving (stage 1)" in page
    assert "→" in page and page.count('alt="Ground truth"') == 4
    assert "--spimo_threshold" in page or "times that on static" not in page
    assert "Stage 1 against stage 2" not in build.build(workdir, evaluation, count=2)


def test_masks_are_left_out_where_they_cannot_be_read(both, tmp_path):
    workdir, evaluation, stage1 = both
    whole = runs.write(tmp_path / "whole", depth_scaling="none")
    stage1 = {**stage1, "model": {**stage1["model"], "workdir": str(whole)}}
    page = build.build(workdir, evaluation, count=1, stage1=stage1)
    assert "Stage 1 against stage 2" in page and "Likely moving" not in page


@pytest.mark.parametrize(
    "change, words",
    [
        ({"rows": []}, ["other frames"]),
        ({"protocol": {}}, ["another protocol"]),
        ({"means": None}, ["no 'means' in it", "aquanet_tf.evaluate"]),
        ({"model": {"epoch": 7, "working_height": 32}}, ["epoch 7", "aquanet_tf.evaluate"]),
    ],
)
def test_another_stage_one_is_refused(both, change, words):
    _, evaluation, stage1 = both
    if "model" in change:
        change["model"]["workdir"] = stage1["model"]["workdir"]
    changed = {k: v for k, v in {**stage1, **change}.items() if v is not None}
    with pytest.raises(ValueError) as error:
        stages.load(changed, evaluation)
    assert all(word in str(error.value) for word in ["--stage1_evaluation", *words])


def test_stage_one_is_loaded_at_the_epoch_that_was_measured(both, tmp_path):
    """It may have been trained further since."""
    _, evaluation, stage1 = both
    workdir = shutil.copytree(stage1["model"]["workdir"], tmp_path / "further")
    run = load_run(workdir)
    Checkpoints(workdir, {"aquanet": run.aquanet}, {}).save(3)
    assert load_run(workdir).epoch == 3
    stage1 = {**stage1, "model": {**stage1["model"], "workdir": str(workdir)}}
    assert stages.load(stage1, evaluation).network.epoch == 2


def test_annotated_depth_as_downloaded_is_found_again(evaluated, tmp_path):
    workdir, evaluation = evaluated
    raw = shutil.copytree(evaluation["gt_dir"], tmp_path / "raw")
    for number in (1, 2):
        drive = raw / kitti_tree.drive_name(number)
        place = tmp_path / "depth" / "train" / drive.name
        place.mkdir(parents=True)
        (drive / "proj_depth").rename(place / "proj_depth")
    changed = {**evaluation, "gt_dir": str(raw), "depth_dir": str(tmp_path / "depth")}
    assert len(build._frames(changed, Protocol())) == len(evaluation["rows"])
    (tmp_path / "depth").rename(tmp_path / "moved")
    with pytest.raises(ValueError, match="--depth_dir=.*depth: no train/DRIVE"):
        build._frames(changed, Protocol())


def test_frames_with_most_motion_come_first_one_of_each_drive():
    def row(frame, pixels):
        return {"frame": frame, "moving": {"pixels": pixels} if pixels else None}

    rows = [row("a 1 l", 5), row("a 2 l", 9), row("b 1 l", 7), row("b 2 l", 0), row("c 1 l", 0)]
    chosen = stages.choose_rows(rows, 9)
    assert [each["frame"] for each in chosen] == ["a 2 l", "b 1 l", "a 1 l"]
    assert stages.choose_rows(rows, 1) == chosen[:1]
