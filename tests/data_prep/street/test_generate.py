"""The street command: same bytes for any number of workers, KITTI layout, resume, errors."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.kitti import split_file
from data_prep.street import drive as street_drive
from data_prep.street import generate
from data_prep.street.write import kitti
from tests.support import commands

STREET = street_drive.Street(drives=2, test_drives=1, frames=3, height=32, width=104, seed=7)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("street") / "raw"
    generate.generate(str(folder), STREET, workers=2)
    return folder


def contents(folder):
    files = sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file())
    return {p.relative_to(folder): p.read_bytes() for p in files}


def test_one_worker_and_two_write_the_same_bytes(raw, tmp_path):
    generate.generate(str(tmp_path / "raw"), STREET, workers=1)
    assert contents(tmp_path / "raw") == contents(raw)


def test_it_is_read_as_kitti(raw):
    drives = kitti_layout.list_drives(raw)
    assert [d.path.name for d in drives] == [kitti.drive_name(n) for n in (1, 2, 3)]
    for drive in drives:
        frames = set(range(STREET.frames))
        assert set(drive.images(2)) == set(drive.depth_maps(2)) == set(drive.scans()) == frames
        assert set(drive.motion_masks(2)) == set(drive.speeds()) == frames
        assert Image.open(drive.images(2)[0]).size == (104, 32)
        mask = np.asarray(Image.open(drive.motion_masks(2)[0]))
        assert mask.shape == (32, 104) and set(np.unique(mask)) <= {0, 255}
    cameras = raw / kitti.DATE / "calib_cam_to_cam.txt"
    assert kitti_layout.image_shape(cameras, 2) == (32, 104)
    k = kitti_layout.intrinsics(cameras, 2)
    np.testing.assert_allclose(k, [[60.32, 0, 50.96], [0, 60.32, 14.72], [0, 0, 1]], atol=1e-9)


def test_distances_of_oxts_are_those_of_the_true_poses(raw):
    for drive in kitti_layout.list_drives(raw):
        poses = np.loadtxt(drive.path / kitti.CAMERA_TO_WORLD).reshape(-1, 3, 4)
        truth = np.linalg.norm(np.diff(poses[..., 3], axis=0), axis=1)
        found = drive.steps(2)
        assert list(found) == list(range(len(truth)))
        np.testing.assert_allclose(list(found.values()), truth, rtol=2e-3)


def test_splits_keep_the_held_out_drives_apart(raw):
    def names(split):
        return [entry.drive for entry in split_file.read(raw / "splits" / split)]

    assert len(names("train.txt")) == 2 and len(names("test.txt")) == 1
    assert not set(names("train.txt")) & set(names("test.txt"))


def test_held_out_drives_do_not_depend_on_the_number_of_drives():
    few = street_drive.make_scene(street_drive.plans(STREET)[-1])[0]
    many = street_drive.make_scene(street_drive.plans(dataclasses.replace(STREET, drives=9))[-1])[0]
    np.testing.assert_array_equal(few.trip.position, many.trip.position)
    np.testing.assert_array_equal(few.moment(0).center, many.moment(0).center)


def test_another_camera_sees_the_same_street(raw, tmp_path):
    """Twice as high with half the focal length: the same world and path, another image."""
    street = dataclasses.replace(STREET, drives=1, test_drives=0, camera_height=3.3, focal=0.29)
    generate.generate(str(tmp_path / "raw"), street, workers=1)
    drive, usual = (kitti_layout.list_drives(folder)[0] for folder in (tmp_path / "raw", raw))
    cameras = tmp_path / "raw" / kitti.DATE / "calib_cam_to_cam.txt"
    assert kitti_layout.intrinsics(cameras, 2)[0, 0] == pytest.approx(0.29 * 104)
    # A row shows the road at depth focal length * height / (row - cy), here the same.
    depths = [kitti_layout.read_depth_png(each.depth_maps(2)[0]) for each in (drive, usual)]
    assert not np.array_equal(*depths)
    higher, lower = (depth[-1, depth.shape[1] // 2] for depth in depths)
    assert higher == pytest.approx(lower, rel=0.05)
    assert list(drive.steps(2).values()) == pytest.approx(list(usual.steps(2).values()), rel=1e-3)
    assert json.loads((tmp_path / "raw" / generate.DONE).read_text())["camera_height"] == 3.3
    assert "camera_height" not in json.loads((raw / generate.DONE).read_text())


def test_scans_land_on_the_depth_map(raw):
    """Through the usual chain P_rect_02 R_rect_00 [R|T], without the -1 of the raw protocol."""
    chain = kitti_layout.velodyne_to_image(raw / kitti.DATE, 2)
    for drive in kitti_layout.list_drives(raw):
        depth = kitti_layout.read_depth_png(drive.depth_maps(2)[1])
        points = kitti_layout.read_scan(drive.scans()[1])[:, :3].astype(float)
        assert len(points) > 300 and (points[:, 0] > 0).all()
        u, v, z = (points @ chain[:, :3].T + chain[:, 3]).T
        u, v = u / z, v / z
        assert max(np.abs(u - np.round(u)).max(), np.abs(v - np.round(v)).max()) < 0.01
        there = depth[np.round(v).astype(int), np.round(u).astype(int)]
        np.testing.assert_allclose(z, there, atol=1 / 256)


def test_oxts_speeds_and_poses_agree(raw):
    for drive in kitti_layout.list_drives(raw):
        folder = drive.path
        lines = [p.read_text().split() for p in sorted((folder / "oxts/data").iterdir())]
        assert all(len(line) == 30 for line in lines)
        poses = np.loadtxt(folder / kitti.CAMERA_TO_WORLD).reshape(-1, 3, 4)
        np.testing.assert_allclose(poses[0], np.eye(4)[:3], atol=1e-9)
        np.testing.assert_allclose(
            poses[:, :, :3] @ np.swapaxes(poses[:, :, :3], 1, 2), np.eye(3)[None].repeat(3, 0),
            atol=1e-7,
        )  # fmt: skip
        hops = np.linalg.norm(np.diff(poses[:, :, 3], axis=0), axis=1)
        speeds = np.array([drive.speeds()[i] for i in range(2)])
        np.testing.assert_allclose(hops * 10, speeds, rtol=0.05)
        yaw = np.array([float(line[5]) for line in lines])
        east, north = np.cos(yaw[0]), np.sin(yaw[0])
        assert float(lines[0][7]) * east > 0 and float(lines[0][6]) * north > 0
        # Forward is mostly z, and turning right lowers KITTI's yaw.
        assert (poses[1:, 2, 3] > 0.4).all()
        turned = np.arctan2(poses[:, 0, 2], poses[:, 2, 2])
        np.testing.assert_allclose(yaw - yaw[0], -turned, atol=2e-4)


def test_most_drives_follow_a_car():
    plans = street_drive.plans(street_drive.Street(8, 2, 6, 64, 208, seed=1))
    scenes = [street_drive.make_scene(plan)[0] for plan in plans]
    ahead = 0
    for scene in scenes:
        moment, here = scene.moment(3), scene.trip.position[3]
        away = (moment.center[moment.moving] - here) @ scene.trip.rotation[3]
        ahead += bool(((away[:, 2] > 5) & (away[:, 2] < 30) & (np.abs(away[:, 0]) < 4)).any())
    assert ahead >= 0.7 * len(scenes)


def test_an_interrupted_run_resumes_and_a_finished_one_is_left_alone(raw, tmp_path):
    folder = tmp_path / "raw"
    generate.generate(str(folder), STREET, workers=1)
    second = pathlib.Path(street_drive.drive_folder(str(folder), 2))
    kept = pathlib.Path(street_drive.drive_folder(str(folder), 1)) / "poses/image_02.txt"
    before = kept.stat().st_mtime_ns
    second.rename(second.with_name(second.name + ".tmp"))
    (folder / generate.DONE).rename(folder / generate.STARTED)
    generate.generate(str(folder), STREET, workers=1)
    assert contents(folder) == contents(raw) and kept.stat().st_mtime_ns == before
    generate.generate(str(folder), STREET, workers=1)
    assert json.loads((folder / generate.DONE).read_text())["seed"] == 7


def blocked():
    """Whether Ctrl-C does not reach this process."""
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def tell(out, plan):
    """In place of make_drive: writes how the worker takes Ctrl-C."""
    (pathlib.Path(out) / f"{plan.number}.txt").write_text(f"blocked: {blocked()}")


def test_workers_leave_ctrl_c_to_their_parent(tmp_path, monkeypatch):
    """A worker that is interrupted while it starts or waits would print a traceback."""
    monkeypatch.setattr(street_drive, "make_drive", tell)
    generate.generate(str(tmp_path / "raw"), STREET, workers=2)
    assert not blocked()
    told = [path.read_text() for path in (tmp_path / "raw").glob("?.txt")]
    assert told == ["blocked: True"] * 3


def not_in_background():
    """A shell lets what it runs in the background ignore SIGINT, tests as well."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_all_processes_with_one_line(tmp_path):
    """A terminal sends it to the command and to its workers."""
    folder = tmp_path / "raw"
    flags = ["--out", folder, "--drives=3", "--test_drives=0", "--frames=2000", "--workers=2"]
    command = subprocess.Popen(
        [sys.executable, "-m", "data_prep.street", *map(str, flags)],
        cwd=commands.ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        while not list(folder.rglob("*.png")) and command.poll() is None:
            time.sleep(0.02)
        os.killpg(command.pid, signal.SIGINT)
        _, said = command.communicate(timeout=20)
        assert command.returncode == 130 and "Traceback" not in said
        assert said.splitlines()[-1] == "interrupted"
        with pytest.raises(ProcessLookupError):  # all are gone
            for _ in range(500):
                os.killpg(command.pid, 0)
                time.sleep(0.02)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)


def test_other_arguments_or_foreign_files_are_refused(raw, tmp_path):
    done = commands.run("data_prep.street", "--out", raw, "--drives", 2, "--seed", 8)
    commands.assert_user_error(done, raw, "other arguments", "--out")
    (tmp_path / "notes.txt").write_text("mine")
    done = commands.run("data_prep.street", "--out", tmp_path, "--drives", 2)
    commands.assert_user_error(done, tmp_path, "not empty")
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    done = commands.run(
        "data_prep.street", "--out", tmp_path / "x", "--drives", 0, "--test_drives=0"
    )
    commands.assert_user_error(done, "--drives")


def test_the_command_imports_no_tensorflow():
    code = "import sys, data_prep.street.__main__; sys.exit('tensorflow' in sys.modules)"
    done = commands.subprocess.run([commands.sys.executable, "-c", code], cwd=commands.ROOT)
    assert done.returncode == 0
