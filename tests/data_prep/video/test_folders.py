"""What is the user's own is never removed; what an interrupted run left is."""

import dataclasses
import shutil

import pytest

from data_prep.video import crop, folders, prepare
from tests.data_prep.video.test_prepare import drive, folder
from tests.support import commands

FRAME = "2000_01_01/trip_0000/image_02/data/0000000000.jpg"


@pytest.fixture
def options(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(5)])
    return prepare.Options(str(source), str(tmp_path / "out"), fov_deg=70.0, stride="1")


def contents(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize("name", ["raw", "raw.tmp"])
@pytest.mark.parametrize("file", ["mine.txt", "clip.mp4", "2000_01_01/mine.png", FRAME])
def test_a_folder_of_the_user_is_refused(options, tmp_path, name, file):
    """Also one that looks like ours but has no calibration of ours."""
    path = tmp_path / "out" / name / file
    path.parent.mkdir(parents=True)
    path.write_text("the only copy")
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=f"out/{name}: not of data_prep.video .*; choose") as error:
        prepare.prepare(options)
    assert "\n" not in str(error.value) and contents(tmp_path) == before
    with pytest.raises(ValueError, match="not of data_prep.video"):
        folders.remove(tmp_path / "out" / name)
    assert contents(tmp_path) == before


def test_a_file_of_the_user_among_raw_frames_is_kept(options, tmp_path):
    prepare.prepare(options)
    (tmp_path / "out/video.json").unlink()
    shutil.rmtree(tmp_path / "out/records")
    mine = tmp_path / "out/raw/2000_01_01/trip_0000/notes.txt"
    mine.write_text("mine")
    with pytest.raises(ValueError, match="notes.txt"):
        prepare.prepare(options)
    assert mine.read_text() == "mine"


def test_a_calibration_of_kitti_is_not_ours(options, tmp_path):
    path = tmp_path / "out/raw" / FRAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"the only copy")
    calibration = tmp_path / "out/raw/2000_01_01/calib_cam_to_cam.txt"
    calibration.write_text("calib_time: 09-Jan-2012\nS_rect_02: 160 96\nP_rect_02: 1 0 0 0\n")
    with pytest.raises(ValueError, match="see .*calib_cam_to_cam.txt"):
        prepare.prepare(options)
    assert path.is_file()


@pytest.mark.parametrize("target", ["elsewhere", "trip"])
def test_links_and_files_are_refused(options, tmp_path, target):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/raw").symlink_to(tmp_path / target)
    with pytest.raises(ValueError, match="choose another --out"):
        prepare.prepare(options)
    (tmp_path / "out/raw").unlink()
    (tmp_path / "out/raw").write_text("a file")
    with pytest.raises(ValueError, match="out/raw: not of data_prep.video"):
        prepare.prepare(options)
    assert (tmp_path / "out/raw").read_text() == "a file" and any((tmp_path / "trip").iterdir())


def test_what_only_begins_with_raw_is_not_ours(options, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/rawhide.mp4").write_bytes(b"a film")
    with pytest.raises(ValueError, match="not empty and not of data_prep.video"):
        prepare.prepare(options)


def test_an_input_in_the_folder_is_refused(options, tmp_path):
    """Frames that an earlier run wrote may be all that is left of the video; a link is one, too."""
    prepare.prepare(options)
    (tmp_path / "out/video.json").unlink()
    shutil.rmtree(tmp_path / "out/records")
    frames = tmp_path / "out/raw/2000_01_01/trip_0000/image_02/data"
    links = tmp_path / "links"
    links.mkdir()
    for frame in frames.iterdir():
        (links / frame.name).symlink_to(frame)
    for source in (frames, links):
        with pytest.raises(ValueError, match="--input: .* is part of .*out/raw, which --out"):
            prepare.prepare(dataclasses.replace(options, input=str(source)))
    assert len(contents(frames)) == 5


@pytest.mark.parametrize("name", ["raw", "raw.tmp"])
@pytest.mark.parametrize("lost", ["", "frames", "all"])
def test_what_an_interrupted_run_left_is_replaced(options, tmp_path, name, lost):
    """raw without a report, raw.tmp, a part of it, and a folder that is still empty."""
    more = {"speed_kmh": 36.0, "fps": 10.0, "crop": crop.Crop(bottom=10)}
    options = dataclasses.replace(options, **more)
    report, prepared = prepare.prepare(options)
    left = tmp_path / "left"
    (tmp_path / "out/raw").rename(left)
    shutil.rmtree(tmp_path / "out")
    if lost == "frames":
        shutil.rmtree(left / "2000_01_01/trip_0000")
        (left / "2000_01_01/calib_cam_to_cam.txt").write_text("")
    elif lost:
        shutil.rmtree(left)
        left.mkdir()
    (tmp_path / "out").mkdir()
    left.rename(tmp_path / "out" / name)
    assert prepare.prepare(options) == (report, prepared)
    assert not (tmp_path / "out/raw.tmp").exists()


def test_what_is_missing_of_a_finished_run_is_said(options, tmp_path):
    """In the words of this command, not of data_prep.kitti."""
    prepare.prepare(options)
    shutil.rmtree(tmp_path / "out/records")
    with pytest.raises(ValueError, match="no three frames in motion, 5 apart: of 5 .*lower --str"):
        prepare.prepare(dataclasses.replace(options, stride="5"))
    shutil.rmtree(tmp_path / "out/raw")
    with pytest.raises(ValueError, match="--out=.*: raw/ is missing, .*video.json.*; restore it"):
        prepare.prepare(options)


def test_command_line(options, tmp_path):
    """The only copy of a video, in a folder of the name that the command uses."""
    (tmp_path / "out").mkdir()
    source = tmp_path / "out/raw"
    (tmp_path / "trip").rename(source)
    before = contents(source)
    flags = ["--input", source, "--out", tmp_path / "out", "--fov_deg=70"]
    done = commands.run("data_prep.video", *flags)
    commands.assert_user_error(done, "out/raw, which --out=")
    assert contents(source) == before and len(before) == 5
