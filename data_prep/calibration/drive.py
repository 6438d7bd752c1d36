"""From a drive to its camera."""

from __future__ import annotations

import pathlib
import tempfile

from data_prep.calibration import keyframes, structure
from data_prep.calibration.camera import ADVICE, Camera
from data_prep.video.crop import Crop


def find_camera(clip: pathlib.Path, hidden: Crop, most: int, threads: int) -> Camera:
    """The camera of a clip: a video, or a folder of images.

    Args:
        hidden: margins in which nothing is looked for; the camera is that of whole frames.
        most: frames to use.
        threads: worker threads.

    Raises ValueError when the clip does not show its camera, and as `keyframes.choose` and
    `structure.models`.
    """
    structure.require()  # before the video is read, which takes long
    numbers = keyframes.choose(clip, hidden, most)
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        images, mask = work / "images", work / "mask.png"
        images.mkdir()
        shape = keyframes.write(clip, numbers, images)
        keyframes.write_mask(shape, hidden, mask)
        models = structure.models(images, mask, work, threads)
    if not models:
        raise ValueError(f"{clip}: COLMAP can reconstruct no part of this drive. {ADVICE}")
    scale = shape[1] / keyframes.size_of(shape)[0]
    camera = Camera(shape, models[0], tuple(models[1:]), scale, len(numbers))
    camera.check()
    return camera
