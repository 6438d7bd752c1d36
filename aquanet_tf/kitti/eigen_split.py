"""The Eigen split of KITTI raw, the field's usual test set (Eigen, Puhrsch, Fergus, NIPS 2014).

The 697 test images come from 28 drives, and no frame of these drives is used for training. 652 of
the 697 have annotated depth ("improved" ground truth): KITTI does not annotate the first and last
frames of a drive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from aquanet_tf.kitti.split_file import SplitEntry

# Test drive -> its test frames (left camera). "FIRST-LAST/STEP" means every STEP-th frame from
# FIRST to LAST, and a single number means that frame. Frames after the bar have no annotated depth.
TEST_FRAMES = {
    "2011_09_26_drive_0002": "6-63/3 69 | 0 3 72 75",
    "2011_09_26_drive_0009": "16-176/16 196-388/16 | 0",
    "2011_09_26_drive_0013": "5 10 20 30-50/5 60-70/5 80-135/5 | 0 140",
    "2011_09_26_drive_0020": "6-21/3 27 33 36 42-78/3 | 0 3 84",
    "2011_09_26_drive_0023": "18-216/18 252-468/18 |",
    "2011_09_26_drive_0027": "7-98/7 112-147/7 161-182/7 | 0",
    "2011_09_26_drive_0029": "14-196/14 268 296-408/14 | 0",
    "2011_09_26_drive_0036": "32-704/32 768 | 0 800",
    "2011_09_26_drive_0046": "5-115/5 | 0 120",
    "2011_09_26_drive_0048": "5-16/1 | 0-4/1 17-21/1",
    "2011_09_26_drive_0052": "6-22/2 26-32/2 36-52/2 | 0 2 4",
    "2011_09_26_drive_0056": "11-121/11 143-286/11 |",
    "2011_09_26_drive_0059": "14-154/14 182-238/14 274-358/14 | 0 372",
    "2011_09_26_drive_0064": "22-110/22 154-550/22 | 0",
    "2011_09_26_drive_0084": "49-153/13 179-374/13 |",
    "2011_09_26_drive_0086": "7-520/27 574-682/27 |",
    "2011_09_26_drive_0093": "16-256/16 305-417/16 | 0",
    "2011_09_26_drive_0096": "19-456/19 | 0",
    "2011_09_26_drive_0101": "80-216/34 284-930/34 |",
    "2011_09_26_drive_0106": "15 35-219/8 |",
    "2011_09_26_drive_0117": "26-494/26 546-650/26 | 0",
    "2011_09_28_drive_0002": "6-12/3 18-24/3 30-39/3 45-63/3 72 78-90/3 | 0 3",
    "2011_09_29_drive_0071": "36-612/36 735-807/36 879-951/36 | 0 1054",
    "2011_09_30_drive_0016": "11-88/11 110-264/11 | 0 275",
    "2011_09_30_drive_0018": "107 214 428-2247/107 2419-2740/107 | 0",
    "2011_09_30_drive_0027": "41-656/41 753-958/41 1040 1081 | 0",
    "2011_10_03_drive_0027": "181-543/181 734-2001/181 2363-4535/181 | 0",
    "2011_10_03_drive_0047": "32-224/32 288-800/32 | 0",
}
# Validation drives, chosen by this project. Published validation lists take frames from between the
# training frames; whole drives show how the network does on streets it has not seen.
_VALIDATION = {
    "2011_09_26_drive_0019",
    "2011_09_26_drive_0079",
    "2011_09_26_drive_0095",
    "2011_09_29_drive_0026",
}
# eigen: every drive that is not a test drive; eigen_train and eigen_val are its two parts.
TRAINING_SPLITS = ("eigen", "eigen_train", "eigen_val")


def recording(drive: str) -> str:
    """DATE_drive_NUMBER of a drive, without folder and ending (_sync, _extract).

    A name that does not follow KITTI's pattern is returned without its folder.
    """
    last = drive.rstrip("/").split("/")[-1]
    found = re.match(r"(\d{4}_\d{2}_\d{2}_drive_)0*(\d+)", last)
    return f"{found.group(1)}{int(found.group(2)):04d}" if found else last


def is_test_drive(drive: str) -> bool:
    """Whether the drive is one of the 28 test drives, none of whose frames may be used to train."""
    return recording(drive) in TEST_FRAMES


def training_entries(split: str, drives: Iterable[str]) -> list[SplitEntry]:
    """The entries of one of TRAINING_SPLITS, whole drives chosen from the names `drives`."""
    names = [name for name in drives if not is_test_drive(name)]
    if split != "eigen":
        names = [n for n in names if (recording(n) in _VALIDATION) == (split == "eigen_val")]
    return [SplitEntry(name) for name in names]


def test_entries(improved: bool = False) -> list[SplitEntry]:
    """The 697 test frames; `improved`: the 652 of them with annotated depth. All camera 2."""
    found = []
    for drive, text in TEST_FRAMES.items():
        annotated, others = text.split("|")
        frames = _numbers(annotated if improved else annotated + others)
        found += [SplitEntry(f"{drive[:10]}/{drive}_sync", frame, 2) for frame in frames]
    return found


def _numbers(text: str) -> list[int]:
    """The frame numbers of a text in the form of TEST_FRAMES, ascending."""
    numbers = []
    for word in text.split():
        span, _, step = word.partition("/")
        first, _, last = span.partition("-")
        numbers += range(int(first), int(last or first) + 1, int(step or 1))
    return sorted(numbers)
