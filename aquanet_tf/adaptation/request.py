"""What an adaptation is asked for, and checks of its flags before anything that takes time."""

from __future__ import annotations

import dataclasses
import pathlib

from aquanet_tf.adaptation import clip
from aquanet_tf.cameras import camera_file
from aquanet_tf.media import inputs, video
from aquanet_tf.metric import camera_height as height_of_camera
from aquanet_tf.metric import speed


@dataclasses.dataclass(frozen=True)
class Request:
    """What `aquanet_tf.adapt` is asked for.

    Attributes:
        input: video, folder of videos, or folder of images.
        out: directory of the adaptation.
        camera: flags of data_prep.video that describe the camera.
        crop: top, bottom, left, right in pixels.
        speed: flags of data_prep.video that tell the speed; may be empty.
        camera_height: meters; 0: unknown.
    """

    input: str
    out: pathlib.Path
    camera: tuple[str, ...]
    crop: tuple[int, int, int, int]
    speed: tuple[str, ...] = ()
    camera_height: float = 0.0


def check_camera(source: str, intrinsics: str, fov_deg: float) -> None:
    """Raises ValueError, naming the flag, for a camera that the frames of `source` cannot have.

    Args:
        source: the --input.
        intrinsics: camera file; empty: none.
        fov_deg: horizontal field of view of the whole frames, degrees; 0: not given.
    """
    if intrinsics and fov_deg:
        raise ValueError("give one of --intrinsics and --fov_deg")
    low, high = camera_file.FIELD_OF_VIEW
    if fov_deg and not low <= fov_deg <= high:
        raise ValueError(f"--fov_deg={fov_deg:g}: expected degrees from {low:g} to {high:g}")
    if intrinsics:
        shape = clip.size(source)
        try:
            camera_file.read(intrinsics, shape)
        except ValueError as error:
            raise ValueError(f"--intrinsics: {error}") from None


def check_meters(source: str, camera_height: float, kmh: float, csv: str, fps: float) -> None:
    """Raises ValueError, naming the flag, for a height or a speed that cannot tell the meters.

    source: the --input; the others are the flags of their names, 0 and empty: not given.
    """
    if camera_height and (kmh or csv):
        raise ValueError("give one of --camera_height and a speed: both tell the meters")
    if camera_height:
        height_of_camera.check(camera_height)
    # As data_prep.video counts clips: videos, or one folder of images.
    videos = [path for path in inputs.list_media(source) if video.is_video(path)]
    speed.from_options(kmh, csv, fps, videos or [pathlib.Path(source)])
