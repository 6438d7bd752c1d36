"""Split files as this project and the field write them, and as Windows editors save them."""

import pathlib

import pytest
from hypothesis import strategies as st

from aquanet_tf.kitti import split_file
from tests.support import fuzz

DATE, DRIVE = "2011_09_26", "2011_09_26_drive_0002_sync"
NAME = f"{DATE}/{DRIVE}"
PICTURE = f"{NAME}/image_02/data/0000000069.png"
DEPTH = f"{DRIVE}/proj_depth/groundtruth/image_02/0000000069.png"
# line -> drive, frame, camera, annotated
LINES = {
    f"{NAME}/": (NAME, None, None, True),
    f"{NAME} 69 l": (NAME, 69, 2, True),
    f"{DATE}\\{DRIVE} 69 r": (NAME, 69, 3, True),
    PICTURE: (NAME, 69, 2, True),  # packnet, SfMLearner
    PICTURE.replace("png", "jpg").replace("_02", "_03"): (NAME, 69, 3, True),
    PICTURE.replace("/", "\\"): (NAME, 69, 2, True),
    f"/disk of mine/kitti/{PICTURE}": (NAME, 69, 2, True),
    f"{PICTURE} {DEPTH} 721.5377": (NAME, 69, 2, True),  # BTS
    f"/{PICTURE} None 721.5377": (NAME, 69, 2, False),  # BTS, no annotated depth
    f"{PICTURE} {PICTURE.replace('_02', '_03')}": (NAME, 69, 2, True),  # Monodepth
    f"{DATE} {DRIVE} 0000000069": (NAME, 69, None, True),  # SfMLearner, static frames
    f"{DRIVE}_03 0000000069": (NAME, 69, 3, True),  # SfMLearner, prepared
    f"{DRIVE}_02": (NAME, None, 2, True),
    "2011_09_26_drive_0002": (NAME, None, None, True),  # SfMLearner, scenes
    "2011_09_26_drive_0002_extract": (f"{DATE}/{DRIVE[:-4]}extract", None, None, True),
}


@pytest.mark.parametrize("line", LINES)
def test_the_forms_of_the_field(tmp_path, line):
    (tmp_path / "split.txt").write_text(f"{line}\n")
    assert split_file.read(tmp_path / "split.txt") == [split_file.SplitEntry(*LINES[line])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lists_saved_by_windows_editors(tmp_path, encoding, end):
    path = tmp_path / "split.txt"
    path.write_bytes((f"{NAME} 5 l{end}{PICTURE}{end}{end}").encode(encoding))
    assert [entry.frame for entry in split_file.read(path)] == [5, 69]


def test_split_lines(tmp_path):
    path = tmp_path / "split.txt"
    path.write_text(
        "# a comment\n\n2011_09_26/d_sync\n2011_09_26/d_sync 0000000012 l\n"
        "2011_09_26/e_sync 7 r  # trailing\n2011_09_26/e_sync 8\n"
    )
    entries = split_file.read(path)
    assert [(e.drive[-6:], e.frame, e.camera) for e in entries] == [
        ("d_sync", None, None),
        ("d_sync", 12, 2),
        ("e_sync", 7, 3),
        ("e_sync", 8, None),
    ]


@pytest.mark.parametrize(
    "line", ["d_sync", "2011_09_26/d x l", "2011_09_26/d 1 q", "a/b c d", "x.png"]
)
def test_a_bad_split_line_is_named(tmp_path, line):
    (tmp_path / "split.txt").write_text(f"# first\n{line}\n")
    with pytest.raises(ValueError, match=r"split.txt:2: .*expected DATE/DRIVE"):
        split_file.read(tmp_path / "split.txt")


def test_empty_and_missing_splits_are_errors(tmp_path):
    (tmp_path / "empty.txt").write_text("# nothing\n")
    for name, words in (("empty.txt", "names no drive"), ("absent.txt", "no such split")):
        with pytest.raises(ValueError, match=f"{name}: .*{words}"):
            split_file.read(tmp_path / name)


LIKELY = st.lists(st.sampled_from([*" /_\\\r\n#\ufeff\0lr", "None", *LINES, DATE, DRIVE, "9" * 30]))


@fuzz.lengths(200)
def test_any_split_file_is_read_or_named(tmp_path, examples):
    path = tmp_path / "fuzz.txt"
    encoded = st.builds(
        lambda words, encoding: "".join(words).encode(encoding),
        LIKELY,
        st.sampled_from(["utf-8", "utf-16", "utf-16-le"]),
    )

    def check(contents):
        path.write_bytes(contents)
        try:
            entries = split_file.read(path)
        except ValueError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            assert entries
            for entry in entries:
                assert len(pathlib.PurePosixPath(entry.drive).parts) == 2
                assert entry.frame is None or entry.frame >= 0
                assert entry.camera in (None, 0, 1, 2, 3)

    fuzz.run(examples, check, st.binary(max_size=80) | encoded)
