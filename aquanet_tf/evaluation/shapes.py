"""Whether images and ground truth show the same part of the view, judged by their sizes.

A prediction is resized to its ground truth. That is right for an image that was resized, and wrong
for ground truth that was cropped: 352x1216 of KITTI's `val_selection_cropped` beside images of
375x1242 makes every error larger.
"""

from __future__ import annotations

from PIL import Image

from aquanet_tf.kitti import ground_truth
from aquanet_tf.kitti import layout as kitti_layout
from aquanet_tf.media import images


def check(frames: list[ground_truth.Frame]) -> None:
    """Raises ValueError naming the first frame whose image and truth are not of one aspect.

    Reads the headers of the files only.
    """
    for frame in frames:
        image, truth = images.size(frame.image), _truth_size(frame)
        if same_aspect(image, truth):
            continue
        if frame.drive.unrectified:
            raise ValueError(
                f"{frame.image}: unrectified (an _extract drive), but ground truth is of rectified "
                "images: evaluate KITTI's _sync archive of the drive, or leave it out of --split"
            )
        raise ValueError(
            "{}: {}x{}, but its image has {}x{}: cropped? Ground truth and image must show the "
            "same part of the view: give the images that were cropped with it, or whole ground "
            "truth".format(frame.truth, *truth, *image)
        )


def same_aspect(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether one (height, width) is the other one resized, its sides rounded or cut to pixels."""
    (h, w), (other_h, other_w) = sorted((first, second))
    # The small size is a pixel off per side at most; the large one in proportion.
    return abs(w * other_h - h * other_w) <= other_h + other_w


def _truth_size(frame) -> tuple[int, int]:
    """(height, width) of the depth map, or of the image that the calibration of a scan is for."""
    if frame.source != "depth":
        return kitti_layout.image_shape(frame.drive.calibration, frame.camera)
    try:
        with Image.open(frame.truth) as image:
            return image.height, image.width
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{frame.truth}: not a readable depth map ({error})") from error
