"""PoseNet over the frames of a video, and the whole command."""

import json
import shutil
import types

import numpy as np
import pytest
from PIL import Image

from aquanet_tf import files, odometry
from aquanet_tf.media import images
from aquanet_tf.runs import load_run
from aquanet_tf.trajectory import frames, motion, pose_files, poses
from tests.support import commands, runs


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return runs.write(
        tmp_path_factory.mktemp("run") / "run", pose_input_height=16, pose_input_width=48
    )


@pytest.fixture(scope="module")
def estimate(workdir):
    return motion.EgoMotion(load_run(workdir))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "drive" / "image_02" / "data"
    path.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(11):  # more than one batch
        pixels = rng.integers(0, 255, (32, 96, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(path / f"{number:010d}.png")
    return path


def pictures(folder):
    return [images.read_image(path) for path in sorted(folder.iterdir())]


def test_motions_are_those_of_single_pairs_and_backward_is_the_inverse(estimate, folder):
    shown = pictures(folder)
    found = list(estimate(shown))
    assert len(found) == 10
    for i in (0, 6, 7, 9):  # within batches, and across two
        (alone,) = estimate(shown[i : i + 2])
        np.testing.assert_allclose(found[i], alone, atol=1e-6)
        (back,) = estimate([shown[i + 1], shown[i]])
        np.testing.assert_allclose(back @ alone, np.eye(4), atol=1e-6)


def test_frames_of_another_aspect_are_warned_about(estimate):
    square = [np.zeros((40, 40, 3), np.uint8)] * 2
    with pytest.warns(UserWarning, match="another aspect"):
        list(estimate(square))


def test_the_command_writes_the_path_and_its_errors(estimate, workdir, folder, tmp_path):
    pytest.importorskip("evo")
    pose_files.write_kitti(tmp_path / "gt.txt", poses.forward(11))
    out, drive = tmp_path / "out", folder.parents[1]
    done = commands.run(
        "aquanet_tf.odometry",
        *("--workdir", workdir, "--input", drive, "--out", out),
        *("--gt", tmp_path / "gt.txt", "--stride", 2),
    )
    assert done.returncode == 0, done.stderr
    assert "straight_ahead" in done.stdout
    document = json.loads((out / "odometry.json").read_text())
    path = pose_files.read_kitti(out / "poses_kitti.txt")
    times = np.loadtxt(out / "poses_tum.txt")[:, 0]
    assert len(path) == document["frames"] == 6
    np.testing.assert_allclose(times, np.arange(6) / 5)  # 10 frames a second, every second one
    expected = poses.chain(np.stack(list(estimate(pictures(folder)[::2]))))
    np.testing.assert_allclose(path, expected, atol=1e-6)
    assert document["errors"]["straight_ahead"]["whole"]["rmse"] < 1e-9
    assert (out / "top_view.png").is_file()


def path_of(monkeypatch, workdir, folder, out, given=None):
    """odometry.json, and the poses of the KITTI file, of the command; it draws in the same unit."""
    units = []
    monkeypatch.setattr(odometry.top_view, "draw", lambda path, lines, unit: units.append(unit))
    flags = types.SimpleNamespace(
        workdir=str(workdir), input=str(folder), out=str(out), metres_per_unit=given
    )
    vars(flags).update(checkpoint="newest", stride=1, fps=10.0, gt="", alignment="sim3")
    monkeypatch.setattr(odometry.flags, "FLAGS", flags)
    odometry.main([])
    document = files.read(out / "odometry.json")
    assert units == ["m" if document["units"] == "meters" else "units of depth"]
    return document, pose_files.read_kitti(out / "poses_kitti.txt")


@pytest.mark.parametrize("name", ["poses_kitti.txt", "poses_tum.txt"])
def test_the_true_poses_are_never_replaced(name, workdir, folder, tmp_path, monkeypatch):
    (tmp_path / name).write_text("1 0 0 0 0 1 0 0 0 0 1 0\n" * 6)
    before = (tmp_path / name).read_text()
    flags = types.SimpleNamespace(
        workdir=str(workdir), input=str(folder), out=str(tmp_path), metres_per_unit=None
    )
    vars(flags).update(checkpoint="newest", stride=1, fps=10.0, alignment="sim3")
    monkeypatch.setattr(odometry.flags, "FLAGS", flags)
    for given, words in ((tmp_path / name, "--out=.*would replace --gt"), ("gone", "--gt=gone")):
        flags.gt = str(given)
        with pytest.raises(ValueError, match=words):
            odometry.main([])
    assert (tmp_path / name).read_text() == before


def test_positions_are_in_meters_where_the_scale_is_known(workdir, folder, tmp_path, monkeypatch):
    run = shutil.copytree(workdir, tmp_path / "run")
    plain, path = path_of(monkeypatch, run, folder, tmp_path / "plain")
    assert "relative" in plain["units"] and plain["metres_per_unit"] is None
    found = {"metres_per_unit": 2.5, "epoch": 2, "working_height": 32, "method": "by hand"}
    files.write(run / "scale.json", found)
    ways = {"file": (None, 2.5, "by hand"), "flag": (4.0, 4.0, "--metres_per_unit")}
    for name, (given, factor, source) in ways.items():
        document, scaled = path_of(monkeypatch, run, folder, tmp_path / name, given)
        assert document["units"] == "meters" and document["metres_per_unit"] == factor
        assert source in document["metres_per_unit_source"]
        assert document["length"] == pytest.approx(factor * plain["length"])
        np.testing.assert_allclose(scaled[:, :3, :3], path[:, :3, :3], atol=1e-6)
        np.testing.assert_allclose(scaled[:, :3, 3], factor * path[:, :3, 3], atol=1e-6)
        tum = np.loadtxt(tmp_path / name / "poses_tum.txt")
        np.testing.assert_allclose(tum[:, 1:4], scaled[:, :3, 3], atol=1e-6)
    off, _ = path_of(monkeypatch, run, folder, tmp_path / "off", 0.0)
    assert off["units"] == plain["units"] and off["length"] == plain["length"]
    with pytest.raises(ValueError, match="--metres_per_unit=-1"):
        path_of(monkeypatch, run, folder, tmp_path / "bad", -1.0)


def test_a_run_in_meters_gives_meters_whatever_its_working_height(
    workdir, folder, tmp_path, monkeypatch
):
    run = runs.in_meters(shutil.copytree(workdir, tmp_path / "run"))
    record = files.read(run / "run.json")
    record["data"]["working_height"] = 64
    files.write(run / "run.json", record)
    document, _ = path_of(monkeypatch, run, folder, tmp_path / "out")
    assert document["units"] == "meters" and document["metres_per_unit"] == 1.0
    assert "training" in document["metres_per_unit_source"]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_frames(tmp_path, count):
    for number in range(count):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    with pytest.raises(ValueError, match="no image|two are needed"):
        frames.open_frames(tmp_path, 10.0)


def test_frames_of_two_sizes_are_named(tmp_path):
    for number, width in enumerate((8, 8, 9)):
        Image.new("RGB", (width, 8)).save(tmp_path / f"{number}.png")
    with pytest.raises(ValueError, match="image 2 has 9x8 pixels"):
        list(frames.open_frames(tmp_path, 10.0).images)


def test_a_released_run_has_no_path():
    with pytest.raises(ValueError, match="ego-motion network"):
        motion.EgoMotion(load_run("pretrained/street"))
