"""From the text of a camera file to K, lens and size, for every format.

The formats differ in names, not in what they hold, so one table of names serves all of them. COLMAP
and nerfstudio put the center of the first pixel at 0.5; the others, as this project, at 0.
"""

from __future__ import annotations

import json
import math
import re
from typing import NamedTuple

import numpy as np
import yaml

from aquanet_tf import files
from aquanet_tf.cameras import models
from aquanet_tf.cameras.lens import Lens

# Names in lower case, without _ and -.
_MATRIX = ("k", "cameramatrix", "intrinsicmatrix", "intrinsics")
_FOCAL_LENGTHS = {"fx": ("fx", "flx"), "fy": ("fy", "fly"), "cx": ("cx",), "cy": ("cy",)}
_SIZES = ("resolution", "imagesize")
_WIDTH, _HEIGHT = ("width", "imagewidth", "w"), ("height", "imageheight", "h")
_IGNORED = frozenset(
    # of ROS: how images are rectified for stereo, which K and D do not depend on
    "header r p rectificationmatrix projectionmatrix binningx binningy roi cameraname "
    # of OpenCV: how it was calibrated
    "calibrationtime calibrationdate nframes nrofframes boardwidth boardheight squaresize flags "
    "aspectratio flagvalue avgreprojectionerror perviewreprojectionerrors extrinsicparameters "
    "imagepoints gridpoints markersize rms reprojectionerror "
    # of Kalibr: other sensors
    "rostopic camoverlaps tcncnm1 tcamimu timeshiftcamimu "
    # of nerfstudio: poses
    "frames cameraanglex cameraangley aabbscale appliedtransform appliedscale "
    "plyfilepath orientationoverride scale offset trainfilenames valfilenames testfilenames "
    # of training with --learn_intrinsics, and of data_prep.calibrate: what is known of the numbers
    "learned calibrated "
    # notes
    "name comment description source license date version".split()
)
# What is read.
KEYS = frozenset(
    (*_MATRIX, *_SIZES, *_WIDTH, *_HEIGHT, *models.KEYS, *sum(_FOCAL_LENGTHS.values(), ()))
)
_FIX = (
    'expected {"fx", "fy", "cx", "cy"} or {"K": 3x3}, in pixels of "width" x "height" if given, or '
    "a camera file of ROS, OpenCV, Kalibr, COLMAP (cameras.txt) or nerfstudio"
)


class Calibration(NamedTuple):
    """K [3, 3] float64 (integer pixel centers), lens, and (width, height) or None."""

    k: np.ndarray
    lens: Lens
    size: tuple[float, float] | None


class _Loader(yaml.SafeLoader):
    """YAML with the matrices of OpenCV."""


_Loader.add_constructor(
    "tag:yaml.org,2002:opencv-matrix", lambda loader, node: loader.construct_mapping(node, True)
)


def parse(data: bytes) -> Calibration:
    """The Calibration in a camera file. ValueError says what is wrong; any error of a conversion
    (TypeError, OverflowError, RecursionError) may come from a file of another kind."""
    text = _decoded(data)
    if models.is_colmap(text):
        return _checked(*models.colmap(text))
    values = _one_camera(_loaded(text))
    named = {}
    for key, value in values.items():
        plain = re.sub(r"[_\- ]", "", str(key)).lower()
        if plain not in KEYS and plain not in _IGNORED:
            raise ValueError(f"unknown key {str(key)[:40]!r}; {_FIX}")
        named[plain] = value
    _check_parts(named)
    k = _matrix(named)
    if "flx" in named:  # nerfstudio
        k = k - [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]
    return _checked(k, models.lens(named), _size(named))


def one(values: dict, names) -> object:
    """The value of the one name of `names` in `values`, or None. ValueError for several that
    disagree."""
    said = [name for name in names if values.get(name) is not None]
    if any(values[name] != values[said[0]] for name in said):
        raise ValueError(f"{' and '.join(said)} say the same with other values: keep one of them")
    return values[said[0]] if said else None


def _decoded(data: bytes) -> str:
    """Text as `files.text` reads it. ValueError for a binary file."""
    try:
        text = files.text(data)
        if "\0" not in text:
            return text
    except ValueError:
        pass
    raise ValueError(
        f"not text; {_FIX} (COLMAP: model_converter --output_type TXT writes cameras.txt)"
    )


def _loaded(text: str) -> dict:
    start = text.lstrip()[:1]
    if start == "<":
        raise ValueError("XML is not read: let OpenCV's FileStorage write a .yml file")
    if start == "{":
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ValueError(f"not valid JSON ({error})") from None
    else:
        # OpenCV begins with %YAML:1.0, which YAML does not allow; rostopic writes one
        # document for each message.
        text = re.sub(r"\A\s*%YAML:?\s*1\.\d\s*\n", "", text)
        try:
            value = next(iter(yaml.load_all(text, _Loader)), None)
        except (yaml.YAMLError, ValueError, KeyError, AttributeError, IndexError) as error:
            raise ValueError(f"not valid JSON or YAML ({error})") from None
    if not isinstance(value, dict):
        raise ValueError(f"no keys and values; {_FIX}")
    return value


def _one_camera(values: dict) -> dict:
    """The camera of a camchain of Kalibr (cam0, cam1, ...); other files unchanged."""
    cameras = [key for key in values if re.fullmatch(r"cam\d+", str(key))]
    if not cameras:
        return values
    if len(cameras) > 1 or len(values) > 1 or not isinstance(values[cameras[0]], dict):
        raise ValueError(
            f"holds {', '.join(map(str, values))}: copy the camera of the images to a file alone"
        )
    return values[cameras[0]]


def _matrix(named: dict) -> np.ndarray:
    """K [3, 3] from a matrix, or from focal lengths and principal point."""
    value = one(named, _MATRIX)
    if isinstance(value, dict):
        value = value.get("data")
    parts = {name: one(named, names) for name, names in _FOCAL_LENGTHS.items()}
    if parts["fy"] is None and "flx" in named:
        parts["fy"] = parts["fx"]
    if value is None:
        if None in parts.values():
            missing = [name for name, part in parts.items() if part is None]
            raise ValueError(f"no {', '.join(missing)}; {_FIX}")
        return pinhole(*(models.number(part, name) for name, part in parts.items()))
    if any(part is not None for part in parts.values()):
        raise ValueError("holds both a matrix and fx, fy, cx, cy: keep one of them")
    entries = models.numbers(value, "K")
    if len(entries) == 4:  # Kalibr
        return pinhole(*entries)
    if len(entries) != 9:
        raise ValueError(f"K has {len(entries)} numbers, not 9; {_FIX}")
    return np.array(entries).reshape(3, 3)


def pinhole(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    """K [3, 3] float64 without skew."""
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], np.float64)


def _size(named: dict) -> tuple[float, float] | None:
    pair = one(named, _SIZES)
    if pair is not None:
        pair = models.numbers(pair, "resolution")
        if len(pair) != 2:
            raise ValueError(f"resolution has {len(pair)} numbers, not width and height")
        named = {**named, "width": pair[0], "height": pair[1]}
    width, height = one(named, _WIDTH), one(named, _HEIGHT)
    if width is None and height is None:
        return None
    if width is None or height is None:
        raise ValueError("width without height, or height without width: give both")
    return models.number(width, "width"), models.number(height, "height")


def _check_parts(named: dict) -> None:
    """ValueError where the camera of the file is not that of every image."""
    roi, frames = named.get("roi"), named.get("frames")
    if isinstance(roi, dict) and (roi.get("x_offset") or roi.get("y_offset")):
        raise ValueError("roi: the images are a part of the calibrated one: shift cx, cy, drop roi")
    if isinstance(frames, list) and any(isinstance(f, dict) and "fl_x" in f for f in frames):
        raise ValueError("each of the frames has a camera of its own (fl_x): write one for all")


def _checked(k: np.ndarray, lens: Lens, size) -> Calibration:
    below = (k[1, 0], *k[2])
    if not (np.isfinite(k).all() and k[0, 0] > 0 and k[1, 1] > 0 and below == (0, 0, 0, 1)):
        raise ValueError(f"not a camera matrix: {k.tolist()}; {_FIX}")
    if size and not all(0 < side < math.inf for side in size):
        raise ValueError(f"width {size[0]:g} and height {size[1]:g} must be positive")
    return Calibration(k, lens, size)
