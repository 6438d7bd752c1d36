"""Recordings as they are found: changed, unpacked too deep, unrectified, with foreign files."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.data import manifest, records
from aquanet_tf.kitti import layout as kitti_layout
from data_prep.dataset import earlier, origins
from tests.support import commands, kitti_tree
from tests.support.kitti_tree import path_of
from tests.support.records import contents, prepare, read

REAL = os.environ.get("AQUANET_REAL_DATA")


def spoil_nothing(raw):
    """Touched files, and lines that say nothing about the camera, change nothing."""
    path = raw / kitti_tree.DATE / "calib_cam_to_cam.txt"
    path.write_text("corner_dist: 1\n" + path.read_text())
    for image in raw.rglob("*.png"):
        os.utime(image)


def spoil_calibration(raw):
    path = raw / kitti_tree.DATE / "calib_cam_to_cam.txt"
    path.write_text(path.read_text().replace("4.150000e+01", "4.250000e+01"))


def spoil_picture(raw):
    Image.fromarray(kitti_tree.image(77, seed=3)).save(path_of(raw, 1, 4))


def add_picture(raw):
    Image.fromarray(kitti_tree.image(10, seed=12)).save(path_of(raw, 1, 10))


CHANGES = {
    "fewer frames": (lambda raw: path_of(raw, 1, 9).unlink(), "0009.png: gone"),
    "more frames": (add_picture, "0010.png: added|other triplets are chosen now"),
    "calibration": (
        spoil_calibration,
        "calib_cam_to_cam.txt camera 2: K was 41.5 .*, is 42.5 ",
    ),
    "picture": (spoil_picture, "0004.png: replaced"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changed_raw_data_is_noticed_and_nothing_is_lost(own, tmp_path, what):
    """By a finished data set and by an interrupted one."""
    prepare(own, tmp_path / "out", shard_size=4)
    spoil_nothing(own)
    before = contents(tmp_path / "out")
    prepare(own, tmp_path / "out", shard_size=4)
    assert contents(tmp_path / "out") == before
    half = shutil.copytree(tmp_path / "out", tmp_path / "half")
    (half / "triplets-00000-of-00002.tfrecord").unlink()
    state = {"arguments": json.loads(before["manifest.json"])["arguments"]}
    state["plan"] = json.loads(before["manifest.json"])["plan"]
    (half / earlier.PROGRESS).write_text(json.dumps({**state, "shards": {}}))
    (half / manifest.NAME).unlink()
    spoil, words = CHANGES[what]
    spoil(own)
    for out in (tmp_path / "out", half):
        found = contents(out)
        with pytest.raises(ValueError, match=f"raw data has changed.*{words}.*restore it, or ch"):
            prepare(own, out, shard_size=4)
        assert contents(out) == found


def test_a_data_set_without_record_of_its_sources_goes_on_working(own, tmp_path):
    out = tmp_path / "out"
    prepare(own, out)
    (out / origins.NAME).unlink()
    before = contents(out)
    spoil_calibration(own)
    prepare(own, out)
    assert contents(out) == before


# A wide lens, as KITTI's: D of camera 2, and a small turn.
LENS = {
    "S": "96 32",
    "K": "48 0 47.1 0 47 15.2 0 0 1",
    "D": "-3.7e-01 2.0e-01 1.4e-03 6.0e-04 -6.8e-02",
    "R_rect": "0.9998750026 0.0149991250 -0.0050 -0.0149994375 0.9998875018 0 0.0049994375 "
    "0.0000749972 0.9999875",
}


def unrectified(raw, number=1):
    """Makes the drive of `raw` an unrectified one, of 32x96; returns its name."""
    path = raw / kitti_tree.DATE / "calib_cam_to_cam.txt"
    lines = "".join(f"{name}_02: {numbers}\n" for name, numbers in LENS.items())
    path.write_text(path.read_text() + lines)
    name = kitti_tree.drive_name(number)
    extract = name.removesuffix("sync") + "extract"
    shutil.copytree(raw / name, raw / extract)
    for frame, image in enumerate(sorted((raw / extract).rglob("*.png"))):
        Image.fromarray(kitti_tree.image(frame, seed=5, shape=(32, 96))).save(image)
    return extract


def test_unrectified_drives_are_rectified_and_said_to_be(own, tmp_path, capsys):
    extract = unrectified(own)
    (tmp_path / "split.txt").write_text(extract)
    out = tmp_path / "out"
    info = prepare(own, out, split=str(tmp_path / "split.txt"), image_format="png")
    assert info["sizes"] == {"24x80": 8}
    assert "rectified with K, D, R_rect and P_rect" in info["sources"][0]["note"]
    fields = read(out)[f"{extract}/image_02/0000000004"]
    np.testing.assert_allclose(fields["intrinsics"], kitti_tree.K[2])
    found = records.decode(fields["target"], "png").numpy().astype(float)
    seen = kitti_tree.image(4, seed=5, shape=(32, 96)).astype(float)
    k, r = (np.array(LENS[n].split(), float).reshape(3, 3) for n in ("K", "R_rect"))
    k1, k2, p1, p2, k3 = map(float, LENS["D"].split())
    for row in range(0, 24, 3):
        for column in range(0, 80, 7):
            x, y, z = r.T @ np.linalg.inv(kitti_tree.K[2]) @ [column, row, 1]
            x, y = x / z, y / z
            rr = x * x + y * y
            radial = 1 + k1 * rr + k2 * rr**2 + k3 * rr**3
            u, v, _ = k @ [
                x * radial + 2 * p1 * x * y + p2 * (rr + 2 * x * x),
                y * radial + p1 * (rr + 2 * y * y) + 2 * p2 * x * y,
                1,
            ]
            if not (0 <= u < 95 and 0 <= v < 31):
                assert not found[row, column].any()
                continue
            i, j = int(v), int(u)
            a, b = v - i, u - j
            expected = (1 - a) * ((1 - b) * seen[i, j] + b * seen[i, j + 1])
            expected += a * ((1 - b) * seen[i + 1, j] + b * seen[i + 1, j + 1])
            np.testing.assert_allclose(found[row, column], expected, atol=0.51)
    # The record of the camera holds the lens: a corrected D is noticed.
    path = own / kitti_tree.DATE / "calib_cam_to_cam.txt"
    path.write_text(path.read_text().replace("D_02: -3.7e-01", "D_02: -3.6e-01"))
    with pytest.raises(ValueError, match="camera 2 unrectified: lens was .*restore it"):
        prepare(own, out, split=str(tmp_path / "split.txt"), image_format="png")


def test_of_a_drive_that_is_there_rectified_the_unrectified_copy_is_left_out(own, tmp_path):
    assert prepare(own, tmp_path / "before")["count"] == 8
    unrectified(own)
    info = prepare(own, tmp_path / "out")
    assert info["count"] == 8 and info["sizes"] == {"24x80": 8}
    shutil.rmtree(own / kitti_tree.drive_name(1))
    assert prepare(own, tmp_path / "alone")["count"] == 8


def test_an_unrectified_drive_without_its_calibration_is_named(own, tmp_path):
    unrectified(own)
    shutil.rmtree(own / kitti_tree.drive_name(1))
    path = own / kitti_tree.DATE / "calib_cam_to_cam.txt"
    path.write_text(path.read_text().replace("D_02", "X_02"))
    with pytest.raises(ValueError, match="no line D_02.*camera 2 are unrectified.*_sync archive"):
        prepare(own, tmp_path / "out")


@pytest.mark.parametrize("depth", ["DATE/DATE", "zip/DATE", "", "zip/DATE/DATE"])
def test_a_drive_in_a_wrong_folder_is_taken_like_one_in_its_place(own, tmp_path, depth):
    expected = prepare(own, tmp_path / "in_place", image_format="png", shard_size=3)
    name = kitti_tree.drive_name(1)
    place = own / depth.replace("DATE", kitti_tree.DATE)
    place.mkdir(parents=True, exist_ok=True)
    (own / name).rename(place / name.split("/")[1])
    (drive,) = kitti_layout.list_drives(own)
    assert drive.name == name and drive.path == place / name.split("/")[1]
    info = prepare(own, tmp_path / "out", image_format="png", shard_size=3)
    assert [s["sha256"] for s in info["shards"]] == [s["sha256"] for s in expected["shards"]]


def test_one_damaged_oxts_file_is_no_end(tmp_path):
    speeds = {frame: 5.0 for frame in range(10)}
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(10), speeds=speeds)])
    (raw / kitti_tree.drive_name(1) / "oxts/data/0000000004.txt").write_text("")
    info = prepare(raw, tmp_path / "out")
    assert info["count"] == 8
    assert info["sources"][0]["note"].startswith("1 damaged oxts files (first: frame 4)")


def test_hidden_and_foreign_files_are_no_pictures(own, tmp_path):
    expected = prepare(own, tmp_path / "before", image_format="png")["shards"]
    folder = path_of(own, 1, 0).parent
    for name in ("._0000000003.png", ".DS_Store", "Thumbs.db", "0000000003 (1).png", "\u00b2.png"):
        (folder / name).write_bytes(b"foreign")
        (own / name).write_bytes(b"foreign")
        (own / kitti_tree.DATE / name).write_bytes(b"foreign")
    (folder / "0000000099.png").mkdir()
    shutil.copytree(own / kitti_tree.DATE, own / "__MACOSX" / "2011_09_28")
    info = prepare(own, tmp_path / "after", image_format="png")
    assert info["shards"] == expected and info["dropped_files"] == []


def test_of_a_camera_that_a_drive_lacks_the_note_says_what_it_has(tmp_path):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(), kitti_tree.Spec(cameras=(3,))])
    info = prepare(raw, tmp_path / "out")
    assert [s.get("note") for s in info["sources"]] == [None, "no image_02; --camera=3 has images"]
    info = prepare(raw, tmp_path / "both", camera=(2, 3))
    notes = [s["note"] for s in info["sources"] if "note" in s]
    assert info["count"] == 8 and notes == ["no image_03", "no image_02"]


@pytest.mark.skipif(not REAL, reason="AQUANET_REAL_DATA is not set")
def test_real_drives_as_they_are(tmp_path):
    """Drives with one camera, without oxts, with gaps; 0015 and 0039 were rectified from the
    recorded images, to the size and K of KITTI's synchronized drives."""
    raw = pathlib.Path(REAL) / "kitti_raw"
    names = ("0001", "0015", "0039", "0095", "9001", "9999")
    chosen = [f"2011_09_26/2011_09_26_drive_{name}_sync" for name in names]
    lines = [f"{chosen[1]} {n}\n" for n in range(10, 20)] + [f"{chosen[3]} {n}\n" for n in (5, 6)]
    (tmp_path / "split.txt").write_text("".join([f"{chosen[0]}\n", *lines]))
    split = str(tmp_path / "split.txt")
    out = tmp_path / "out"
    info = prepare(raw, out, split=split, height=192, camera=(2, 3), threads=2)
    assert info["sizes"] == {"192x636": 14} and not info["dropped_files"]
    parsed = read(out)
    # Drive 0001 has frames 0, 1, 2 and 5: one triplet for each camera, none over the gap.
    assert sorted(key for key in parsed if "_0001_" in key) == [
        f"{chosen[0]}/image_{c:02d}/0000000001" for c in (2, 3)
    ]
    assert {key.split("/")[2] for key in parsed if "_0015_" in key} == {"image_03"}
    drives = kitti_layout.list_drives(raw)
    assert [drive.name for drive in drives] == chosen
    p = kitti_layout.projection(drives[0].calibration, 2)
    k = next(iter(parsed.values()))["intrinsics"].numpy()
    assert k[0, 0] == pytest.approx(p[0, 0] * 636 / 1242, rel=1e-6)
    assert k[1, 2] == pytest.approx((p[1, 2] + 0.5) * 192 / 375 - 0.5, rel=1e-6)


def test_the_command_prints_notes(own, tmp_path):
    extract = unrectified(own)
    shutil.rmtree(own / kitti_tree.drive_name(1))
    done = commands.run("data_prep.kitti", "--raw_dir", own, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert f"note: {extract}: unrectified images, rectified with" in done.stdout
