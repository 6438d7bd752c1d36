"""The lens models of other programs, under the names and orders of their files."""

from __future__ import annotations

import math
import re

import numpy as np

from aquanet_tf.cameras.lens import Lens

_VECTOR = ("d", "dist", "distortion", "distortioncoefficients", "distortioncoeffs", "distcoeffs")
_NAMED = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")  # the order of OpenCV
_MODEL, _PROJECTION = ("distortionmodel", "lensmodel"), ("cameramodel", "model")
_IS_FISHEYE = ("fisheyemodel", "isfisheye")  # OpenCV: 0 or 1; nerfstudio: true or false
# Keys of lenses in camera files, in lower case, without _ and -.
KEYS = (*_VECTOR, *_NAMED, *_MODEL, *_PROJECTION, *_IS_FISHEYE)

# Names of models in lower case, letters and digits only. `rational`: with k4, k5, k6.
_PINHOLE = {"", "none", "pinhole", "simplepinhole", "perspective"}
_RATIONAL = {"rationalpolynomial", "rational", "fullopencv"}
_RADTAN = {"radtan", "plumbbob", "radialtangential", "brown", "brownconrady", "opencv"} | _RATIONAL
_FISHEYE = {"equidistant", "equi", "fisheye", "opencvfisheye", "kannalabrandt", "kannalabrandt4"}
# COLMAP: model -> names of its parameters, in order. f is both fx and fy, k is k1.
_COLMAP = {
    "SIMPLE_PINHOLE": "f cx cy",
    "PINHOLE": "fx fy cx cy",
    "SIMPLE_RADIAL": "f cx cy k1",
    "RADIAL": "f cx cy k1 k2",
    "OPENCV": "fx fy cx cy k1 k2 p1 p2",
    "FULL_OPENCV": "fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6",
    "OPENCV_FISHEYE": "fx fy cx cy k1 k2 k3 k4",
    "SIMPLE_RADIAL_FISHEYE": "f cx cy k1",
    "RADIAL_FISHEYE": "f cx cy k1 k2",
}
_READ = "read are radial-tangential (plumb_bob, radtan) and equidistant (fisheye)"


def lens(named: dict) -> Lens:
    """The Lens of a file's values, keys in lower case without _ and -. ValueError for a model that
    is not known, and for coefficients that are not those of the model."""
    model = _model(named)
    vectors = [name for name in _VECTOR if named.get(name) is not None]
    single = {n: number(named[n], n) for n in _NAMED if named.get(n) is not None}
    if len(vectors) + bool(single) > 1:
        both = ", ".join([*vectors, *single])
        raise ValueError(f"distortion is given more than once ({both}): keep one of them")
    if vectors:
        value = named[vectors[0]]
        if isinstance(value, dict) and "data" not in value:  # {"k1": ..., "k2": ...}
            return lens({**{k: v for k, v in named.items() if k != vectors[0]}, **_named_in(value)})
        if isinstance(value, dict):
            value = value["data"]
        return of_model(model, numbers(value, vectors[0]))
    if model in _FISHEYE:
        order = ("k1", "k2", "k3", "k4")
    else:
        order = _NAMED if model in _RATIONAL else _NAMED[:5]
    if other := [name for name, value in single.items() if value and name not in order]:
        raise ValueError(
            f"{', '.join(other)} is no coefficient of the model {model or 'radial-tangential'}; "
            'say the model, for example "distortion_model": "equidistant" or "rational_polynomial"'
        )
    values = [single.get(name, 0.0) for name in order]
    return of_model(model, values if single else [])


def of_model(model: str, coefficients: list[float]) -> Lens:
    """The Lens of a model's plain name and its coefficients in the order of OpenCV."""
    if model in _FISHEYE:
        if len(coefficients) not in (0, 4):
            raise ValueError(
                f"distortion: {len(coefficients)} numbers; equidistant has four, k1,k2,k3,k4"
            )
        return Lens("equidistant", tuple(coefficients))
    # More than eight: thin prisms and a tilted sensor, which are mostly 0.
    if len(coefficients) in (12, 14) and not any(coefficients[8:]):
        coefficients = coefficients[:8]
    if len(coefficients) not in (0, 4, 5, 8):
        raise ValueError(
            f"distortion: {len(coefficients)} numbers; expected four or five, k1,k2,p1,p2[,k3], or "
            "eight with k4,k5,k6"
        )
    if model in _PINHOLE - {""} and any(coefficients):
        raise ValueError(f"model {model} has no distortion, but the file gives {coefficients}")
    return Lens("radtan", tuple(coefficients))


def is_colmap(text: str) -> bool:
    """Whether a file is a list of cameras as COLMAP writes it."""
    lines = _lines(text)
    return bool(lines) and re.match(r"\d+\s+[A-Z_]+\s+\d+\s+\d+\s", lines[0] + " ") is not None


def colmap(text: str) -> tuple[np.ndarray, Lens, tuple[float, float]]:
    """K [3, 3], lens and (width, height) of a COLMAP cameras.txt with one kind of camera."""
    cameras = {tuple(line.split()[1:]) for line in _lines(text)}
    if len(cameras) > 1:
        raise ValueError(f"holds {len(cameras)} cameras: keep the line of the images' camera")
    model, width, height, *values = cameras.pop()
    if model not in _COLMAP:
        raise ValueError(f"model {model} is not read; read are {', '.join(_COLMAP)}")
    names = _COLMAP[model].split()
    if len(values) != len(names):
        order = ", ".join(names)
        raise ValueError(f"{model} has {len(names)} numbers ({order}), not {len(values)}")
    parameters = {name: number(value, name) for name, value in zip(names, values)}
    fx, fy = (parameters.get(name, parameters.get("f")) for name in ("fx", "fy"))
    # The center of the first pixel is (0.5, 0.5) there.
    k = np.array([[fx, 0, parameters["cx"] - 0.5], [0, fy, parameters["cy"] - 0.5], [0, 0, 1]])
    kind = "equidistant" if model.endswith("FISHEYE") else "rational"
    named = {name: parameters[name] for name in _NAMED if name in parameters}
    size = number(width, "width"), number(height, "height")
    return k, lens({"distortionmodel": kind, **named}), size


def number(value, name: str) -> float:
    """A finite number, or ValueError."""
    return numbers([value], name)[0]


def numbers(value, name: str) -> list[float]:
    """The finite numbers of a list, nested or not, row by row. ValueError for anything else."""
    flat = value if isinstance(value, list) else None
    if flat and all(isinstance(row, list) for row in flat):
        flat = [entry for row in flat for entry in row]
    try:
        if flat is None or any(isinstance(v, (bool, list, dict)) for v in flat):
            raise ValueError
        converted = [float(entry) for entry in flat]
    except (TypeError, ValueError, OverflowError):
        converted = [math.nan]
    if not all(map(math.isfinite, converted)):
        raise ValueError(f"{name}: expected finite numbers")
    return converted


def _model(named: dict) -> str:
    """The plain name of the model of a file's values; empty: not said."""
    said = [_plain(named[n]) for n in (*_MODEL, *_PROJECTION) if named.get(n) is not None]
    if any(named.get(name) for name in _IS_FISHEYE):
        said.append("fisheye")
    for name in said:
        if name not in _PINHOLE | _RADTAN | _FISHEYE:
            raise ValueError(f"model {name[:40]!r} is not read; {_READ}")
    # Kalibr names the projection, pinhole, beside the distortion.
    bent = [name for name in said if name not in _PINHOLE]
    if len({name in _FISHEYE for name in bent}) > 1:
        raise ValueError(f"two models, {' and '.join(bent)}: keep one of them")
    return (bent or said or [""])[0]


def _plain(value) -> str:
    return re.sub(r"[^a-z0-9]", "", str(value).lower())


def _named_in(values: dict) -> dict:
    plain = {_plain(key): value for key, value in values.items()}
    if unknown := set(plain) - set(_NAMED):
        raise ValueError(f"distortion: unknown {sorted(unknown)}; expected some of {_NAMED}")
    return plain


def _lines(text: str) -> list[str]:
    return [s for line in text.splitlines() if (s := line.strip()) and not s.startswith("#")]
