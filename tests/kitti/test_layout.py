"""The KITTI raw layout: drives, splits, calibration, scans, depth maps; also damaged files."""

import os
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.kitti import layout as kitti_layout
from tests.support import fuzz, kitti_tree

REAL = os.environ.get("AQUANET_REAL_DATA")


def test_drives_and_frames_are_found(raw_dir):
    drives = kitti_layout.list_drives(raw_dir)
    assert [drive.name for drive in drives] == [kitti_tree.drive_name(n) for n in (1, 2, 3)]
    assert list(drives[2].images(2)) == list(range(4, 12))
    assert drives[0].images(3) == {} and len(drives[1].images(3)) == 6
    assert drives[0].speeds() == {}
    assert drives[0].calibration == raw_dir / kitti_tree.DATE / "calib_cam_to_cam.txt"


@pytest.mark.parametrize("make", [lambda p: p / "absent", lambda p: p])
def test_a_directory_without_drives_is_named(tmp_path, make):
    with pytest.raises(ValueError, match=f"{make(tmp_path)}.*expected KITTI raw"):
        kitti_layout.list_drives(make(tmp_path))


def test_intrinsics_and_size_are_those_of_the_camera(raw_dir):
    path = kitti_layout.list_drives(raw_dir)[0].calibration
    for camera, k in kitti_tree.K.items():
        np.testing.assert_allclose(kitti_layout.intrinsics(path, camera), k)
        assert kitti_layout.image_shape(path, camera) == kitti_tree.SHAPE
    with pytest.raises(ValueError, match="calib_cam_to_cam.txt: no line P_rect_01"):
        kitti_layout.intrinsics(path, 1)


def test_missing_calibration_is_named(tmp_path):
    with pytest.raises(ValueError, match="calib_cam_to_cam.txt: missing calibration"):
        kitti_layout.intrinsics(tmp_path / "calib_cam_to_cam.txt", 2)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_calibration_saved_by_a_windows_editor(tmp_path, encoding):
    path = tmp_path / "calib_cam_to_cam.txt"
    path.write_bytes(kitti_tree.calibration().replace("\n", "\r\n").encode(encoding))
    np.testing.assert_allclose(kitti_layout.intrinsics(path, 2), kitti_tree.K[2])


def calibrated(folder: pathlib.Path) -> pathlib.Path:
    """Calibration with a slightly turned lidar."""
    text = kitti_tree.calibration() + "R_rect_00: 1 0 0 0 1 0 0 0 1\n"
    (folder / "calib_cam_to_cam.txt").write_text(text)
    c, s = np.cos(0.02), np.sin(0.02)
    turn = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]]) @ [[c, -s, 0], [s, c, 0], [0, 0, 1]]
    numbers = " ".join(map(str, turn.ravel()))
    (folder / "calib_velo_to_cam.txt").write_text(f"R: {numbers}\nT: 0.1 -0.2 -0.3\n")
    return folder


@pytest.fixture(scope="module")
def calibration_dir(tmp_path_factory):
    return calibrated(tmp_path_factory.mktemp("calibration"))


@given(st.integers(0, 10**6), st.sampled_from([2, 3]), st.booleans())
def test_velodyne_depth_is_the_nearest_point_of_each_pixel(
    calibration_dir, seed, camera, lidar_range
):
    rng = np.random.default_rng(seed)
    low, high = [-5, -8, -3, 0], [20, 8, 2, 1]
    points = rng.uniform(low, high, (300, 4)).astype(np.float32)
    shape = (24, 80)
    expected = np.full(shape, np.inf)
    matrix = kitti_layout.velodyne_to_image(calibration_dir, camera)
    for x, y, z, _ in points.astype(np.float64):
        u, v, w = matrix @ [x, y, z, 1]
        if x < 0 or w <= 0:
            continue
        column, row = round(u / w) - 1, round(v / w) - 1
        if 0 <= column < shape[1] and 0 <= row < shape[0]:
            expected[row, column] = min(expected[row, column], x if lidar_range else w)
    expected[np.isinf(expected)] = 0
    depth = kitti_layout.velodyne_depth(points, calibration_dir, shape, camera, lidar_range)
    np.testing.assert_allclose(depth, expected, rtol=1e-12)
    assert (depth > 0).any()


def test_scan_round_trip_and_truncation(tmp_path):
    points = np.arange(12, dtype=np.float32).reshape(3, 4)
    points.tofile(tmp_path / "scan.bin")
    np.testing.assert_array_equal(kitti_layout.read_scan(tmp_path / "scan.bin"), points)
    (tmp_path / "scan.bin").write_bytes(points.tobytes()[:-4])
    with pytest.raises(ValueError, match="scan.bin: .*truncated"):
        kitti_layout.read_scan(tmp_path / "scan.bin")


def test_depth_png_is_meters(tmp_path):
    stored = np.array([[0, 256, 20480], [1, 2, 65535]], np.uint16)
    Image.fromarray(stored).save(tmp_path / "depth.png")
    depth = kitti_layout.read_depth_png(tmp_path / "depth.png")
    np.testing.assert_allclose(depth, stored / 256.0)
    assert depth.dtype == np.float32
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / "gray.png")
    with pytest.raises(ValueError, match="gray.png: mode L"):
        kitti_layout.read_depth_png(tmp_path / "gray.png")


def test_speed_over_ground(tmp_path):
    numbers = [0.0] * 30
    numbers[8:10] = [3.0, -4.0]
    (tmp_path / "0.txt").write_text(" ".join(map(str, numbers)))
    assert kitti_layout.read_speed(tmp_path / "0.txt") == pytest.approx(5.0)
    (tmp_path / "0.txt").write_text("1 2 3")
    with pytest.raises(ValueError, match="0.txt: not an oxts file"):
        kitti_layout.read_speed(tmp_path / "0.txt")


@pytest.mark.skipif(not REAL, reason="AQUANET_REAL_DATA is not set")
@pytest.mark.parametrize("camera", [2, 3])
@pytest.mark.parametrize("lidar_range", [0, 1])
def test_velodyne_depth_matches_the_field(camera, lidar_range):
    golden = pathlib.Path(REAL) / "golden"
    expected = np.load(golden / "g_generate_depth_map.npz")[
        f"depth_cam{camera}_veldepth{lidar_range}"
    ]
    points = kitti_layout.read_scan(golden / "g_calib" / "velo.bin")
    depth = kitti_layout.velodyne_depth(
        points, golden / "g_calib", expected.shape, camera, bool(lidar_range)
    )
    np.testing.assert_allclose(depth, expected, rtol=1e-12)


@pytest.mark.skipif(not REAL, reason="AQUANET_REAL_DATA is not set")
def test_real_scan_agrees_with_the_annotated_depth():
    drive = kitti_layout.list_drives(pathlib.Path(REAL) / "kitti_raw")[0]
    annotated = kitti_layout.read_depth_png(drive.depth_maps(2)[5])
    scan = kitti_layout.read_scan(drive.scans()[5])
    depth = kitti_layout.velodyne_depth(scan, drive.path.parent, annotated.shape)
    both = (annotated > 0) & (depth > 0)
    assert both.sum() > 5000
    # The annotation drops occluded points, whose depth the raw scan still holds.
    assert np.median(np.abs(depth - annotated)[both] / annotated[both]) < 0.02


@pytest.mark.parametrize("size", ["nan 60", "80 inf"])
def test_a_recorded_size_that_is_no_number_is_named(tmp_path, size):
    path = tmp_path / "calib_cam_to_cam.txt"
    path.write_text(f"S_02: {size}\n")
    with pytest.raises(ValueError, match=f"{path}: S_02 is {size.replace(' ', ' x ')}; damaged"):
        kitti_layout.recorded_shape(path, 2)


def test_a_link_to_itself_is_no_folder(tmp_path):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(3))])
    (raw / "loop").symlink_to("loop")
    (raw / kitti_tree.DATE / "loop").symlink_to("loop")
    assert [drive.name for drive in kitti_layout.list_drives(raw)] == [kitti_tree.drive_name(1)]


def damaged(data):
    """Bytes of a calibration file: invented, or a good one with some bytes changed or cut off."""
    text = bytearray(kitti_tree.calibration().encode())
    kind = data.draw(st.sampled_from(["invented", "numbers", "changed", "cut"]))
    if kind == "invented":
        return data.draw(st.binary(max_size=80))
    if kind == "numbers":
        numbers = data.draw(st.lists(st.floats(), min_size=12, max_size=12))
        size = data.draw(st.tuples(st.floats(), st.floats()))
        lines = [f"{name}: {' '.join(map(str, v))}" for name, v in (("P", numbers), ("S", size))]
        return "\n".join(line.replace(":", "_rect_02:", 1) for line in lines).encode()
    at = data.draw(st.integers(0, len(text) - 1))
    if kind == "cut":
        return bytes(text[:at])
    for position in data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=6)):
        text[position] = data.draw(st.integers(0, 255))
    return bytes(text)


@fuzz.lengths(100)
def test_any_calibration_file_is_a_camera_or_named(tmp_path, examples):
    path = tmp_path / "calibration.txt"

    def check(data):
        path.write_bytes(damaged(data))
        try:
            k = kitti_layout.intrinsics(path, 2)
            height, width = kitti_layout.image_shape(path, 2)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert np.isfinite(k).all() and min(k[0, 0], k[1, 1], height, width) > 0

    fuzz.run(examples, check)


@fuzz.lengths(100)
def test_any_oxts_file_is_read_or_named(tmp_path, examples):
    path = tmp_path / "fuzz.txt"

    def check(contents):
        if isinstance(contents, list):
            contents = " ".join(map(str, contents)).encode()
        path.write_bytes(contents)
        try:
            found = kitti_layout.read_speed(path)
        except ValueError as error:
            assert str(path) in str(error)
        else:
            assert np.isfinite(found)

    fuzz.run(examples, check, st.binary(max_size=60) | st.lists(st.floats(), max_size=31))
