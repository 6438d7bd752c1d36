"""PoseNet over the frames of a video, and the whole command."""

import json

import numpy as np
import pytest
from PIL import Image

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
