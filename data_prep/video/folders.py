"""The folders of raw frames below --out: which of them a run may replace.

A run that was interrupted leaves `raw.tmp`, or `raw` without a report, and the next run begins
again. Folders of these names may also be the user's own, with the only copy of a video in them. So
only a folder that holds nothing but what a run writes is ever removed.
"""

from __future__ import annotations

import pathlib
import re
import shutil
from collections.abc import Iterable

from data_prep.video import raw as video_raw

RAW, UNFINISHED, REPORT = "raw", "raw.tmp", "video.json"
_DATE = re.escape(video_raw.DATE)
# Paths of all files that a run of any version writes, below its folder.
_WRITTEN = re.compile(
    rf"{re.escape(video_raw.CROP)}|{_DATE}/{re.escape(video_raw.CALIBRATION)}"
    rf"|{_DATE}/[^/]+_\d{{4,}}/(travel\.txt|image_02/data/\d{{10}}\.(jpg|png))"
)
# The two lines that a run writes first; those of KITTI have more. Empty: killed in that moment.
_LINES = re.compile(r"(S_rect_02: \d+ \d+\nP_rect_02: [-+.\de ]+\n)?")


def check(out: pathlib.Path, inputs: Iterable[pathlib.Path]) -> None:
    """ValueError when a run must not write to `out`, where no raw frames are complete: it holds
    files of others, or one of the `inputs` lies in a folder that would be replaced."""
    present = [folder for folder in (out / RAW, out / UNFINISHED) if folder.exists()]
    for path in inputs if present else ():
        above = {path.resolve(), *path.resolve().parents}
        for folder in present:
            if folder.resolve() in above:
                raise ValueError(
                    f"--input: {path} is part of {folder}, which --out={out} would replace; choose "
                    "another --out"
                )
    for folder in (out / RAW, out / UNFINISHED):
        _require_own(folder)
    if (out / REPORT).is_file() and not (out / RAW).exists():
        raise ValueError(
            f"--out={out}: {RAW}/ is missing, of which {REPORT} tells; restore it, choose another "
            f"--out, or remove {out}"
        )
    if out.is_dir() and any(path.name not in (RAW, UNFINISHED) for path in out.iterdir()):
        raise ValueError(
            f"--out={out}: not empty and not of data_prep.video; choose another directory"
        )


def remove(folder: pathlib.Path) -> None:
    """Removes a folder of raw frames, if there is one. ValueError when it is not of a run."""
    _require_own(folder)
    # The calibration, by which such a folder is known, goes last: this may be interrupted, too.
    for drive in folder.glob(f"{video_raw.DATE}/*"):
        if drive.is_dir():
            shutil.rmtree(drive)
    if folder.is_dir():
        shutil.rmtree(folder)


def _require_own(folder: pathlib.Path) -> None:
    """ValueError when a folder is there and holds anything that a run does not write."""
    if found := _foreign(folder):
        raise ValueError(
            f"{folder}: not of data_prep.video (see {found}), which would replace it; choose "
            "another --out, or move it away"
        )


def _foreign(folder: pathlib.Path) -> pathlib.Path | None:
    """The first file or link that a run does not write; None where all is of a run, or absent."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return folder
    paths = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    for path in sorted(paths):
        written = _WRITTEN.fullmatch(path.relative_to(folder).as_posix())
        if path.is_symlink() or not written:
            return path
    calibration = folder / video_raw.DATE / video_raw.CALIBRATION
    known = calibration in paths and _LINES.fullmatch(calibration.read_text(errors="replace"))
    return calibration if paths and not known else None
