"""Boxes files, and the frames they name."""

import collections
import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.cars import boxes
from aquanet_tf.media import images, video
from tests.support import clips, commands

HEADER = ",".join(boxes.COLUMNS)
ROADS = commands.ROOT / "configs" / "roads" / "boxes.csv"
LINE = "drive,3,1,2,5,6,moving"


@pytest.fixture
def written(tmp_path):
    """Function from lines below the header to a boxes file."""

    def write(*lines, header=HEADER):
        path = tmp_path / "cars.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


@pytest.fixture
def root(tmp_path):
    """drive/: images 2 to 4, each of its number's gray; trip.mp4: 12 frames."""
    (tmp_path / "drive").mkdir()
    for number in (2, 3, 4):
        Image.fromarray(np.full((8, 9, 3), number, np.uint8)).save(
            tmp_path / "drive" / f"{number:010d}.png"
        )
    clips.make(tmp_path / "trip.mp4", seconds=0.6)
    return tmp_path


def test_reading(written):
    lines = ["# a comment", "", " drive , 3,1,2,5,6, moving", "drive,4,1,2,5,6,parked"]
    found = boxes.read(written(*lines))
    assert [(box.frame, box.kind) for box in found] == [(3, "moving"), (4, "parked")]
    assert found[0].edges == (1, 2, 5, 6) and found[0].source == "drive"
    assert found[0].place.endswith("cars.csv:4")


@pytest.mark.parametrize(
    "lines, word",
    [
        ([], "no boxes"),
        (["drive,3,1,2,5,6"], ":2: 6 columns"),
        ([LINE, "drive,3,1,2,5,x,moving"], ":3: expected whole numbers"),
        (["drive,3,1.5,2,5,6,moving"], ":2: expected whole numbers"),
        (["drive,3,1,2,5,6,flying"], ":2: kind 'flying'"),
        ([",3,1,2,5,6,moving"], ":2: the source is empty"),
        (["drive,-3,1,2,5,6,moving"], ":2: expected frame >= 0"),
        (["drive,3,5,2,5,6,moving"], ":2: .*left < right"),
        (["drive,3,1,6,5,6,moving"], ":2: .*top < bottom"),
        ([LINE, "", LINE.replace("moving", "parked")], ":4: the same box as .*:2"),
        ([LINE, LINE.replace("drive", "./drive/")], ":3: the same box as .*:2"),
    ],
)
def test_a_bad_line_is_named(lines, word, written):
    with pytest.raises(ValueError, match=f"cars.csv{word}" if word[0] == ":" else word):
        boxes.read(written(*lines))


def test_a_bad_header_is_named(written, tmp_path):
    with pytest.raises(ValueError, match="cars.csv:1: expected the header source,frame"):
        boxes.read(written(LINE, header="file,frame"))
    with pytest.raises(ValueError, match="nothing.csv: no such boxes file"):
        boxes.read(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    "line, word",
    [
        ("nothing,3,1,2,5,6,moving", "nothing: no such folder of images, or video"),
        ("drive,7,1,2,5,6,moving", "drive: no image has the number 7"),
        ("drive/0000000003.png,3,1,2,5,6,moving", "no such folder of images, or video"),
        (".,3,1,2,5,6,moving", "no image in this folder"),
    ],
)
def test_a_missing_frame_is_named(line, word, written, root):
    with pytest.raises(ValueError, match=f"cars.csv:2: .*{word}"):
        boxes.check(boxes.read(written(line)), root)


def test_two_images_of_one_number_are_refused(written, root):
    Image.new("RGB", (9, 8)).save(root / "drive" / "3.jpg")
    with pytest.raises(ValueError, match="cars.csv:2: .*2 images have the number 3"):
        boxes.check(boxes.read(written(LINE)), root)


def test_every_frame_comes_once_and_is_the_right_one(written, root, monkeypatch):
    lines = [f"trip.mp4,{frame},0,0,{right},6,moving" for frame, right in ((9, 5), (2, 5), (9, 6))]
    found = boxes.read(written(LINE, *lines, "drive,2,1,2,5,6,parked"))
    everything = list(video.frames(root / "trip.mp4"))
    opened, read = collections.Counter(), []

    def counted(path):
        opened[path.name] += 1
        for frame in everything:
            read.append(frame)
            yield frame

    monkeypatch.setattr(video, "frames", counted)
    boxes.check(found, root)
    yielded = list(boxes.frames(found, root))
    # One frame tells the size, then ten are read up to the last that is needed.
    assert opened == {"trip.mp4": 2} and len(read) == 1 + 10 < len(everything)
    assert sorted(box for _, cars in yielded for box in cars) == sorted(found)
    assert len(yielded) == 4
    for image, cars in yielded:
        for box in cars:
            right = everything[box.frame] if box.source == "trip.mp4" else box.frame
            assert np.array_equal(image, np.broadcast_to(right, image.shape))


def test_a_frame_beyond_the_end_of_a_video(written, root):
    found = boxes.read(written("trip.mp4,3,0,0,5,6,moving", "trip.mp4,12,0,0,5,6,moving"))
    with pytest.raises(ValueError, match="cars.csv:3: no frame 12: .*trip.mp4 has 12 frames"):
        list(boxes.frames(found, root))


def test_boxes_of_real_roads():
    found = boxes.read(ROADS)
    trained = (ROADS.parent / "train.txt").read_text().split()
    assert not any(drive in box.source for box in found for drive in trained)
    seen = [box for box in found if "drive_0015" in box.source]
    assert len(seen) == 30 and len({box.frame for box in seen}) == 30
    kinds = collections.Counter(box.kind for box in found if box not in seen)
    assert min(kinds["moving"], kinds["parked"]) >= 8
    assert min(box.right - box.left for box in found) >= 16


def test_boxes_of_real_roads_lie_in_their_images():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    found = boxes.read(ROADS)
    boxes.check(found, root)
    for box in found:
        path = boxes._picture(box, pathlib.Path(root))
        shape = next(video.frames(path)).shape if video.is_video(path) else images.size(path)
        assert box.bottom < shape[0] and box.right <= shape[1], box.place
