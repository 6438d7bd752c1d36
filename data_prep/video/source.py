"""The files of an --input, and how they differ from those that a data set was made of."""

from __future__ import annotations

import pathlib

from data_prep.dataset import origins
from data_prep.video import frames as video_frames


class Source:
    """The videos, or the images, of an --input.

    path: as given. clips: from `frames.clips`. files: the videos, or the images.
    """

    def __init__(self, path: str | pathlib.Path, clips: list[pathlib.Path]):
        self.path = pathlib.Path(path)
        self.files = [file for clip in clips for file in video_frames.names(clip)]

    def identity(self) -> list:
        """Path of the input, and a digest of the names, sizes and times of its files."""
        stats = [(file.name, file.stat()) for file in self.files]
        listed = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
        return [str(self.path.resolve()), origins.digest(listed)[:16]]

    def record(self) -> dict[str, str]:
        """Name of each file -> size, time and content, as in `origins`."""
        return {file.name: origins.stamp_file(file) for file in self.files}

    def changes(self, identity: list, record: dict[str, str] | None) -> list[str]:
        """What differs from an earlier `identity` and `record`, one text each.

        A file whose time alone differs is unchanged. record: None of data sets that were made
        before it was kept.
        """
        before, now = identity, self.identity()
        if before == now:
            return []
        if before[0] != now[0]:
            return [f"--input was {before[0]}"]
        if record is None:
            return ["the files of --input"]
        root = self.path if self.path.is_dir() else self.path.parent
        changed, gone = origins.changes({"cameras": {}, "files": record}, root, {})
        added = [f"{file.name}: added" for file in self.files if file.name not in record]
        return [*changed, *added, *(f"{name}: gone" for name in gone)]
