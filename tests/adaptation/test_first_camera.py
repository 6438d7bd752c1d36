"""The camera of an adaptation for which none is given: found once, else a guess that is said."""

import json

import pytest

from aquanet_tf.adaptation import clip, first_camera
from tests.support import fake_adaptation

DRIVE = clip.Clip(96, 160, (0, 8, 0, 0), 90, 90.0)


@pytest.fixture
def find(tmp_path):
    """Looks for the camera with fake commands, in OUT = tmp_path / "out"."""

    def find(source="trip", drive=DRIVE):
        trip = tmp_path / source
        trip.mkdir(exist_ok=True)
        (trip / "1.png").touch()
        commands = fake_adaptation.COMMANDS
        return first_camera.find(str(trip), drive, tmp_path / "out", commands)

    return find


def test_the_camera_of_the_images_is_taken(find, tmp_path):
    found = find()
    assert found.flags == ("--intrinsics", str(tmp_path / "out" / "camera.json"))
    assert found.fov_deg == pytest.approx(90)
    assert "the images show one of 90 degrees" in found.warnings[0]
    assert find() == found
    assert (tmp_path / "out" / "starts" / "calibrate").read_text() == "x"  # once
    log = (tmp_path / "out" / "logs" / "calibrate.log").read_text()
    assert "--crop=0,8,0,0" in log


def test_without_it_a_guess_is_taken_and_the_reason_said(find, monkeypatch):
    monkeypatch.setenv("FAIL", "calibrate")
    found = find()
    assert found.flags == ("--fov_deg", "75") and found.fov_deg == 75
    assert "75 degrees is assumed (no calibrate today (see" in found.warnings[0]


@pytest.mark.parametrize("camera", [["--fov_deg", "75"], ["--intrinsics", "mine.json"]])
def test_an_adaptation_that_began_with_another_camera_is_not_calibrated(find, tmp_path, camera):
    jobs = tmp_path / "out" / "jobs"
    jobs.mkdir(parents=True)
    record = {"finished": True, "what": {"wish": {"camera": camera}}}
    (jobs / "video.json").write_text(json.dumps(record))
    found = find()
    assert found.flags == ("--fov_deg", "75") and "as this adaptation began" in found.warnings[0]
    assert not (tmp_path / "out" / "camera.json").exists()


def test_an_adaptation_that_began_keeps_the_camera_that_was_found(find, tmp_path):
    found = find()
    record = {"finished": True, "what": {"wish": {"camera": ["--intrinsics", "{out}/camera.json"]}}}
    (tmp_path / "out" / "jobs" / "video.json").write_text(json.dumps(record))
    assert first_camera.was_found(tmp_path / "out")
    assert find("other").flags == found.flags  # which the step `video` refuses by name
    assert (tmp_path / "out" / "starts" / "calibrate").read_text() == "x"


def test_other_margins_are_another_calibration(find, tmp_path):
    find()
    find(drive=clip.Clip(96, 160, (0, 0, 0, 0), 90, 90.0))
    assert (tmp_path / "out" / "starts" / "calibrate").read_text() == "xx"


def test_of_several_videos_the_largest_is_looked_at(tmp_path):
    for name, size in (("a.mp4", 10), ("b.mp4", 30), ("c.mp4", 20)):
        (tmp_path / name).write_bytes(bytes(size))
    assert first_camera._one(str(tmp_path)) == str(tmp_path / "b.mp4")
    assert first_camera._one(str(tmp_path / "a.mp4")) == str(tmp_path / "a.mp4")
