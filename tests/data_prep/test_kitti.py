import os
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from aquanet_tf import files
from aquanet_tf.data import manifest, records
from aquanet_tf.geometry import camera
from data_prep.dataset import earlier
from data_prep.layouts import kitti
from tests.support import commands, kitti_tree
from tests.support.kitti_tree import path_of
from tests.support.records import contents, prepare, read

SHARDS = {"shard_size": 5, "image_format": "png"}


def test_records_hold_the_frames_of_their_key(raw_dir, data_dir):
    parsed = read(data_dir)
    assert len(parsed) == 14
    fields = parsed[f"{kitti_tree.drive_name(3)}/image_02/0000000006"]
    assert list(fields["frame_ids"].numpy()) == [5, 6, 7]
    for name, frame in zip(records.FRAMES, (5, 6, 7)):
        with Image.open(path_of(raw_dir, 3, frame)) as image:
            np.testing.assert_array_equal(records.decode(fields[name], "png"), np.asarray(image))
    np.testing.assert_allclose(fields["intrinsics"], kitti_tree.K[2])


def test_drives_are_mixed_in_every_shard(data_dir):
    keys = list(read(data_dir))
    assert len({key.split("/")[1] for key in keys[:5]}) > 1


@pytest.mark.parametrize("height", [12, 16, 24, 36])
def test_k_follows_the_stored_size(raw_dir, tmp_path, height):
    info = prepare(raw_dir, tmp_path / "out", height=height, camera=(2, 3), image_format="png")
    width = round(80 * height / 24)
    assert info["sizes"] == {f"{height}x{width}": 18}
    parsed = read(tmp_path / "out")
    for fields in parsed.values():
        k = kitti_tree.K[int(fields["camera"])]
        expected = camera.resize_intrinsics(k, width / 80, height / 24)
        np.testing.assert_allclose(fields["intrinsics"], expected, rtol=1e-6)
        assert records.decode(fields["target"], "png").shape == (height, width, 3)


def test_a_resized_image_shows_the_same_scene_at_the_same_rays(raw_dir, tmp_path):
    """A bright spot at the pixel of a ray is found where the stored K says."""
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec(range(3))])
    for frame in range(3):
        pixels = np.zeros((*kitti_tree.SHAPE, 3), np.uint8)
        pixels[8:12, 40:44] = 255  # center of mass at (41.5, 9.5)
        Image.fromarray(pixels).save(path_of(raw, 1, frame))
    prepare(raw, tmp_path / "out", height=48, image_format="png", static_filter=False)
    (fields,) = read(tmp_path / "out").values()
    image = records.decode(fields["target"], "png").numpy().astype(float)[..., 0]
    v, u = np.mgrid[:48, :160]
    spot = np.array([(u * image).sum(), (v * image).sum()]) / image.sum()
    ray = np.linalg.inv(kitti_tree.K[2]) @ [41.5, 9.5, 1]
    np.testing.assert_allclose(camera.project(ray[None], fields["intrinsics"])[0], spot, atol=0.02)


def test_jpeg_is_close_to_the_original(raw_dir, tmp_path):
    info = prepare(raw_dir, tmp_path / "out")
    assert info["image_format"] == "jpeg"
    fields = read(tmp_path / "out")[f"{kitti_tree.drive_name(1)}/image_02/0000000001"]
    original = kitti_tree.image(1, seed=12).astype(int)
    assert np.abs(records.decode(fields["target"], "jpeg").numpy() - original).mean() < 2


def test_manifest_accounts_for_everything(raw_dir, tmp_path):
    info = prepare(raw_dir, tmp_path / "out", camera=(2, 3), stride=2, **SHARDS)
    assert info["drops"] == {"no_neighbours": 16} and info["dropped_files"] == []
    assert sum(source["triplets"] for source in info["sources"]) == info["count"] == 10
    assert [s["note"] for s in info["sources"] if "note" in s] == ["no image_03"] * 2
    assert info["arguments"]["stride"] == 2 and info["created_by"].startswith("aquanet_tf ")
    assert not list((tmp_path / "out").glob("*.tmp"))
    assert not (tmp_path / "out" / earlier.PROGRESS).exists()


def test_bytes_do_not_depend_on_threads_and_a_second_run_changes_nothing(
    raw_dir, data_dir, tmp_path
):
    info = prepare(raw_dir, tmp_path / "out", threads=5, **SHARDS)
    assert contents(tmp_path / "out") == contents(data_dir)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tfrecord")}
    assert prepare(raw_dir, tmp_path / "out", **SHARDS) == info
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_damaged_shard_is_written_again(raw_dir, data_dir, tmp_path):
    out = shutil.copytree(data_dir, tmp_path / "out")
    (out / "triplets-00001-of-00003.tfrecord").write_bytes(b"damaged")
    prepare(raw_dir, out, **SHARDS)
    assert contents(out) == contents(data_dir)


class Stopped(BaseException):
    """Not an Exception: nothing may catch it, as nothing catches a kill."""


def test_stopped_before_any_rename_it_leaves_no_manifest_and_resumes(
    raw_dir, data_dir, tmp_path, monkeypatch
):
    replace, out = os.replace, tmp_path / "out"
    for step in range(20):
        shutil.rmtree(out, ignore_errors=True)
        renames = iter(range(100))

        def stop(source, target, step=step, renames=renames):
            if next(renames) == step:
                raise Stopped
            replace(source, target)

        monkeypatch.setattr(os, "replace", stop)
        try:
            prepare(raw_dir, out, **SHARDS)
        except Stopped:
            assert not (out / manifest.NAME).exists()
        else:
            break
        monkeypatch.setattr(os, "replace", replace)
        prepare(raw_dir, out, **SHARDS)
        assert contents(out) == contents(data_dir)
    # progress, three times a shard and its entry, sources, manifest
    assert step == 1 + 3 * 2 + 2


KILLED = """
import os, signal, sys
from data_prep.layouts import kitti
replace, done = os.replace, []
def kill(source, target):
    replace(source, target)
    done.append(target)
    if len(done) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = kill
kitti.prepare(kitti.Options(sys.argv[1], sys.argv[2], image_format="png", shard_size=5))
"""


def test_killed_half_way_it_resumes_to_the_same_bytes(raw_dir, data_dir, tmp_path):
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, raw_dir, out], cwd=commands.ROOT, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    finished = out / "triplets-00000-of-00003.tfrecord"
    written = finished.stat().st_mtime_ns
    assert not (out / manifest.NAME).exists()
    with pytest.raises(ValueError, match="unfinished"):
        manifest.verify(out)
    prepare(raw_dir, out, **SHARDS)
    assert finished.stat().st_mtime_ns == written
    assert contents(out) == contents(data_dir)


def test_files_of_the_user_in_a_data_set_stay(raw_dir, data_dir, tmp_path):
    out = shutil.copytree(data_dir, tmp_path / "out")
    (out / "cache.tmp").mkdir()
    (out / "notes.tmp").write_text("mine")
    with pytest.raises(ZeroDivisionError), files.atomic(out / "a.tfrecord") as temporary:
        temporary.touch()
        left = temporary.rename(out / "left")
        raise ZeroDivisionError
    left = left.rename(temporary)  # as a killed run leaves it
    prepare(raw_dir, out, **SHARDS)
    assert (out / "notes.tmp").read_text() == "mine" and (out / "cache.tmp").is_dir()
    assert not left.exists()


def test_other_arguments_are_refused_with_their_names(raw_dir, data_dir):
    with pytest.raises(ValueError, match=r"height was 0, is 12.*choose another --out or remove"):
        prepare(raw_dir, data_dir, height=12, **SHARDS)


def test_a_foreign_directory_is_left_alone(own, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("dear")
    with pytest.raises(ValueError, match="not empty and not a data set"):
        prepare(own, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("static", [True, False])
def test_an_unreadable_image_is_listed_until_repaired(own, tmp_path, static):
    """Found while choosing (static filter) or while writing."""
    good = path_of(own, 1, 1).read_bytes()
    path_of(own, 1, 1).write_bytes(good[: len(good) // 2])
    options = {"max_bad": 0.5, "static_filter": static}
    info = prepare(own, tmp_path / "out", **options)
    assert info["count"] == 6 and info["drops"]["unreadable"] == 2
    assert [entry["file"] for entry in info["dropped_files"]] == [str(path_of(own, 1, 1))]
    path_of(own, 1, 1).write_bytes(good)
    if static:
        words = "made without files .*image_02/data/0000000001.png.*remove .*out, to include them"
        with pytest.raises(ValueError, match=words):
            prepare(own, tmp_path / "out", **options)
    else:  # the choice is the same, so the run can be completed
        assert prepare(own, tmp_path / "out", **options)["count"] == 8


def test_repaired_files_are_named_after_an_interruption(own, tmp_path, monkeypatch):
    good = path_of(own, 1, 1).read_bytes()
    path_of(own, 1, 1).write_bytes(b"")
    replace, renames = os.replace, []

    def stop(source, target):
        renames.append(replace(source, target))
        if len(renames) == 3:
            raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(os, "replace", stop)
        prepare(own, tmp_path / "out", max_bad=0.5, shard_size=2)
    path_of(own, 1, 1).write_bytes(good)
    with pytest.raises(ValueError, match=r"made without files .*\(.*0000000001.png\); choose"):
        prepare(own, tmp_path / "out", max_bad=0.5, shard_size=2)


@pytest.mark.parametrize("static", [True, False])
def test_too_many_unreadable_images_are_an_error(own, tmp_path, static):
    good = path_of(own, 1, 5).read_bytes()
    path_of(own, 1, 5).write_bytes(b"")
    with pytest.raises(ValueError, match=r"3 of 8 triplets .*0005.png: .*--max_bad=0.05"):
        prepare(own, tmp_path / "out", static_filter=static)
    assert not (tmp_path / "out" / manifest.NAME).exists()
    path_of(own, 1, 5).write_bytes(good)  # as the message advises
    assert prepare(own, tmp_path / "out", static_filter=static)["count"] == 8


def test_a_stricter_run_leaves_a_finished_data_set_as_it_is(own, tmp_path):
    path_of(own, 1, 1).write_bytes(b"")
    options = {"static_filter": False, "shard_size": 4}
    info = prepare(own, tmp_path / "out", max_bad=0.9, **options)
    before = contents(tmp_path / "out")
    with pytest.raises(ValueError, match="2 of 8 triplets .*--max_bad=0.05"):
        prepare(own, tmp_path / "out", **options)
    assert manifest.verify(tmp_path / "out") == info
    assert prepare(own, tmp_path / "out", max_bad=0.9, **options) == info
    assert contents(tmp_path / "out") == before


def test_an_image_of_another_size_than_the_calibration_is_an_error(own, tmp_path):
    Image.new("RGB", (40, 12)).save(path_of(own, 1, 5))
    with pytest.raises(ValueError, match=r"0005.png: 12x40, but the calibration .* 24x80"):
        prepare(own, tmp_path / "out")


def test_missing_calibration_is_an_error_before_any_shard(own, tmp_path):
    (own / kitti_tree.DATE / "calib_cam_to_cam.txt").unlink()
    with pytest.raises(ValueError, match="calib_cam_to_cam.txt: missing calibration"):
        prepare(own, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_empty_result_says_why(own, tmp_path):
    with pytest.raises(ValueError, match=r"no triplets left.*10 no_neighbours.*--stride"):
        prepare(own, tmp_path / "out", stride=6)
    with pytest.raises(ValueError, match="no triplets left.*no image_03"):
        prepare(own, tmp_path / "out", camera=(3,))


def test_command_line(own, tmp_path):
    (tmp_path / "split.txt").write_text(f"{kitti_tree.drive_name(1)}\n")
    arguments = ["--raw_dir", own, "--out", tmp_path / "out", "--split", tmp_path / "split.txt"]
    done = commands.run("data_prep.kitti", *arguments, "--height=12", "--camera=2,3")
    assert done.returncode == 0, done.stderr
    assert "8 triplets of 12x40 in 1 shards" in done.stdout and "no image_03" in done.stdout
    assert manifest.verify(tmp_path / "out")["count"] == 8


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_is_one_line_and_can_be_resumed(raw_dir, data_dir, tmp_path):
    out = tmp_path / "out"
    arguments = ["--raw_dir", raw_dir, "--out", out, "--image_format=png", "--shard_size=5"]
    done = commands.run("data_prep.kitti", *arguments, preexec_fn=small_files)
    commands.assert_user_error(done, "cannot write", out)
    assert not (out / manifest.NAME).exists() and not list(out.glob("*.tmp"))
    prepare(raw_dir, out, **SHARDS)
    assert contents(out) == contents(data_dir)


def test_a_bad_camera_is_a_user_error(own, tmp_path):
    arguments = ["--raw_dir", own, "--out", tmp_path / "out", "--camera=left"]
    commands.assert_user_error(commands.run("data_prep.kitti", *arguments), "--camera=left")


def test_absurd_options_are_named(raw_dir, tmp_path):
    for name, value in (("min_speed", np.nan), ("min_difference", np.inf)):
        options = kitti.Options(str(raw_dir), str(tmp_path / "out"), **{name: value})
        with pytest.raises(ValueError, match=f"--{name}={value}: expected a finite number"):
            kitti.prepare(options)
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    with pytest.raises(OSError, match=f"--out={out}: cannot be created"):
        kitti.prepare(kitti.Options(str(raw_dir), str(out)))
    done = commands.run("data_prep.kitti", "--raw_dir", raw_dir, "--out", out, "--height=1000000")
    assert done.returncode == 1 and "--height=1000000" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "numbers, words",
    [
        ({0: 0.5}, "178.6 x .* degrees of view for 24x80"),
        ({2: 500.0}, "the principal point is outside 24x80"),
        ({4: 0.25}, "is not a camera matrix"),
    ],
)
def test_an_implausible_camera_is_refused_before_anything_is_written(tmp_path, numbers, words):
    raw = kitti_tree.write(tmp_path / "raw", [kitti_tree.Spec()])
    path = raw / kitti_tree.DATE / "calib_cam_to_cam.txt"
    lines = path.read_text().splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.startswith("P_rect_02"))
    fields = lines[at].split()
    for place, value in numbers.items():
        fields[1 + place] = str(value)
    lines[at] = " ".join(fields)
    path.write_text("\n".join(lines))
    name = kitti_tree.drive_name(1)
    with pytest.raises(ValueError, match=f"{name} camera 2: stored as K .*{words}; correct the"):
        kitti.prepare(kitti.Options(str(raw), str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
