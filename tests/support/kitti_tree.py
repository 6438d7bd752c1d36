"""Tiny KITTI raw directories for tests, of two kinds.

`write`: moving waves without ground truth, in drives that differ in what they have (gaps, oxts, a
right camera). For data preparation and the input pipeline.
`write_scene`: a scene whose depth and moving pixels are known exactly, with annotated depth, motion
masks and a lidar scan. For evaluation. The synthetic street has tests of its own.
"""

import dataclasses
import pathlib

import numpy as np
from PIL import Image

DATE = "2011_09_26"
SHAPE = (24, 80)
# Different for the two cameras, so that a test notices when they are mixed up.
K = {
    2: np.array([[41.5, 0.0, 38.25], [0.0, 40.5, 11.75], [0.0, 0.0, 1.0]]),
    3: np.array([[43.5, 0.0, 37.25], [0.0, 42.5, 12.25], [0.0, 0.0, 1.0]]),
}
_OFFSET = (4.4, 0.2, 0.003)  # fourth column of P_rect, which no reader of K may take along

# The scene: flat ground, a far wall and one moving box.
SCENE_SHAPE = (32, 96)
HORIZON = 12.0  # row of the principal point
BOX = (slice(14, 24), slice(40, 60))  # rows and columns of the moving box
_FOCAL, _CAMERA_HEIGHT, _WALL = 48.0, 1.5, 40.0  # pixels, meters, meters
_SCENE_K = np.array([[_FOCAL, 0, 47.5], [0, _FOCAL, HORIZON], [0, 0, 1]])


@dataclasses.dataclass
class Spec:
    """One drive: frame numbers, motion in pixels per frame, cameras, oxts speeds (None: no oxts).

    speeds: frame number -> m/s.
    """

    frames: tuple = tuple(range(6))
    motion: float = 3.0
    cameras: tuple = (2,)
    speeds: dict = None


def drive_name(number):
    """DATE/DATE_drive_NUMBER_sync, the name of a drive in split files and records."""
    return f"{DATE}/{DATE}_drive_{number:04d}_sync"


def path_of(raw, drive, frame):
    """File of a frame that `write` wrote for camera 2."""
    return raw / drive_name(drive) / f"image_02/data/{frame:010d}.png"


def calibration(shape=SHAPE, k=None, offset=_OFFSET) -> str:
    """Text of a calib_cam_to_cam.txt; k: camera -> K [3, 3], default `K`."""
    text = "calib_time: 09-Jan-2012 13:57:47\n"
    for camera, matrix in (k or K).items():
        p = np.hstack([matrix, np.reshape(offset, (3, 1))])
        text += f"S_rect_{camera:02d}: {shape[1]:e} {shape[0]:e}\n"
        text += f"P_rect_{camera:02d}: " + " ".join(f"{x:e}" for x in p.ravel()) + "\n"
    return text


def image(frame, motion=3.0, seed=0, shape=SHAPE):
    """uint8 [24, 80, 3]: smooth colored waves that move left by `motion` pixels per frame."""
    rng = np.random.RandomState(seed)
    u = np.arange(shape[1])[None, :, None] + motion * frame
    v = np.arange(shape[0])[:, None, None]
    waves = 0.0
    for _ in range(6):
        a, b, phase = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5), rng.uniform(0, 6.3, 3)
        waves = waves + np.sin(a * u + b * v + phase)
    return np.clip(128 + 30 * waves, 0, 255).astype(np.uint8)


def write(root, specs=None) -> pathlib.Path:
    """Writes one drive for each Spec, numbered from 1; returns the raw directory."""
    root = pathlib.Path(root)
    (root / DATE).mkdir(parents=True)
    (root / DATE / "calib_cam_to_cam.txt").write_text(calibration())
    for number, spec in enumerate(specs or [Spec(), Spec()], 1):
        folder = root / drive_name(number)
        for camera in spec.cameras:
            for frame in spec.frames:
                pixels = image(frame, spec.motion, seed=10 * number + camera)
                _save(folder / f"image_{camera:02d}" / "data" / f"{frame:010d}.png", pixels)
        if spec.speeds is not None:
            oxts = folder / "oxts" / "data"
            oxts.mkdir(parents=True)
            for frame, speed in spec.speeds.items():
                numbers = [49.0] * 8 + [speed] + [0.0] * 21
                (oxts / f"{frame:010d}.txt").write_text(" ".join(map(str, numbers)))
    return root


def write_oxts(folder, steps, rate=10.0) -> None:
    """Writes oxts of a drive to `folder` that goes north: steps[i] meters from frame i to i + 1.

    rate: frames per second of the time stamps and of the speed, which is that of the next step.
    """
    oxts = pathlib.Path(folder) / "oxts" / "data"
    oxts.mkdir(parents=True, exist_ok=True)
    stamps, latitude = [], 49.0
    for frame, step in enumerate([*steps, steps[-1]]):
        numbers = [f"{latitude:.12f}", "8.4", "113.0"] + ["0"] * 5 + [str(step * rate)] + ["0"] * 21
        (oxts / f"{frame:010d}.txt").write_text(" ".join(numbers))
        stamps.append(f"2011-09-26 13:00:{frame / rate:012.9f}\n")
        latitude += np.degrees(step / 6378137.0)
    (oxts.parent / "timestamps.txt").write_text("".join(stamps))


def scene_depth(frame=0):
    """[32, 96] meters, multiples of 1/256: wall at 40, ground, box at 6, 0 (none) in one corner."""
    rows = np.arange(SCENE_SHAPE[0], dtype=np.float64)[:, None] + np.zeros(SCENE_SHAPE)
    depth = np.minimum(_WALL, _FOCAL * _CAMERA_HEIGHT / np.maximum(rows - HORIZON, 1e-3))
    depth[BOX] = 6.0 + 0.25 * frame
    depth[:4, :20] = 0.0
    return np.round(depth * 256) / 256


def moving_mask():
    """Bool [32, 96]: True on the box."""
    mask = np.zeros(SCENE_SHAPE, bool)
    mask[BOX] = True
    return mask


def scene_image(frame=0, seed=0):
    """uint8 [32, 96, 3]: darker where it is farther, with noise."""
    rng = np.random.default_rng(seed + frame)
    shade = 255 / (1 + scene_depth(frame) / 10)
    return np.clip(shade[..., None] + rng.normal(0, 12, (*SCENE_SHAPE, 3)), 0, 255).astype(np.uint8)


def scan():
    """A lidar scan [n, 4] that hits a grid of pixels of `scene_depth()`."""
    depth = scene_depth()
    v, u = np.mgrid[4:32:2, 0:96:3]
    v, u = v.ravel(), u.ravel()
    z = depth[v, u]
    rays = np.stack([u + 1, v + 1, np.ones_like(u)]) * z  # the reader counts pixels from one
    x, y, z = np.linalg.inv(_SCENE_K) @ rays
    points = np.stack([z, -x, -y, np.full_like(z, 0.5)], axis=1)  # lidar: x forward, y left, z up
    return points[z > 0].astype(np.float32)


def write_scene(root, drives=2, frames=3, masks=True) -> pathlib.Path:
    """Writes the scene as `drives` drives of camera 2; a scan for frame 0 of each.

    masks: with motion masks. Returns the raw directory.
    """
    root = pathlib.Path(root)
    (root / DATE).mkdir(parents=True)
    text = calibration(SCENE_SHAPE, dict.fromkeys((2, 3), _SCENE_K), offset=(0, 0, 0))
    text += "R_rect_00: 1 0 0 0 1 0 0 0 1\n"
    (root / DATE / "calib_cam_to_cam.txt").write_text(text)
    (root / DATE / "calib_velo_to_cam.txt").write_text("R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n")
    for drive in range(1, drives + 1):
        folder = root / drive_name(drive)
        for frame in range(frames):
            name = f"{frame:010d}.png"
            depth = (scene_depth(frame) * 256).astype(np.uint16)
            _save(folder / "image_02" / "data" / name, scene_image(frame, seed=drive))
            _save(folder / "proj_depth/groundtruth/image_02" / name, depth)
            if masks:
                _save(folder / "motion_masks" / "image_02" / name, np.uint8(255) * moving_mask())
        velodyne = folder / "velodyne_points" / "data"
        velodyne.mkdir(parents=True)
        scan().tofile(velodyne / "0000000000.bin")
    return root


def _save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
