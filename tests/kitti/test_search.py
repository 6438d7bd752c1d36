"""Drives are found where they belong and where archives are unpacked by mistake, nowhere else."""

import itertools
import pathlib

import pytest

from aquanet_tf.kitti import search

DATE, OTHER = "2011_09_26", "2011_10_03"
DRIVE = f"{DATE}_drive_0001_sync"
NAME = f"{DATE}/{DRIVE}"


def make(folder, calibrated=False):
    """A drive with the folder of one camera; `calibrated`: calibration in the folder above."""
    (folder / "image_02" / "data").mkdir(parents=True)
    if calibrated:
        (folder.parent / search.CALIBRATION).write_text("")
    return folder


@pytest.mark.parametrize(
    "place", [DATE, f"{DATE}/{DATE}", f"zip/{DATE}", "", f"zip/{DATE}/{DATE}", "zip"]
)
def test_a_drive_has_its_name_wherever_it_was_unpacked(tmp_path, place):
    """The folders are None only where everything is in its place."""
    folder = make(tmp_path / place / DRIVE, calibrated=place.endswith(DATE))
    found = search.find(tmp_path)
    assert list(found) == [NAME]
    assert found[NAME][0] == (None if place == DATE else folder)
    if place.endswith(DATE):
        assert found[NAME][1] is None


def test_the_folder_of_a_date_may_be_named_itself(tmp_path, monkeypatch):
    folder = make(tmp_path / DATE / DRIVE, calibrated=True)
    assert search.find(tmp_path / DATE) == {NAME: (folder, None)}
    monkeypatch.chdir(tmp_path / DATE)
    (name,) = search.find(pathlib.Path("."))
    assert name == NAME


def test_there_is_an_end_to_the_search(tmp_path):
    make(tmp_path / "a" / "b" / "c" / DATE / DRIVE)
    with pytest.raises(ValueError, match="no drives found"):
        search.find(tmp_path)
    assert list(search.find(tmp_path / "a")) == [NAME]


@pytest.mark.parametrize("wrong", ["1999", "zzz", f"{DATE}/{DATE}"])
def test_of_two_copies_the_one_in_its_place_counts(tmp_path, wrong):
    """Whether the other one is found before it or after it."""
    make(tmp_path / wrong / DRIVE)
    make(tmp_path / NAME)
    assert search.find(tmp_path)[NAME][0] is None


def test_the_order_is_that_of_names_not_of_the_disk(tmp_path):
    numbers = [7, 3, 12, 1]
    for date, number in itertools.product((OTHER, DATE), numbers):
        make(tmp_path / date / f"{date}_drive_{number:04d}_sync")
    found = list(search.find(tmp_path))
    assert found == sorted(found) and len(found) == 8


def test_links_to_themselves_and_to_folders_above_end(tmp_path):
    make(tmp_path / NAME)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / DATE / "up").symlink_to(tmp_path / DATE, target_is_directory=True)
    assert search.find(tmp_path) == {NAME: (None, None)}


def test_a_link_to_a_drive_is_a_drive(tmp_path):
    """It keeps the name of the link, as where another disk holds the pictures."""
    make(tmp_path / "disk" / "0001")
    (tmp_path / "raw" / DATE).mkdir(parents=True)
    (tmp_path / "raw" / NAME).symlink_to(tmp_path / "disk" / "0001", target_is_directory=True)
    assert search.find(tmp_path / "raw") == {NAME: (None, None)}


@pytest.mark.parametrize(
    "folder", ["__MACOSX", ".trash", "$RECYCLE.BIN", "@eaDir", "oxts", "proj_depth"]
)
def test_what_systems_leave_and_the_inside_of_drives_are_not_searched(tmp_path, folder):
    make(tmp_path / folder / DATE / DRIVE)
    with pytest.raises(ValueError, match="no drives found"):
        search.find(tmp_path)


@pytest.mark.parametrize("place", [DATE, f"{DATE}/{DATE}"])
def test_the_calibration_may_lie_elsewhere_below_its_date(tmp_path, place):
    """One archive unpacked into a wrong folder, the other into the right one."""
    make(tmp_path / DATE / DATE / DRIVE)
    make(tmp_path / OTHER / f"{OTHER}_drive_0001_sync", calibrated=True)
    (tmp_path / place / search.CALIBRATION).write_text("")
    calibration = search.find(tmp_path)[NAME][1]
    assert (calibration or tmp_path / DATE / DATE) == tmp_path / place


def test_folders_of_no_drive_are_none(tmp_path):
    make(tmp_path / NAME)
    make(tmp_path / "holiday" / "pictures")  # neither the name of a date nor that of a drive
    (tmp_path / DATE / f"{DATE}_drive_0002_sync").mkdir()  # without images
    (tmp_path / DATE / f"{DATE}_drive_0003_sync").write_text("a file")
    assert list(search.find(tmp_path)) == [NAME]


@pytest.mark.parametrize(
    "raw, words", [("none", "no such directory"), ("", "no drives found"), (NAME, "is one drive")]
)
def test_a_directory_without_drives_is_named(tmp_path, raw, words):
    if raw == NAME:
        make(tmp_path / NAME)
    with pytest.raises(ValueError, match=f"{tmp_path / raw}: {words}"):
        search.find(tmp_path / raw)
