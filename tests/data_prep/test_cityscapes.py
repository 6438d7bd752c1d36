"""Cityscapes' layout to records: the right K for every snippet, the right part of every frame."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.data import records
from aquanet_tf.geometry import camera
from aquanet_tf.kitti import layout as kitti_layout
from data_prep import check
from data_prep.dataset.checks import repair, report
from data_prep.layouts import cityscapes, cityscapes_files, source_check
from data_prep.street.write import cityscapes as street_cityscapes
from tests.support import commands, fuzz
from tests.support.records import read

SHAPE = (32, 64)
K = np.array([[70.7, 0, 34.3], [0, 70.8, 16.0], [0, 0, 1]])
WHOLE = (0, 0, 0, 0)


def picture(frame, shape=SHAPE):
    v, u = np.mgrid[: shape[0], : shape[1]]
    waves = [np.sin(0.2 * (u + 3 * frame) + 0.1 * c * v) for c in range(3)]
    return np.uint8(127 + 100 * np.stack(waves, -1))


def write(root, frames, cameras, city="aachen", seq=0, split="train", k=K):
    """Frames of one sequence, and a json beside those numbered in `cameras` (focal + number)."""
    images = root / cityscapes_files.IMAGES / split / city
    jsons = root / cityscapes_files.CAMERAS / split / city
    images.mkdir(parents=True, exist_ok=True)
    jsons.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        name = f"{city}_{seq:06d}_{frame:06d}_leftImg8bit.png"
        Image.fromarray(picture(frame)).save(images / name)
    for frame in cameras:
        values = {"fx": k[0, 0] + frame, "fy": k[1, 1], "u0": k[0, 2], "v0": k[1, 2]}
        text = json.dumps({"extrinsic": {"baseline": 0.2}, "intrinsic": values})
        (jsons / f"{city}_{seq:06d}_{frame:06d}_camera.json").write_text(text)
    return root


def prepare(root, out, **options):
    options = {"image_format": "png", "border": WHOLE, **options}
    return cityscapes.prepare(cityscapes.Options(str(root), str(out), **options))


def test_neighbors_are_two_frames_apart(tmp_path):
    root = write(tmp_path / "cs", range(30), [19])
    info = prepare(root, tmp_path / "out")
    found = read(tmp_path / "out")
    assert info["count"] == len(found) == 26 and info["arguments"]["stride"] == 2
    fields = found["train/aachen_000000/image_02/0000000019"]
    assert list(fields["frame_ids"].numpy()) == [17, 19, 21]
    np.testing.assert_array_equal(records.decode(fields["next"], "png"), picture(21))
    assert report.check(tmp_path / "out").faults == []


def test_every_snippet_has_its_own_k(tmp_path):
    """One SEQ through a city: 0..29 and 100..129 are two snippets, each with one json."""
    root = write(tmp_path / "cs", [*range(5, 25), *range(105, 125)], [19, 119], city="hamburg")
    write(root, range(6), [3], city="zurich", seq=7)
    prepare(root, tmp_path / "out")
    found = read(tmp_path / "out")
    for key, fields in found.items():
        number = int(key[-10:])
        annotated = 3 if "zurich_000007" in key else 19 if number < 50 else 119
        assert float(fields["intrinsics"][0, 0]) == pytest.approx(K[0, 0] + annotated)
    assert len(found) == 16 + 16 + 2  # none over the gap


@pytest.mark.parametrize("border", [(0, 0, 0, 0), (1, 7, 2, 4), (0, 8, 0, 0)])
@pytest.mark.parametrize("height", [0, 12, 48])
def test_k_follows_border_and_height(tmp_path, border, height):
    root = write(tmp_path / "cs", range(5), [2])
    prepare(root, tmp_path / "out", border=border, height=height, stride=1)
    fields = next(iter(read(tmp_path / "out").values()))
    top, bottom, left, right = border
    rows, columns = SHAPE[0] - top - bottom, SHAPE[1] - left - right
    size = (height, round(columns * height / rows)) if height else (rows, columns)
    assert records.decode(fields["target"], "png").shape == (*size, 3)
    k = K + [[2, 0, -left], [0, 0, -top], [0, 0, 0]]
    expected = camera.resize_intrinsics(k, size[1] / columns, size[0] / rows)
    np.testing.assert_allclose(fields["intrinsics"], expected, rtol=1e-6)
    if not height:
        frame = picture(int(fields["frame_ids"][1]))[top : top + rows, left : left + columns]
        np.testing.assert_array_equal(records.decode(fields["target"], "png"), frame)


def test_the_default_border_leaves_the_scene():
    assert cityscapes.window((1024, 2048), cityscapes.BORDER) == (25, 100, 768, 1848)
    with pytest.raises(ValueError, match="--border=.* leaves nothing"):
        cityscapes.window((200, 400), cityscapes.BORDER)


def test_splits(tmp_path):
    root = write(tmp_path / "cs", range(5), [2])
    write(root, range(5), [2], city="lindau", split="val")
    for split, count in (("train", 1), ("val", 1), ("train,val", 2), ("all", 2)):
        assert prepare(root, tmp_path / split, split=split)["count"] == count
    with pytest.raises(ValueError, match="--split=training: expected"):
        prepare(root, tmp_path / "x", split="training")


def test_what_is_missing_is_named_with_its_archive(tmp_path):
    with pytest.raises(ValueError, match="leftImg8bit_sequence_trainvaltest.zip"):
        prepare(tmp_path, tmp_path / "out")
    root = write(tmp_path / "cs", range(100, 110), [19])
    with pytest.raises(ValueError, match="aachen_000000 frame 102: no camera json .*camera_tr"):
        prepare(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["fx", "fy", "u0", "v0", "x"]), inner, max_size=5)
    ),
    max_leaves=8,
)


@fuzz.lengths(100)
def test_a_camera_file_is_right_or_named(tmp_path, examples):
    path = tmp_path / "camera.json"

    def check(contents):
        path.write_bytes(contents)
        try:
            k = cityscapes_files.read_camera(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert np.isfinite(k).all() and k[0, 0] > 0 and k[1, 1] > 0

    documents = json_values.map(lambda value: json.dumps({"intrinsic": value}).encode())
    fuzz.run(examples, check, st.binary(max_size=40) | documents)


def test_a_damaged_image_is_left_out_and_the_rest_kept(tmp_path):
    root = write(tmp_path / "cs", range(12), [5])
    bad = root / cityscapes_files.IMAGES / "train/aachen/aachen_000000_000000_leftImg8bit.png"
    bad.write_bytes(b"not a picture")
    info = prepare(root, tmp_path / "out", max_bad=0.5)
    assert info["count"] == 7 and [entry["file"] for entry in info["dropped_files"]] == [str(bad)]


def test_a_sequence_without_a_readable_image_is_left_out(tmp_path):
    root = write(tmp_path / "cs", range(12), [5])
    write(root, range(5), [2], seq=1)
    for path in root.glob("*/*/*/aachen_000001_*.png"):
        path.write_bytes(b"not a picture")
    info = prepare(root, tmp_path / "out", max_bad=0.5, static_filter=False)
    assert info["count"] == 8 and info["drops"]["unreadable"] == 1
    with pytest.raises(ValueError, match="1 of 9 triplets .*--max_bad=0.05"):
        prepare(root, tmp_path / "other", static_filter=False)
    for path in root.rglob("*.png"):
        path.write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=f"--raw_dir={root}: no readable image"):
        prepare(root, tmp_path / "none", static_filter=False)


def test_a_camera_json_saved_by_a_windows_editor(tmp_path):
    path = tmp_path / "camera.json"
    text = json.dumps({"intrinsic": {"fx": 7, "fy": 8, "u0": 1, "v0": 2}})
    path.write_bytes(text.encode("utf-16"))
    np.testing.assert_array_equal(
        cityscapes_files.read_camera(path), [[7, 0, 1], [0, 8, 2], [0, 0, 1]]
    )


def test_hidden_files_are_no_pictures(tmp_path):
    root = write(tmp_path / "cs", range(12), [5])
    expected = prepare(root, tmp_path / "before")["shards"]
    for file in [*root.rglob("*.png"), *root.rglob("*.json")]:
        file.with_name(f"._{file.name}").write_bytes(b"Mac OS X")
        file.with_name("Thumbs.db").write_bytes(b"")
    info = prepare(root, tmp_path / "after")
    assert info["shards"] == expected and info["dropped_files"] == []


def test_changed_sources_are_noticed(tmp_path):
    root = write(tmp_path / "cs", range(12), [5])
    prepare(root, tmp_path / "out")
    assert source_check.changes(tmp_path / "out", check.REPAIRABLE) == ([], [])
    write(root, [], [5], k=K + np.eye(3))
    image = root / cityscapes_files.IMAGES / "train/aachen/aachen_000000_000003_leftImg8bit.png"
    Image.fromarray(picture(4)).save(image)
    camera, picture_text = source_check.changes(tmp_path / "out", check.REPAIRABLE).changed
    assert "aachen_000000_000005_camera.json: K was 75.7 " in camera and ", is 76.7 " in camera
    assert "000003_leftImg8bit.png: replaced" in picture_text
    with pytest.raises(ValueError, match="raw data has changed .*K was 75.7 .*restore it, or"):
        prepare(root, tmp_path / "out")


def test_pictures_that_came_or_went_are_named(tmp_path):
    root = write(tmp_path / "cs", range(12), [5])
    prepare(root, tmp_path / "out")
    write(root, range(12, 14), [])
    write(root, range(5), [2], city="zurich")
    words = "aachen_000000_000012_.*png: added; .*zurich_000000_000000_.*: added; and 2 more"
    with pytest.raises(ValueError, match=f"raw data has changed since .*{words}.*restore it, or"):
        prepare(root, tmp_path / "out")
    images = root / cityscapes_files.IMAGES / "train"
    for path in [*images.glob("zurich/*"), *images.glob("aachen/*_00001[0-9]_*")]:
        path.unlink()
    with pytest.raises(ValueError, match="changed since .*000010_leftImg8bit.png: gone; .*restore"):
        prepare(root, tmp_path / "out")
    # Sources of a finished data set may be removed, all of them.
    assert source_check.changes(tmp_path / "out", check.REPAIRABLE).changed == []


def test_repair(tmp_path):
    root = write(tmp_path / "cs", range(12), [5])
    prepare(root, tmp_path / "out", border=(1, 2, 3, 4), height=20, shard_size=3)
    shard = sorted((tmp_path / "out").glob("*.tfrecord"))[1]
    before = shard.read_bytes()
    shard.write_bytes(before[:-9])
    repair.repair(tmp_path / "out", {shard.name}, check.REPAIRABLE)
    assert shard.read_bytes() == before


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    root = tmp_path_factory.mktemp("street") / "raw"
    arguments = ["--drives=1", "--test_drives=1", "--frames=5", "--height=32", "--width=96"]
    done = commands.run("data_prep.street", "--out", root, *arguments)
    assert done.returncode == 0, done.stderr
    return root


def test_the_street_in_this_layout_gives_the_street_again(street, tmp_path):
    border = (4, 12, 6, 6)
    assert street_cityscapes.convert(str(street), str(tmp_path / "cs"), border) == 10
    info = prepare(
        tmp_path / "cs", tmp_path / "out", border=border, split="all", static_filter=False
    )
    assert info["count"] == 2 and info["sizes"] == {"32x96": 2}
    drives = kitti_layout.list_drives(street)
    for key, fields in read(tmp_path / "out").items():
        assert key.startswith(("train/street_000000", "val/street_000001"))
        drive = drives[int(key.split("street_")[1][:6])]
        with Image.open(drive.images(2)[2]) as image:
            np.testing.assert_array_equal(
                records.decode(fields["target"], "png"), np.asarray(image)
            )
        k = kitti_layout.intrinsics(drive.calibration, 2)
        np.testing.assert_allclose(fields["intrinsics"], k, rtol=1e-6)


def test_two_streets_are_not_mixed(street, tmp_path):
    out, border = tmp_path / "cs", (4, 12, 6, 6)
    street_cityscapes.convert(str(street), str(out), border)
    assert street_cityscapes.convert(str(street), str(out), border) == 10
    other = shutil.copytree(street, tmp_path / "other")
    (other / "street.json").write_text(json.dumps({"seed": 2}))
    for source, margin in ((other, border), (street, WHOLE)):
        with pytest.raises(ValueError, match=f"--out={out}: holds another street, .*choose"):
            street_cityscapes.convert(str(source), str(out), margin)
    (out / "cityscapes.json").unlink()
    with pytest.raises(
        ValueError, match=f"--out={out}: not empty, without cityscapes.json; choose"
    ):
        street_cityscapes.convert(str(street), str(out), border)


def test_command_line(tmp_path):
    root = write(tmp_path / "cs", range(5), [2])
    arguments = ["--raw_dir", root, "--out", tmp_path / "out", "--height=12"]
    done = commands.run("data_prep.cityscapes", *arguments, "--border=0,8,0,0")
    assert done.returncode == 0, done.stderr
    assert "1 triplets of 12x32 in 1 shards" in done.stdout


@pytest.mark.parametrize("words", [["1", "2"], ["1", "2", "3", "-4"], ["a", "0", "0", "0"], [""]])
def test_a_bad_border_is_named(words):
    assert cityscapes.parse_border(["1", " 2", "3", "4"]) == (1, 2, 3, 4)
    with pytest.raises(ValueError, match="--border=.*expected four numbers"):
        cityscapes.parse_border(words)
