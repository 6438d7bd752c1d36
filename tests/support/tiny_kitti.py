"""A KITTI raw directory a few pixels large: ground, far wall and one moving box, written by hand.

Used where a test must know every pixel; the street generator is tested on its own.
"""

import pathlib

import numpy as np
from PIL import Image

DATE = "2011_09_26"
SHAPE = (32, 96)
FOCAL, HORIZON, HEIGHT = 48.0, 12.0, 1.5
BOX = (slice(14, 24), slice(40, 60))
K = np.array([[FOCAL, 0, 47.5], [0, FOCAL, HORIZON], [0, 0, 1]])


def scene_depth(frame=0):
    """[32, 96] meters, a multiple of 1/256: 0 in the sky's corner, wall at 40, ground, box at 6."""
    rows = np.arange(SHAPE[0], dtype=np.float64)[:, None] + np.zeros(SHAPE)
    depth = np.minimum(40.0, FOCAL * HEIGHT / np.maximum(rows - HORIZON, 1e-3))
    depth[BOX] = 6.0 + 0.25 * frame
    depth[:4, :20] = 0.0
    return np.round(depth * 256) / 256


def moving_mask():
    mask = np.zeros(SHAPE, bool)
    mask[BOX] = True
    return mask


def scene_image(frame=0, seed=0):
    rng = np.random.default_rng(seed + frame)
    shade = 255 / (1 + scene_depth(frame) / 10)
    return np.clip(shade[..., None] + rng.normal(0, 12, (*SHAPE, 3)), 0, 255).astype(np.uint8)


def scan():
    """A lidar scan [n, 4] on a grid of pixels of `scene_depth()`; lidar x is the camera's z."""
    depth = scene_depth()
    v, u = np.mgrid[4:32:2, 0:96:3]
    v, u = v.ravel(), u.ravel()
    z = depth[v, u]
    rays = np.stack([u + 1, v + 1, np.ones_like(u)]) * z  # the reader counts pixels from one
    x, y, z = np.linalg.inv(K) @ rays
    points = np.stack([z, -x, -y, np.full_like(z, 0.5)], axis=1)
    return points[z > 0].astype(np.float32)


def write(root, drives=2, frames=3, masks=True) -> pathlib.Path:
    """Writes RAW/DATE/... below `root` and returns it."""
    root = pathlib.Path(root)
    (root / DATE).mkdir(parents=True)
    p = np.hstack([K, np.zeros((3, 1))]).ravel()
    text = "R_rect_00: " + " ".join(map(str, np.eye(3).ravel())) + "\n"
    for camera in (2, 3):
        text += f"S_rect_{camera:02d}: {SHAPE[1]} {SHAPE[0]}\n"
        text += f"P_rect_{camera:02d}: " + " ".join(map(str, p)) + "\n"
    (root / DATE / "calib_cam_to_cam.txt").write_text(text)
    (root / DATE / "calib_velo_to_cam.txt").write_text("R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n")
    for drive in range(1, drives + 1):
        folder = root / DATE / f"{DATE}_drive_{drive:04d}_sync"
        for frame in range(frames):
            name = f"{frame:010d}"
            depth = (scene_depth(frame) * 256).astype(np.uint16)
            _save(folder / "image_02" / "data" / f"{name}.png", scene_image(frame, seed=drive))
            _save(folder / "proj_depth/groundtruth/image_02" / f"{name}.png", depth)
            if masks:
                mask = np.uint8(255) * moving_mask()
                _save(folder / "motion_masks" / "image_02" / f"{name}.png", mask)
        velodyne = folder / "velodyne_points" / "data"
        velodyne.mkdir(parents=True)
        scan().tofile(velodyne / "0000000000.bin")
    return root


def drive_name(number):
    return f"{DATE}/{DATE}_drive_{number:04d}_sync"


def _save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
