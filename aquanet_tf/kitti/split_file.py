"""Split files: lists of drives and frames, in this project's form and in those of the field.

    DATE/DRIVE                              a whole drive
    DATE/DRIVE FRAME [l|r]                  a frame (Monodepth2; l = camera 2, r = camera 3)
    DATE/DRIVE/image_02/data/FRAME.png ...  a picture (packnet, SfMLearner, BTS, Monodepth)
    DATE DRIVE FRAME                        a frame (SfMLearner's static frames)
    DRIVE_02 FRAME                          a frame of camera 2 (SfMLearner's prepared lists)

A picture's path may begin with other folders. The columns after it (the other camera's picture,
depth map, focal length) are not used, except that BTS writes None for a frame without annotated
depth.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re

from aquanet_tf import files

_SIDES = {"l": 2, "r": 3}
_DATE = r"\d{4}_\d{2}_\d{2}"
# Whole lines, with `/` for `\\` and single spaces.
_FORMS = [
    re.compile(text)
    for text in (
        rf"/?(?P<drive>{_DATE}/[^/ ]+)/?( (?P<frame>\d+)( (?P<side>[lr]))?)?",
        rf"(?P<date>{_DATE}) (?P<name>{_DATE}_drive_[^/ ]+) (?P<frame>\d+)",
        rf"(?P<name>(?P<date>{_DATE})_drive_\d+(_(sync|extract))?)(_(?P<camera>0[0-3]))?"
        r"/?( (?P<frame>\d+)( (?P<side>[lr]))?)?",
    )
]
# Anywhere in a line: its folders and its file name may hold spaces.
_PICTURE = re.compile(
    rf"(?:^|/)(?P<drive>{_DATE}/[^/ ]+)/image_(?P<camera>0[0-3])/(?:data/)?(?P<frame>\d+)"
    r"\.(?:png|jpe?g)(?= |$)",
    re.IGNORECASE,
)
_LONGEST_FRAME = 18  # digits; more are no frame number


@dataclasses.dataclass(frozen=True)
class SplitEntry:
    """One line of a split file: a whole drive (frame None), or one target frame of it.

    camera: its number where the line names one (l = 2, r = 3), else None. annotated: False where
    the line says that the frame has no annotated depth.
    """

    drive: str
    frame: int | None = None
    camera: int | None = None
    annotated: bool = True


def read(path: str | pathlib.Path) -> list[SplitEntry]:
    """Reads the lines of a split file; the module's docstring lists their forms.

    Blank lines and # comments are ignored. ValueError names the file and the line at fault.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such split file")
    entries = []
    for number, line in enumerate(files.read_text(path, "replace").splitlines(), 1):
        words = line.split("#")[0].replace("\\", "/").split()
        if not words:
            continue
        entry = _entry(" ".join(words))
        if entry is None:
            raise ValueError(
                f"{path}:{number}: {line.strip()[:200]!r}: expected DATE/DRIVE, DATE/DRIVE FRAME "
                "[l|r], or DATE/DRIVE/image_0X/data/FRAME.png"
            )
        entries.append(entry)
    if not entries:
        raise ValueError(f"{path}: the split file names no drive")
    return entries


def _entry(line: str) -> SplitEntry | None:
    """The entry of a line with single spaces; None when it has none of the forms."""
    if found := _PICTURE.search(line):
        annotated = line[found.end() :].split()[:1] != ["None"]
    elif found := next((f for f in (form.fullmatch(line) for form in _FORMS) if f), None):
        annotated = True
    else:
        return None
    parts = found.groupdict()
    drive = parts.get("drive") or f"{parts['date']}/{_with_kind(parts['name'])}"
    if len(parts["frame"] or "") > _LONGEST_FRAME:
        return None
    frame = int(parts["frame"]) if parts["frame"] else None
    camera = _SIDES.get(parts.get("side")) or (parts.get("camera") and int(parts["camera"]))
    return SplitEntry(drive, frame, camera, annotated)


def _with_kind(drive: str) -> str:
    """Lists of scenes leave out the ending of KITTI's synchronized drives."""
    return f"{drive}_sync" if drive.rpartition("_")[2].isdigit() else drive
