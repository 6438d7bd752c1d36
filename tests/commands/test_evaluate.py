"""The evaluation and its command, on a scene whose depth is known at every pixel."""

import json
import os
import pathlib
import types

import numpy as np
import pytest

from aquanet_tf import evaluate, files
from aquanet_tf.evaluation import baselines, metrics, run, table
from aquanet_tf.evaluation import protocol as evaluation_protocol
from aquanet_tf.evaluation.protocol import Protocol
from aquanet_tf.kitti import ground_truth
from tests.support import commands, kitti_tree, runs

MEDIAN = Protocol()
REAL = os.environ.get("AQUANET_REAL_DATA")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return kitti_tree.write_scene(tmp_path_factory.mktemp("evaluate") / "raw")


@pytest.fixture(scope="module")
def frames(raw):
    return ground_truth.find_frames(raw, "all", 2, "depth")[0]


def perfect(frame):
    depth = frame.depth()
    return 1 / np.where(depth > 0, depth, 80.0)


def only(frames, method, protocol=MEDIAN):
    return run.evaluate(frames, {"m": method}, protocol)["m"]


@pytest.mark.parametrize("alignment", evaluation_protocol.ALIGNMENTS)
def test_perfect_prediction_has_no_error(frames, alignment):
    result = only(frames, perfect, Protocol(alignment=alignment))
    for part in run.PARTS:
        mean = result["means"][part]
        assert mean["abs_rel"] < 1e-6 and mean["a1"] == 1 and mean["images"] == len(frames)
    assert result["ratio"]["median"] == pytest.approx(1) and result["ratio"]["spread"] < 1e-6


def test_median_alignment_removes_the_scale_and_reports_its_spread(frames):
    def scaled(frame):
        return perfect(frame) * (2.0 if frame.number == 1 else 1.0)

    per_image = only(frames, scaled)
    assert per_image["means"]["all"]["abs_rel"] < 1e-6
    assert per_image["ratio"]["median"] == pytest.approx(1)
    assert per_image["ratio"]["spread"] == pytest.approx(np.std([1, 2, 1]))
    one_scale = only(frames, scaled, Protocol(alignment="global_median"))
    assert one_scale["means"]["all"]["abs_rel"] == pytest.approx(0.5 / 3)
    assert only(frames, scaled, Protocol(alignment="none"))["means"]["all"]["abs_rel"] > 0.1


def test_prediction_of_another_size_is_resized_in_inverse_depth(frames):
    ramp = only(frames, baselines.ramp_baseline)["means"]["all"]
    halved = only(frames, lambda frame: baselines.ramp_baseline(frame)[1::2, 1::2])["means"]["all"]
    assert ramp["abs_rel"] == pytest.approx(halved["abs_rel"], abs=0.1)


def test_static_and_moving_pixels_apart(frames):
    def hole(frame):
        return np.where(kitti_tree.moving_mask(), 1 / 60.0, perfect(frame))

    # Not under median alignment: the hole shifts the median of the whole image.
    means = only(frames, hole, Protocol(alignment="none"))["means"]
    assert means["static"]["abs_rel"] < 1e-6
    assert means["moving"]["abs_rel"] > 8 and means["moving"]["a1"] == 0
    share = kitti_tree.moving_mask().sum() / (kitti_tree.scene_depth() > 0).sum()
    assert means["all"]["abs_rel"] == pytest.approx(means["moving"]["abs_rel"] * share, rel=1e-6)


def test_without_masks_there_is_only_one_part(tmp_path):
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=1, frames=1, masks=False)
    frames = ground_truth.find_frames(raw, "all", 2, "depth")[0]
    result = only(frames, perfect)
    assert result["means"]["static"] is None and result["means"]["moving"] is None
    text = table.table({"m": result}, MEDIAN)
    assert "static" not in text and "moving" not in text


def test_baselines_are_what_they_say(frames):
    constant = only(frames, baselines.constant_baseline)
    depth = kitti_tree.scene_depth()
    truth = depth[depth > 0]
    expected = metrics.depth_metrics(truth, np.full(truth.shape, np.median(truth)))
    assert constant["rows"][0]["all"]["abs_rel"] == pytest.approx(expected["abs_rel"])
    ramp = baselines.ramp_baseline(frames[0])
    assert ramp.shape == kitti_tree.SCENE_SHAPE
    wall = kitti_tree.SCENE_SHAPE[0] / 5
    np.testing.assert_array_equal(ramp[:19], wall)  # the horizon is row 12
    np.testing.assert_array_equal(ramp[19:, 5], np.arange(7, 20))
    road = np.zeros(kitti_tree.SCENE_SHAPE, bool)
    road[19:] = True
    road[kitti_tree.BOX] = False
    ratio = 1 / ramp[road] / depth[road]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-2)  # exact on the flat road


def test_velodyne_protocol_with_crop(raw):
    frames = ground_truth.find_frames(raw, "all", 2, "velodyne")[0]
    result = only(frames, perfect, Protocol(ground_truth="velodyne", crop="garg"))
    assert result["means"]["all"]["abs_rel"] < 1e-5 and result["means"]["all"]["images"] == 2


def test_broken_prediction_and_empty_protocol_name_the_frame(frames):
    with pytest.raises(ValueError, match="0000000000.png: .*NaN"):
        only(frames, lambda frame: np.full(kitti_tree.SCENE_SHAPE, np.nan))
    with pytest.raises(ValueError, match="0000000000.png: no ground-truth pixel"):
        only(frames, perfect, Protocol(max_depth=0.5))


def test_table_and_rows_carry_protocol_and_frames(frames):
    methods = {"network": perfect, **baselines.BASELINES}
    results = run.evaluate(frames, methods, MEDIAN)
    text = table.table(results, MEDIAN)
    assert text.startswith(f"protocol: {MEDIAN.line()}")
    plain, by_distance = text.split("times too far")
    for part in (plain, by_distance):
        assert part.count("\nconstant") == part.count("\nramp") == 3
    assert "spread over images" in text and "one alignment per image" in text
    rows = results["network"]["rows"]
    assert [row["frame"] for row in rows] == [frame.key for frame in frames]
    assert json.loads(json.dumps(results)) == results


def test_command_writes_protocol_means_and_rows(raw, tmp_path):
    workdir = runs.write(tmp_path / "run")
    split, out = tmp_path / "split.txt", tmp_path / "deep" / "metrics.json"
    split.write_text(f"{kitti_tree.drive_name(2)}\n")
    done = commands.run(
        "aquanet_tf.evaluate",
        *("--workdir", workdir, "--gt_dir", raw, "--split", split, "--out", out, "--baselines"),
        "--checkpoint=2",
    )
    assert done.returncode == 0, done.stderr
    written = files.read(out)
    assert written["protocol"]["alignment"] == "median" and written["images"] == 3
    assert written["protocol_line"] in done.stdout
    assert set(written["baselines"]) == {"constant", "ramp"}
    assert all("_0002_" in row["frame"] for row in written["rows"])
    assert 0 < written["means"]["static"]["abs_rel"] < 5
    assert written["model"]["epoch"] == 2


def test_static_pixels_alone_decide_alignment_and_numbers(frames):
    """The prediction has a hole where something moves; with the right masks there is no error."""

    def hole(frame):
        return np.where(kitti_tree.moving_mask(), 1 / 60.0, perfect(frame))

    protocol = Protocol(static_only=True)
    results = run.evaluate(frames, {"m": hole}, protocol, lambda frame: ~kitti_tree.moving_mask())
    means = results["m"]["means"]
    assert means["all"]["abs_rel"] < 1e-6 and means["moving"] is None
    assert means["all"]["pixels"] == means["static"]["pixels"]
    assert "pixels: static by SPIMO masks only" in table.table(results, protocol)


def test_a_frame_without_static_pixels_is_left_out(frames):
    def static(frame):
        return np.full(kitti_tree.SCENE_SHAPE, frame.number != 1)

    result = run.evaluate(frames, {"m": perfect}, Protocol(static_only=True), static)
    assert len(result["m"]["rows"]) == 4 < len(frames)
    with pytest.raises(ValueError, match="--static_only: the masks leave no pixel"):
        run.evaluate(
            frames, {"m": perfect}, MEDIAN, lambda frame: np.zeros(kitti_tree.SCENE_SHAPE, bool)
        )


def test_mask_quality_takes_frames_with_both_neighbors(frames):
    class Score:
        threshold = 0.03

        def __call__(self, *inputs):
            return kitti_tree.moving_mask().astype(float)

    results = run.measure_masks(frames, Score(), Score())
    assert results["spimo"]["images"] == results["automask"]["images"] == 2
    assert results["spimo"]["recall"] == results["automask"]["precision"] == 1


def test_mask_quality_without_motion_masks_is_an_error(tmp_path):
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=1, masks=False)
    frames = ground_truth.find_frames(raw, "all", 2, "depth")[0]
    score = types.SimpleNamespace(threshold=0.0)
    with pytest.raises(ValueError, match="--mask_quality needs frames"):
        run.measure_masks(frames, score, score)


def test_command_with_masks_and_post_processing(raw, tmp_path):
    workdir = runs.write(tmp_path / "run", spimo_threshold=0.2)
    out = tmp_path / "metrics.json"
    done = commands.run(
        "aquanet_tf.evaluate",
        *("--workdir", workdir, "--gt_dir", raw, "--out", out),
        *("--static_only", "--mask_quality", "--post_processing", "multi_scale"),
        *("--grid_shift", "0.25"),
    )
    assert done.returncode == 0, done.stderr
    written = files.read(out)
    assert written["protocol"]["static_only"] and written["model"]["grid_shift"] == 0.25
    assert "post-processing: multi_scale" in written["protocol_line"]
    assert written["protocol_line"] in done.stdout and "recall@0.1" in done.stdout
    assert set(written["masks"]) == {"spimo", "automask"}
    assert written["masks"]["spimo"]["threshold"] == 0.2
    assert 0 < written["means"]["all"]["pixels"]


class Flags(dict):
    """As absl's FLAGS: attributes for values, items that know whether they were given."""

    class Flag:
        present = False

    def __init__(self, *given):
        super().__init__()
        for flag in given:
            self[flag] = self.Flag()
            self[flag].present = True

    def __missing__(self, key):
        return self.Flag()


def test_a_protocol_fixes_its_flags():
    options = Flags("alignment")
    evaluate.fix_flags(options, "eigen_original")
    assert (options.ground_truth, options.crop, options.max_depth) == ("velodyne", "garg", 80.0)
    for flag in ("crop", "split", "ground_truth", "max_depth", "camera"):
        with pytest.raises(ValueError, match=f"--{flag} is fixed by --protocol=eigen_improved"):
            evaluate.fix_flags(Flags(flag), "eigen_improved")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--gt_dir", "nowhere"], ["nowhere"]),
        (["--alignment", "none", "--baselines"], ["--baselines", "--alignment"]),
        (["--max_depth", "0"], ["--max_depth"]),
        (["--max_depth", "inf"], ["--max_depth=inf", "finite"]),
        (["--ground_truth", "velodyne", "--camera", "3"], ["--camera"]),
        (["--split", "no.txt"], ["no.txt"]),
        (["--mask_workdir", "other"], ["--mask_workdir", "--static_only"]),
    ],
)
def test_command_errors_are_one_line(raw, tmp_path, arguments, words):
    needed = ["--workdir", tmp_path / "run", "--gt_dir", raw, "--out", tmp_path / "a.json"]
    done = commands.run("aquanet_tf.evaluate", *needed, *arguments)
    commands.assert_user_error(done, *words)
    assert not (tmp_path / "a.json").exists()


def give(monkeypatch, **given):
    """Sets the flags of the command: `given` and defaults."""
    names = ("workdir", "gt_dir", "depth_dir", "mask_workdir", "protocol")
    values = {**dict.fromkeys(names, ""), "ground_truth": "depth", "crop": "none", "height": 0}
    values.update(alignment="median", max_depth=80.0, cap_ground_truth=True, camera="2")
    values.update(static_only=False, mask_quality=False, post_processing="none", baselines=False)
    values.update(split="all", checkpoint="newest", metres_per_unit=None, grid_shift=None)
    options = types.SimpleNamespace(**{**values, **given})
    monkeypatch.setattr(evaluate.flags, "FLAGS", options)


def test_annotated_depth_as_downloaded_gives_the_same_numbers(monkeypatch, tmp_path, capsys):
    """Each drive lies in train/ or val/ of the archive, and has no depth of its own."""
    raw = kitti_tree.write_scene(tmp_path / "raw")
    places = {"workdir": str(runs.write(tmp_path / "run")), "gt_dir": str(raw)}
    give(monkeypatch, **places, out=str(tmp_path / "before.json"))
    evaluate.main([])
    table_before = capsys.readouterr().out.partition("written:")[0]
    for number, part in ((1, "train"), (2, "val")):
        drive = raw / kitti_tree.drive_name(number)
        (tmp_path / "depth" / part / drive.name).mkdir(parents=True)
        (drive / "proj_depth").rename(tmp_path / "depth" / part / drive.name / "proj_depth")
    with pytest.raises(ValueError, match="no frame of camera 2 has ground truth"):
        evaluate.main([])
    give(
        monkeypatch,
        **{**places, "depth_dir": str(tmp_path / "depth"), "out": str(tmp_path / "after.json")},
    )
    evaluate.main([])
    before, after = (files.read(tmp_path / f"{name}.json") for name in ("before", "after"))
    assert after.pop("depth_dir") == str(tmp_path / "depth") and not before.pop("depth_dir")
    assert after == before and after["images"] == 6
    assert capsys.readouterr().out.partition("written:")[0] == table_before


@pytest.mark.skipif(not REAL, reason="AQUANET_REAL_DATA is not set")
def test_real_annotated_depth_as_downloaded(tmp_path):
    """Both cameras of drive 0001, which has annotated depth of frame 5."""
    source = pathlib.Path(REAL) / "kitti_raw" / "2011_09_26"
    name = "2011_09_26_drive_0001_sync"
    drive = tmp_path / "raw" / "2011_09_26" / name
    drive.mkdir(parents=True)
    for path in source.glob("calib_*.txt"):
        (drive.parent / path.name).symlink_to(path)
    for part in ("image_02", "image_03"):
        (drive / part).symlink_to(source / name / part)
    (tmp_path / "depth" / "train" / name).mkdir(parents=True)
    (tmp_path / "depth" / "train" / name / "proj_depth").symlink_to(source / name / "proj_depth")
    for camera in (2, 3):
        place = str(tmp_path / "depth")
        found, without = ground_truth.find_frames(tmp_path / "raw", "all", camera, "depth", place)
        assert [frame.number for frame in found] == [5] and without == 3
        means = only(found, baselines.ramp_baseline)["means"]["all"]
        assert means["pixels"] > 50_000 and means["abs_rel"] < 0.6


def test_the_table_is_printed_before_the_file_is_written(monkeypatch, capsys, tmp_path):
    """A disk that has become full meanwhile must not cost the numbers."""

    def full(path, document):
        raise OSError(f"cannot write {path}: No space left on device")

    give(monkeypatch, out=str(tmp_path / "a.json"))
    monkeypatch.setattr(evaluate.run, "run", lambda settings, load: {"abs_rel": 0.1})
    monkeypatch.setattr(evaluate.table, "text", str)
    monkeypatch.setattr(evaluate.files, "write", full)
    with pytest.raises(OSError, match="No space left"):
        evaluate.main([])
    assert "{'abs_rel': 0.1}" in capsys.readouterr().out
