"""Finds drives below a raw directory, also where their archives were unpacked into a wrong folder.

A drive belongs in DATE/DRIVE. It is also found one or two folders too deep (DATE/DATE/DRIVE,
FOLDER/DATE/DRIVE), without the folder of its date (DRIVE), and when the raw directory is itself the
folder of a date.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator

CALIBRATION = "calib_cam_to_cam.txt"
_DATE = re.compile(r"\d{4}_\d{2}_\d{2}")
_DRIVE = re.compile(r"(\d{4}_\d{2}_\d{2})_drive_.+")
_CAMERA_FOLDER = re.compile(r"image_0[0-3]")
# Folders below the raw directory that are searched: FOLDER/DATE/DATE/DRIVE.
_DEPTH = 4
# Where a search makes no sense: contents of a drive, and what systems leave behind.
_NOT_SEARCHED = re.compile(
    r"[.$@].*|__MACOSX|image_0\d|oxts|velodyne_points|proj_depth|motion_masks"
)
_LAYOUT = "expected KITTI raw: DATE/DRIVE/image_02/data"


def find(raw: pathlib.Path) -> dict[str, tuple[pathlib.Path | None, pathlib.Path | None]]:
    """DATE/DRIVE -> the folders of a drive and of its calibration; None: where they belong.

    Of two copies of a drive the one in its place counts. ValueError when there is no drive.
    """
    if not raw.is_dir():
        raise ValueError(f"{raw}: no such directory ({_LAYOUT})")
    found = {}
    for folder in _drive_folders(raw, _DEPTH):
        date = _name(folder.parent)
        if not _DATE.fullmatch(date):
            if not (named := _DRIVE.fullmatch(folder.name)):
                continue
            date = named.group(1)
        name = f"{date}/{folder.name}"
        in_place = folder == raw / name
        if in_place or name not in found:
            found[name] = (None if in_place else folder, _calibration_dir(raw, folder, date))
    if not found:
        inside = any(_CAMERA_FOLDER.match(name) for name in _subfolders(raw, searched=False))
        reason = "is one drive: name the folder above its date" if inside else "no drives found"
        raise ValueError(f"{raw}: {reason} ({_LAYOUT})")
    return found


def _drive_folders(folder: pathlib.Path, depth: int) -> Iterator[pathlib.Path]:
    """Folders with images of a camera, at most `depth` below `folder`, in order."""
    for name in sorted(_subfolders(folder)):
        path = folder / name
        if any(_CAMERA_FOLDER.match(inner) for inner in _subfolders(path, searched=False)):
            yield path
        elif depth > 1:
            yield from _drive_folders(path, depth - 1)


def _subfolders(folder: pathlib.Path, searched: bool = True) -> list[str]:
    """Names of the folders in a folder; `searched`: only those in which drives are searched."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _is_folder(entry)]
    except PermissionError:
        if _DATE.match(folder.name):
            raise
        return []  # of the system, as lost+found
    return [name for name in names if not (searched and _NOT_SEARCHED.fullmatch(name))]


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _calibration_dir(raw: pathlib.Path, folder: pathlib.Path, date: str) -> pathlib.Path | None:
    """The folder with the calibration of a drive, one of the name of its date; None: the drive's
    parent. It may have been unpacked into another place than the drive."""
    parent = folder.parent
    places = (parent, raw / date, raw / date / date, parent / date, parent.parent)
    dated = [place for place in places if _name(place) == date]
    # Without any, the message about a missing calibration names the first, where it belongs.
    found = next((place for place in dated if (place / CALIBRATION).is_file()), dated[0])
    return None if found == parent else found


def _name(path: pathlib.Path) -> str:
    """The name of a folder, also of `.`. Not that of resolve(): it may be a link to another."""
    return os.path.basename(os.path.abspath(path))
