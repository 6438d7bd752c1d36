"""Ground truth per frame from the KITTI raw layout: depth in meters, moving pixels, horizon.

Two sources: `depth`, the annotated uint16 maps (KITTI's "improved" ground truth, and the street's
exact depth), and `velodyne`, raw scans projected into the image (Eigen's "original" one).
NumPy and Pillow only.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib

import numpy as np
from PIL import Image

from aquanet_tf.kitti import layout as kitti_layout


@dataclasses.dataclass(frozen=True)
class Frame:
    """One evaluated image and the files its ground truth comes from."""

    drive: kitti_layout.Drive
    number: int
    camera: int
    source: str  # depth or velodyne
    image: pathlib.Path
    truth: pathlib.Path
    motion_mask: pathlib.Path | None

    @property
    def key(self) -> str:
        """The frame in a split file's own words: DATE/DRIVE FRAME l|r."""
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
        """Bool [H, W], True on independently moving objects; None where nothing is known.

        Raises ValueError when the mask is not of the ground truth's `shape`.
        """
        if self.motion_mask is None:
            return None
        with Image.open(self.motion_mask) as image:
            mask = np.asarray(image.convert("L")) > 127
        if mask.shape != tuple(shape):
            raise ValueError(f"{self.motion_mask}: size {mask.shape}, ground truth has {shape}")
        return mask

    def neighbors(self) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path] | None:
        """Images of previous, this and next frame; None where the drive lacks one."""
        files = self.drive.images(self.camera)
        numbers = (self.number - 1, self.number, self.number + 1)
        return tuple(files[n] for n in numbers) if all(n in files for n in numbers) else None

    def horizon(self, shape: tuple[int, int]) -> float:
        """Row of the horizon of a level camera, in an image of `shape`: the principal point's."""
        calibration = self.drive.calibration
        row = kitti_layout.intrinsics(calibration, self.camera)[1, 2]
        height = kitti_layout.image_shape(calibration, self.camera)[0]
        return float((row + 0.5) * shape[0] / height - 0.5)


def find_frames(gt_dir, split: str, camera: int, source: str) -> tuple[list[Frame], int]:
    """The frames that `split` means and that have ground truth of kind `source`.

    Args:
      gt_dir: KITTI raw directory.
      split: a split file, or "all" for every drive.
      camera: 2 or 3; a split line's own l or r goes before it.
      source: depth or velodyne.

    A whole drive stands for those of its images that have ground truth. A frame named by the
    split must have it. Returns the frames and how many images of whole drives had none. Raises
    ValueError naming what is missing.
    """
    entries = None if split == "all" else kitti_layout.read_split(split)
    frames, missing, without = collect(gt_dir, entries, camera, source)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(f"--split={split}: missing {'; '.join(missing[:3])}{more}")
    if not frames:
        raise ValueError(
            f"{gt_dir}: no frame of camera {camera} has ground truth of kind {source}; "
            "try the other --ground_truth or --camera"
        )
    return frames, without


def collect(gt_dir, entries, camera: int, source: str) -> tuple[list[Frame], list[str], int]:
    """Frames that `entries` of a split (None: every drive) name and that are there, names of the
    drives and files that are not, and the number of images of whole drives without ground truth."""
    drives = {drive.name: drive for drive in kitti_layout.list_drives(gt_dir)}
    every_drive = entries is None
    if every_drive:
        entries = [kitti_layout.SplitEntry(name) for name in sorted(drives)]

    @functools.cache
    def files(name, camera):
        drive = drives[name]
        truths = drive.depth_maps(camera) if source == "depth" else drive.scans()
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
            missing += _missing_files(drive, side, source, entry.frame, images, truths)
        else:
            wanted = sorted(images)
            if not set(images) & set(truths) and not every_drive:
                missing.append(f"any frame with ground truth in {_folder(drive, side, source)}")
        usable = [number for number in wanted if number in images and number in truths]
        without += len(wanted) - len(usable)
        frames += [
            Frame(drive, n, side, source, images[n], truths[n], masks.get(n)) for n in usable
        ]
    return frames, list(dict.fromkeys(missing)), without


def _folder(drive, camera, source) -> pathlib.Path:
    if source == "depth":
        return drive.path / "proj_depth" / "groundtruth" / f"image_{camera:02d}"
    return drive.path / "velodyne_points" / "data"


def _missing_files(drive, camera, source, number, images, truths) -> list[str]:
    """Names of the files that a frame asked for by a split does not have."""
    names = []
    if number not in images:
        names.append(str(drive.path / f"image_{camera:02d}" / "data" / f"{number:010d}.png"))
    if number not in truths:
        suffix = ".png" if source == "depth" else ".bin"
        names.append(str(_folder(drive, camera, source) / f"{number:010d}{suffix}"))
    return names
