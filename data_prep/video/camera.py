"""The camera of a video, from a camera file, its field of view or its focal length."""

from __future__ import annotations

from aquanet_tf.cameras import camera_file, models
from aquanet_tf.cameras.camera_file import Camera
from aquanet_tf.cameras.lens import Lens


def from_options(shape, intrinsics: str, fov_deg: float, focal_px: float, distortion) -> Camera:
    """The Camera of frames of `shape` (height, width).

    Exactly one of three is given: `intrinsics`, a camera file; `fov_deg`, the horizontal field of
    view in degrees; `focal_px`, the focal length in pixels. The last two place the principal point
    at the image center. `distortion` (numbers, may be empty) overrides that of the file. ValueError
    names the flag or file.
    """
    height, width = shape
    given = [bool(intrinsics), fov_deg > 0, focal_px > 0]
    if sum(given) != 1:
        raise ValueError(
            "depth cannot be learned without the camera: give one of --intrinsics FILE, "
            "--fov_deg DEGREES (horizontal) and --focal_px PIXELS"
        )
    if intrinsics:
        k, lens = camera_file.read(intrinsics, shape)
        if distortion and lens.model == "equidistant":
            raise ValueError(
                f"--distortion is radial-tangential, but {intrinsics} says equidistant: correct "
                "the coefficients in the file"
            )
    else:
        low, high = camera_file.FIELD_OF_VIEW
        degrees = fov_deg or camera_file.field_of_view(focal_px, width)
        if not low <= degrees <= high:
            given = f"--fov_deg={fov_deg:g}" if fov_deg else f"--focal_px={focal_px:g}"
            raise ValueError(
                f"{given}: {degrees:.4g} degrees over {width} pixels; expected {low:g} to {high:g}"
            )
        k = camera_file.centered(focal_px or camera_file.focal_length(fov_deg, width), shape)
        lens = Lens()
    given = coefficients(distortion)
    return Camera(k, Lens("radtan", given) if given else lens)


def coefficients(values) -> tuple[float, ...]:
    """Four or five numbers of --distortion, or none. ValueError."""
    fix = "--distortion: expected four or five numbers k1,k2,p1,p2[,k3]"
    try:
        found = tuple(models.numbers(list(values), "--distortion"))
    except ValueError:
        raise ValueError(fix) from None
    if len(found) not in (0, 4, 5):
        raise ValueError(fix)
    return found
