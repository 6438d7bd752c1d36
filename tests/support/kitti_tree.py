"""A tiny KITTI raw directory whose drives differ in what they have: gaps, oxts, a right camera."""

import dataclasses
import pathlib

import numpy as np
from PIL import Image

DATE = "2011_09_26"
SHAPE = (24, 80)
# Not the same for both cameras, so that a mixed-up K is noticed.
K = {
    2: np.array([[41.5, 0.0, 38.25], [0.0, 40.5, 11.75], [0.0, 0.0, 1.0]]),
    3: np.array([[43.5, 0.0, 37.25], [0.0, 42.5, 12.25], [0.0, 0.0, 1.0]]),
}


@dataclasses.dataclass
class Spec:
    """One drive: frame numbers, pixels of motion a frame, cameras, oxts speeds (None: no oxts)."""

    frames: tuple = tuple(range(6))
    motion: float = 3.0
    cameras: tuple = (2,)
    speeds: dict = None


def drive_name(number):
    return f"{DATE}/{DATE}_drive_{number:04d}_sync"


def image(frame, motion=3.0, seed=0, shape=SHAPE):
    """uint8 [24, 80, 3]: smooth colored waves and a little noise, moving to the left."""
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
            images = folder / f"image_{camera:02d}" / "data"
            images.mkdir(parents=True)
            for frame in spec.frames:
                pixels = image(frame, spec.motion, seed=10 * number + camera)
                Image.fromarray(pixels).save(images / f"{frame:010d}.png")
        if spec.speeds is not None:
            oxts = folder / "oxts" / "data"
            oxts.mkdir(parents=True)
            for frame, speed in spec.speeds.items():
                numbers = [49.0] * 8 + [speed] + [0.0] * 21
                (oxts / f"{frame:010d}.txt").write_text(" ".join(map(str, numbers)))
    return root


def calibration(shape=SHAPE) -> str:
    text = "calib_time: 09-Jan-2012 13:57:47\n"
    for camera, k in K.items():
        p = np.hstack([k, [[4.4], [0.2], [0.003]]])
        text += f"S_rect_{camera:02d}: {shape[1]:e} {shape[0]:e}\n"
        text += f"P_rect_{camera:02d}: " + " ".join(f"{x:e}" for x in p.ravel()) + "\n"
    return text
