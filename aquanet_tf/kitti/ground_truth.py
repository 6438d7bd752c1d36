"""Ground truth of each frame in the KITTI raw layout: depth in meters, moving pixels, horizon.

Depth has two sources. `depth`: annotated uint16 maps, which are KITTI's "improved" ground truth and
the exact depth of the synthetic street. `velodyne`: raw scans projected into the image, Eigen's
"original" ground truth. NumPy and Pillow only.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import numpy as np

from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.kitti import split_file


@dataclasses.dataclass(frozen=True)
class Frame:
    """One evaluated image and the files of its ground truth."""

    drive: kitti_layout.Drive
    number: int
    camera: int
    source: str  # depth or velodyne
    image: pathlib.Path
    truth: pathlib.Path  # depth map or scan
    motion_mask: pathlib.Path | None  # None: it is not known what moves

    @property
    def key(self) -> str:
        """The frame as a line of a split file: DATE/DRIVE FRAME l|r."""
        side = {2: " l", 3: " r"}.get(self.camera, "")
        return f"{self.drive.name} {self.number:010d}{side}"

    def depth(self) -> np.ndarray:
        """[H, W] meters, 0 where there is none."""
        if self.source == "depth":
            return kitti_layout.read_depth_png(self.truth)
        calibration = self.drive.calibration
        shape = kitti_layout.image_shape(calibration, self.camera)
        points = kitti_layout.read_scan(self.truth)
        return kitti_layout.velodyne_depth(points, calibration.parent, shape, self.camera)

    def moving(self, shape: tuple[int, int]) -> np.ndarray | None:
        """Bool [H, W], True on independently moving objects; None without a motion mask.

        Raises ValueError when the mask is damaged, or differs from `shape`, that of the ground
        truth.
        """
        if self.motion_mask is None:
            return None
        mask = kitti_layout.read_motion_mask(self.motion_mask)
        if mask.shape != tuple(shape):
            raise ValueError(f"{self.motion_mask}: size {mask.shape}, ground truth has {shape}")
        return mask

    def neighbors(self) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path] | None:
        """Images of the previous, this and the next frame; None when one of them is missing."""
        files = self.drive.images(self.camera)
        numbers = (self.number - 1, self.number, self.number + 1)
        return tuple(files[n] for n in numbers) if all(n in files for n in numbers) else None

    def horizon(self, shape: tuple[int, int]) -> float:
        """Row of the horizon in an image of `shape`, for a level camera: the principal point."""
        calibration = self.drive.calibration
        row = kitti_layout.intrinsics(calibration, self.camera)[1, 2]
        height = kitti_layout.image_shape(calibration, self.camera)[0]
        return float((row + 0.5) * shape[0] / height - 0.5)


class DepthMaps:
    """Annotated depth maps of drives: in the drives, or in a folder as KITTI's archives have it.

    depth_dir: a folder with train/DRIVE/proj_depth/groundtruth/image_0X or val/DRIVE/..., or that
    train or val folder itself; empty: the maps are in DATE/DRIVE/proj_depth of the drives. The maps
    of a drive that is not in `depth_dir` are taken from the drive. ValueError when `depth_dir` has
    no drive with annotated depth.
    """

    def __init__(self, depth_dir: str = ""):
        self._drives: dict[str, pathlib.Path] = {}
        if not depth_dir:
            return
        root = pathlib.Path(depth_dir)
        patterns = ("*/proj_depth", "*/*/proj_depth", "*/*/*/proj_depth")
        for pattern in patterns if root.is_dir() else ():
            for path in sorted(root.glob(pattern)):
                if (path / "groundtruth").is_dir():
                    self._drives.setdefault(path.parent.name, path.parent)
        if not self._drives:
            raise ValueError(
                f"--depth_dir={root}: no train/DRIVE/proj_depth/groundtruth or val/DRIVE/...; name "
                "the folder into which KITTI's annotated depth (data_depth_annotated.zip) was "
                "unpacked"
            )

    def folder(self, drive: kitti_layout.Drive, camera: int) -> pathlib.Path:
        """Where the maps of a camera are expected."""
        place = self._drives.get(drive.path.name, drive.path)
        return place / "proj_depth" / "groundtruth" / f"image_{camera:02d}"

    def files(self, drive: kitti_layout.Drive, camera: int) -> dict[int, pathlib.Path]:
        """Frame number -> annotated depth PNG."""
        return kitti_layout.depth_files(self._drives.get(drive.path.name, drive.path), camera)


def find_frames(
    gt_dir, split: str, camera: int, source: str, depth_dir: str = ""
) -> tuple[list[Frame], int]:
    """The frames of a split that have ground truth.

    A line of the split that names a drive selects all of its images with ground truth. A line
    that names a frame requires image and ground truth of that frame.

    Args:
      gt_dir: KITTI raw directory.
      split: a split file, or "all" for every drive.
      camera: 2 or 3; l or r in a line of the split overrides it.
      source: depth or velodyne.
      depth_dir: KITTI's annotated depth maps as downloaded, see `DepthMaps`; empty: they are in
        the drives.

    Returns the frames, and the number of images in selected drives without ground truth. Raises
    ValueError that names the missing files, or when no frame is left.
    """
    entries = None if split == "all" else split_file.read(split)
    frames, missing, without = collect(gt_dir, entries, camera, source, depth_dir)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(f"--split={split}: missing {'; '.join(missing[:3])}{more}")
    if not frames:
        raise ValueError(
            f"{gt_dir}: no frame of camera {camera} has ground truth of kind {source}; "
            "try the other --ground_truth or --camera"
        )
    return frames, without


def collect(
    gt_dir, entries, camera: int, source: str, depth_dir: str = ""
) -> tuple[list[Frame], list[str], int]:
    """As `find_frames`, but missing files are returned instead of raised.

    entries: SplitEntry of a split; None: every drive. Returns the frames that were found, the
    names of missing drives and files, and the number of images of whole drives without ground
    truth.
    """
    listed = kitti_layout.list_drives(gt_dir)
    drives = {drive.name: drive for drive in listed}
    maps = DepthMaps(depth_dir)
    every_drive = entries is None
    if every_drive:
        names = sorted(drive.name for drive in kitti_layout.without_copies(listed))
        entries = [split_file.SplitEntry(name) for name in names]

    @functools.cache
    def files(name, camera):
        drive = drives[name]
        truths = maps.files(drive, camera) if source == "depth" else drive.scans()
        return drive.images(camera), truths, drive.motion_masks(camera)

    frames, missing, without = [], [], 0
    for entry in entries:
        if entry.drive not in drives:
            missing.append(f"drive {pathlib.Path(gt_dir) / entry.drive}")
            continue
        drive, side = drives[entry.drive], entry.camera or camera
        images, truths, masks = files(entry.drive, side)
        if entry.frame is not None:
            wanted = [entry.frame]
            if entry.annotated or source != "depth":
                folder = maps.folder(drive, side) if source == "depth" else _scans(drive)
                missing += _missing_files(drive, side, entry.frame, images, truths, folder)
        else:
            wanted = sorted(images)
            if not set(images) & set(truths) and not every_drive:
                folder = maps.folder(drive, side) if source == "depth" else _scans(drive)
                missing.append(f"any frame with ground truth in {folder}")
        usable = [number for number in wanted if number in images and number in truths]
        without += len(wanted) - len(usable)
        frames += [
            Frame(drive, n, side, source, images[n], truths[n], masks.get(n)) for n in usable
        ]
    return frames, list(dict.fromkeys(missing)), without


def _scans(drive: kitti_layout.Drive) -> pathlib.Path:
    return drive.path / "velodyne_points" / "data"


def _missing_files(drive, camera, number, images, truths, folder) -> list[str]:
    """Paths of the files that are missing of a frame named by a split; `folder`: of the truths."""
    names = []
    if number not in images:
        names.append(str(drive.path / f"image_{camera:02d}" / "data" / f"{number:010d}.png"))
    if number not in truths:
        suffix = ".bin" if folder.parent.name == "velodyne_points" else ".png"
        names.append(str(folder / f"{number:010d}{suffix}"))
    return names
