"""Hand-labeled boxes of cars.

`read` reads a file of them, `check` looks for their frames, `frames` reads each frame once.

    source,frame,left,top,right,bottom,kind
    kitti_raw/2011_09_26/2011_09_26_drive_0015_sync/image_03/data,104,560,173,614,225,moving
    video/trip.mp4,640,287,187,326,222,parked
"""

from __future__ import annotations

import contextlib
import csv
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from aquanet_tf import files, progress
from aquanet_tf.media import images, video

COLUMNS = ("source", "frame", "left", "top", "right", "bottom", "kind")
KINDS = ("moving", "parked")


class Box(NamedTuple):
    """A car in a frame, as a line of the boxes file.

    Attributes:
      source: folder of numbered images, or a video, below the root.
      frame: number of the image, or of the video's frame, which counts from 0.
      left, top, right, bottom: edges in pixels of the stored image: columns left to right - 1, rows
        top to bottom - 1. The tires meet the road at `bottom`.
      kind: one of KINDS.
      place: "FILE:LINE", for messages.
    """

    source: str
    frame: int
    left: int
    top: int
    right: int
    bottom: int
    kind: str
    place: str = "box"

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom)."""
        return self.left, self.top, self.right, self.bottom


def read(path: str | pathlib.Path) -> list[Box]:
    """Reads a boxes file: CSV with the columns COLUMNS; blank lines and # comments are ignored.

    ValueError names the file and the line at fault.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such boxes file")
    header, found, places = True, [], {}
    for number, line in enumerate(files.read_text(path, "replace").splitlines(), 1):
        place = f"{path}:{number}"
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = _cells(place, line)
        if header and cells != list(COLUMNS):
            raise ValueError(f"{place}: expected the header {','.join(COLUMNS)}")
        if not header:
            found.append(_box(place, cells))
            first = places.setdefault(found[-1]._replace(place="", kind=""), place)
            if first != place:
                raise ValueError(f"{place}: the same box as {first}")
        header = False
    if not found:
        raise ValueError(f"{path}: no boxes; expected lines {','.join(COLUMNS)}")
    return found


def _cells(place: str, line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line]))]
    except csv.Error as error:
        raise ValueError(f"{place}: not a line of CSV ({error})") from error


def _box(place: str, cells: list[str]) -> Box:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{place}: {len(cells)} columns, expected {','.join(COLUMNS)}")
    source, *numbers, kind = cells
    if source:
        source = str(pathlib.PurePosixPath(source))  # one name for a//b, a/b/ and ./a/b
    try:
        box = Box(source, *map(int, numbers), kind, place)
    except ValueError:
        raise ValueError(f"{place}: expected whole numbers, not {','.join(numbers)}") from None
    if not source:
        raise ValueError(f"{place}: the source is empty")
    if kind not in KINDS:
        raise ValueError(f"{place}: kind {kind!r}: expected {' or '.join(KINDS)}")
    if box.frame < 0 or not (0 <= box.left < box.right and 0 <= box.top < box.bottom):
        raise ValueError(f"{place}: expected frame >= 0, 0 <= left < right, 0 <= top < bottom")
    return box


def check(boxes: list[Box], root: str | pathlib.Path) -> None:
    """Raises ValueError naming the line of a box whose source or image is missing below `root`, and
    of one that reaches outside its image.

    Of a video the first frame alone is decoded, so frames beyond its end are found only when it is
    read.
    """
    sizes = {}
    for box in boxes:
        path = _picture(box, pathlib.Path(root))
        try:
            if path not in sizes:
                sizes[path] = (video if video.is_video(path) else images).size(path)
            check_inside(box.edges, *sizes[path])
        except ValueError as error:
            raise ValueError(f"{box.place}: {error}") from error


def check_inside(edges: tuple[int, int, int, int], height: int, width: int) -> None:
    """Raises ValueError for a box (left, top, right, bottom) that is not inside its image."""
    left, top, right, bottom = edges
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise ValueError(
            f"box {left},{top},{right},{bottom} is not inside the {width}x{height} image"
        )


def _picture(box: Box, root: pathlib.Path) -> pathlib.Path:
    """The image of a box, or its video."""
    path = root / box.source
    if path.is_file() and video.is_video(path):
        return path
    if not path.is_dir():
        raise ValueError(f"{box.place}: {path}: no such folder of images, or video")
    try:
        listed = images.list_images(path)
    except ValueError as error:
        raise ValueError(f"{box.place}: {error}") from error
    matching = [p for p in listed if p.stem.isdecimal() and int(p.stem) == box.frame]
    if len(matching) != 1:
        count = f"{len(matching)} images have" if matching else "no image has"
        raise ValueError(f"{box.place}: {path}: {count} the number {box.frame}")
    return matching[0]


def frames(
    boxes: list[Box], root: str | pathlib.Path, desc: str | None = None
) -> Iterator[tuple[np.ndarray, list[Box]]]:
    """Yields (image, its boxes) of each frame that has boxes, under a progress bar named `desc`;
    images are uint8 [H, W, 3].

    A video is read once, up to the last frame that is needed. Raises ValueError as `check` does,
    and for a frame beyond the end of a video.
    """
    count = len({(box.source, box.frame) for box in boxes})
    yield from progress.bar(_frames(boxes, root), total=count, desc=desc, unit="frame")


def _frames(boxes, root):
    """As `frames`, without the bar."""
    root = pathlib.Path(root)
    pictures = {}
    for box in boxes:
        cars = pictures.setdefault(_picture(box, root), {})
        cars.setdefault(box.frame, []).append(box)
    for path, cars_of in pictures.items():
        if video.is_video(path):
            yield from _of_video(path, cars_of)
        else:
            yield from ((images.read_image(path), cars) for cars in cars_of.values())


def _of_video(path: pathlib.Path, cars_of: dict[int, list[Box]]):
    """As `frames`, for one video; cars_of: frame -> its boxes."""
    last, count = max(cars_of), 0
    with contextlib.closing(video.frames(path)) as stream:
        for count, image in enumerate(stream, 1):
            if cars := cars_of.get(count - 1):
                yield image, cars
            if count > last:
                return
    place = cars_of[last][0].place
    raise ValueError(f"{place}: no frame {last}: {path} has {count} frames, counted from 0")
