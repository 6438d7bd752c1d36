"""Structure from motion with COLMAP (the library pycolmap): points, poses, and one camera.

COLMAP matches SIFT features between frames that are near in time, and adjusts points, poses and
camera together (bundle adjustment). Objects that move fit no common pose, and are left out.
"""

from __future__ import annotations

import math
import pathlib
from typing import NamedTuple

from PIL import Image

from aquanet_tf import progress

# Focal length and one coefficient of radial distortion; the principal point is in the middle.
_CAMERA = "SIMPLE_RADIAL"
_FEATURES = 1500
# Each frame is matched with so many frames before it.
_NEIGHBORS = 6
# Width in pixels from which on COLMAP looks for features in images as they are. It doubles smaller
# ones first: they need it, and it takes three times as long.
_LARGE = 1000
_BATCH = 10  # frames between two steps of the progress bar
# Share by which the focal length is changed to see how well it is determined.
_OTHER = 0.05


class Model(NamedTuple):
    """A reconstruction of some of the frames.

    focal: pixels of the images. radial: k1 of the lens. deviation: standard deviation of `focal`
    for features that are one pixel off, from the cost of bundle adjustment at other focal lengths;
    infinite where it is not determined. frames: number. error: mean reprojection error in pixels.
    """

    focal: float
    radial: float
    deviation: float
    frames: int
    error: float


def models(
    images: pathlib.Path, mask: pathlib.Path, work: pathlib.Path, threads: int
) -> list[Model]:
    """Reconstructs the images of a folder, which one camera took.

    Args:
        images: folder with nothing but images of one size, in the order of their names.
        mask: image of that size; features where it is 0 are ignored.
        work: existing folder for intermediate files.
        threads: at most so many are used.

    Returns the models of all images, of their first half and of their second half; where the images
    do not fit together, the model of most of them. Halves that fit no model are left out, and so
    are they when all images together fit none.

    Raises ValueError when pycolmap is not installed.
    """
    colmap = require()
    database = work / "features.db"
    names = sorted(path.name for path in images.iterdir())
    _extract(colmap, database, images, mask, names, threads)
    _match(colmap, database, names, work, threads)
    found, half = [], len(names) // 2
    parts = {"all frames": names, "first half": names[:half], "second half": names[half:]}
    for what, part in parts.items():
        largest = _reconstruct(colmap, database, images, work, part, what)
        if largest:
            found.append(_model(colmap, largest))
        elif part is names:
            break
    return found


def require():
    """The library pycolmap. Raises ValueError when it is not installed."""
    try:
        import pycolmap
    except ImportError as error:
        raise ValueError(
            "data_prep.calibrate needs pycolmap: pip install 'aquanet-tf[calibrate]' (Python 3.10 "
            f"or newer) ({error})"
        ) from error
    pycolmap.logging.minloglevel = int(pycolmap.logging.FATAL)
    pycolmap.set_random_seed(0)
    return pycolmap


def _extract(colmap, database, images, mask, names, threads) -> None:
    """Writes the features of all images to the database, as those of one camera."""
    reader = colmap.ImageReaderOptions(camera_model=_CAMERA, camera_mask_path=mask)
    options = colmap.FeatureExtractionOptions(num_threads=threads, use_gpu=False)
    options.sift.max_num_features = _FEATURES
    with Image.open(images / names[0]) as first:
        options.sift.first_octave = 0 if first.width >= _LARGE else -1
    with progress.bar(total=len(names), desc="features", unit="frame") as bar:
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            if start:
                reader.existing_camera_id = 1
            colmap.extract_features(
                database,
                images,
                image_names=batch,
                camera_mode=colmap.CameraMode.SINGLE,
                reader_options=reader,
                extraction_options=options,
            )
            bar.update(len(batch))


def _match(colmap, database, names, work, threads) -> None:
    """Matches the features of each image with those of the images before it."""
    options = colmap.FeatureMatchingOptions(num_threads=threads, use_gpu=False)
    listed = work / "pairs.txt"
    with progress.bar(total=len(names), desc="matches", unit="frame") as bar:
        for start in range(0, len(names), _BATCH):
            batch = range(start, min(start + _BATCH, len(names)))
            pairs = [(old, new) for new in batch for old in range(max(0, new - _NEIGHBORS), new)]
            listed.write_text("".join(f"{names[old]} {names[new]}\n" for old, new in pairs))
            which = colmap.ImportedPairingOptions(match_list_path=listed)
            colmap.match_image_pairs(database, matching_options=options, pairing_options=which)
            bar.update(len(batch))


def _reconstruct(colmap, database, images, work, names, what):
    """The reconstruction of most of the images `names`, or None. A camera that drives forward sees
    little parallax, so the limits of COLMAP for it are lowered."""
    # More threads are slower on so few frames.
    options = colmap.IncrementalPipelineOptions(num_threads=1, image_names=names)
    options.ba_global_frames_ratio = options.ba_global_points_ratio = 1.4
    mapper = options.mapper
    mapper.init_max_forward_motion = 1.0
    mapper.init_min_tri_angle, mapper.filter_min_tri_angle = 3.0, 0.5
    mapper.init_min_num_inliers, mapper.abs_pose_min_num_inliers = 60, 20
    with progress.bar(total=len(names), desc=f"camera of {what}", unit="frame") as bar:

        def placed(frames):
            # A frame counts again in each further model that COLMAP tries.
            bar.update(min(frames, bar.total - bar.n))

        found = colmap.incremental_mapping(
            database,
            images,
            work,
            options=options,
            initial_image_pair_callback=lambda: placed(2),
            next_image_callback=lambda: placed(1),
        )
    return max(found.values(), key=lambda each: each.num_reg_images(), default=None)


def _model(colmap, reconstruction) -> Model:
    (key,) = reconstruction.cameras
    camera, cost = _adjusted(colmap, reconstruction, key)
    focal, *_, radial = camera
    error = float(reconstruction.compute_mean_reprojection_error())
    # How much worse the images are explained by another focal length, all else adjusted to it.
    worse = [
        _adjusted(colmap, reconstruction, key, focal * (1 + share))[1] - cost
        for share in (-_OTHER, _OTHER)
    ]
    determined = all(math.isfinite(cost) and cost > 0 for cost in worse)
    deviation = _OTHER * focal / math.sqrt(2 * min(worse)) if determined else math.inf
    return Model(focal, radial, deviation, reconstruction.num_reg_images(), error)


def _adjusted(colmap, reconstruction, key, focal=None) -> tuple[list[float], float]:
    """Bundle adjustment with the focal length free, or held at `focal`.

    Returns the parameters of the camera (focal length, principal point, radial distortion), and
    the cost: half the sum of squared errors in pixels.
    """
    if focal is not None:
        camera = reconstruction.camera(key)
        camera.params = [focal, *camera.params[1:]]
    options = colmap.BundleAdjustmentOptions(refine_focal_length=focal is None, print_summary=False)
    config = colmap.BundleAdjustmentConfig()
    for image in reconstruction.reg_image_ids():
        config.add_image(image)
    config.fix_gauge(colmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    problem = colmap.create_default_ceres_bundle_adjuster(options, config, reconstruction)
    cost = problem.solve().ceres_summary.final_cost
    return [float(value) for value in reconstruction.camera(key).params], cost
