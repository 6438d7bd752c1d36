"""Predicts many images and videos and writes their files: what `aquanet_tf.predict` does."""

from __future__ import annotations

import itertools
import pathlib
import statistics
import time
from collections.abc import Iterable

import aquanet_tf
from aquanet_tf import files, progress
from aquanet_tf.inference.network import Network, Prediction
from aquanet_tf.inference.writer import Writer
from aquanet_tf.media import color, depth_png, inputs, point_cloud, video
from aquanet_tf.media.pictures import Pictures

_DEFAULT_FORMATS = ("npy", "png16", "color")
# Frames that decide the color range of a video, spread over it.
_RANGE_FRAMES = 24


def predict_all(
    paths: Iterable[pathlib.Path],
    network: Network,
    out: pathlib.Path,
    color_range: tuple[float, float] | None = None,
    formats: tuple[str, ...] = (),
    camera: point_cloud.Camera | None = None,
) -> dict:
    """Predicts every path and writes the files that `aquanet_tf.predict` lists.

    Args:
      paths: images and videos; a list, or an iterator of unknown length.
      network: the model; inverse depth is written in its relative units, point clouds and `depth`
        in meters where it has `metres_per_unit`.
      out: directory to write to, made if needed.
      color_range: inverse depths of the first and last color; None: measured, for all images
        together and for each video.
      formats: some of `writer.FORMATS`; empty: npy, png16 and color, for images only.
      camera: for ply; default: each image's EXIF. May ask to undistort the images first: then all
        files are those of the undistorted images, whose K is in predictions.json.

    Returns the content of predictions.json. Files that cannot be read are listed there as
    `failed`. Raises ValueError when `moving` is wanted from a network without it.
    """
    if "moving" in formats:
        network.require_moving()
    scale = network.inverse_depth_max / depth_png.LEVELS
    camera = camera or point_cloud.Camera()
    style = scale, color_range, camera, network.metres_per_unit
    writer = Writer(out, formats or _DEFAULT_FORMATS, *style)

    def frame_writer(name):
        return Writer(out / name, formats, *style) if formats else None

    entries = _predict_each(paths, network, Pictures(camera), writer, frame_writer)
    writer.finish()
    document = {  # the spelling of the keys is a contract
        "units": _units(network),
        "metres_per_unit": network.metres_per_unit,
        "png16_scale": scale,
        "colour_range": writer.color_range if entries["images"] else color_range,
        "colour_map": color.INVERSE_DEPTH_MAP,
        **entries,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
    }
    files.write(out / "predictions.json", document)
    return document


def _predict_each(paths, network, pictures, writer, frame_writer) -> dict[str, list[dict]]:
    """The entries `images`, `videos` and `failed` of predictions.json, their files written.

    writer: of images, and of the color videos; frame_writer: name of a video -> writer of its
    single frames, or None.
    """
    entries = {"images": [], "videos": [], "failed": []}
    for path, name in progress.bar(
        inputs.named(paths), desc="predict", total=_length(paths), unit="input"
    ):
        try:
            check_apart(path, writer.out)
            if video.is_video(path):
                writers = writer, frame_writer(name)
                entries["videos"].append(_predict_clip(path, name, network, pictures, writers))
            else:
                picture = pictures.read(path)
                entries["images"].append(_predict_image(picture, name, network, writer))
        except ValueError as error:
            text = str(error)  # what the network refuses does not name the file
            named = text if str(path) in text else f"{path}: {text}"
            entries["failed"].append({"input": str(path), "error": named})
    return entries


def check_apart(path: pathlib.Path, out: pathlib.Path) -> None:
    """ValueError for an input in the folder of the results: a second call would take results for
    inputs, and a result could replace a file that lies beside its image."""
    if path.resolve().parent == out.resolve():
        raise ValueError(f"{path}: lies in --out={out}; choose another folder for the results")


def _units(network: Network) -> str:
    """Unit of the files, in words. They hold the network's own units whatever its scale is."""
    if not network.metres_per_unit:
        return "inverse depth, relative: depth = 1 / inverse depth, up to one unknown scale"
    if network.metres_per_unit == 1:
        return "inverse depth, 1 / meters: depth = 1 / inverse depth"
    return "inverse depth, relative: depth in meters = metres_per_unit / inverse depth"


def _predict_image(picture, name, network, writer) -> dict:
    """One image: its files, and its entry in predictions.json."""
    prediction, milliseconds = _timed(network, picture.image)
    writer.add(name, picture, prediction)
    height, width = picture.image.shape[:2]
    entry = {"input": str(picture.source), "name": name, "height": height, "width": width}
    return {**entry, "milliseconds": milliseconds, **_camera_entry(picture)}


def _predict_clip(path, name, network, pictures, writers) -> dict:
    """One video: NAME_color.mp4, and its entry in predictions.json.

    writers: of the color video's folder, and of the single frames or None. Without a given color
    range, a first pass over a few frames measures it.
    """
    writer, frames = writers
    clip = pictures.probe(path)
    color_range = writer.color_range or _clip_range(pictures.frames(path), clip, network)
    if frames:
        frames.color_range = color_range
    times, picture = [], None
    comment = "inverse depth, {}: {!r} to {!r}".format(color.INVERSE_DEPTH_MAP, *color_range)
    target = writer.out / f"{name}_color.mp4"
    with video.writing(target, clip.height, clip.width, clip.fps, comment) as append:
        for picture in progress.bar(
            pictures.frames(path), desc=path.name, total=clip.frames, unit="frame"
        ):
            prediction, milliseconds = _timed(network, picture.image)
            append(color.color_inverse_depth(prediction.inverse_depth, *color_range))
            if frames:
                frames.add(f"{len(times):06d}", picture, prediction)
            times.append(milliseconds)
    return {
        "input": str(path),
        "name": name,
        **clip._asdict(),
        "frames": len(times),
        "colour_range": color_range,
        "milliseconds": statistics.median(times),
        **_camera_entry(picture),
    }


def _camera_entry(picture) -> dict:
    """K of an undistorted image."""
    return {"undistorted": {"K": picture.camera.k.tolist()}} if picture.camera else {}


def _clip_range(frames, clip, network) -> tuple[float, float]:
    step = max(1, clip.frames // _RANGE_FRAMES)
    chosen = itertools.islice(frames, 0, None, step)
    return color.robust_range(network.relative(picture.image).inverse_depth for picture in chosen)


def _timed(network, image) -> tuple[Prediction, float]:
    start = time.perf_counter()
    prediction = network.relative(image)
    return prediction, round(1000 * (time.perf_counter() - start), 2)


def _length(paths):
    return len(paths) if isinstance(paths, list) else None


def summary(document: dict) -> str:
    """A few lines for the user: number of inputs, times, color ranges."""
    lines = []
    times = [entry["milliseconds"] for entry in document["images"]]
    if times:
        first = f"first call {times[0]:.0f} ms, with set-up"
        typical = f"{statistics.median(times[1:]):.1f} ms per image, " if times[1:] else ""
        lines.append(f"{len(times)} images: {typical}{first}")
    if times and document["colour_range"]:
        low, high = document["colour_range"]
        lines.append(
            f"colors: inverse depth {low:.4g} (dark, far) to {high:.4g} (bright, near), "
            "the same for all images of this call"
        )
    for clip in document["videos"]:
        low, high = clip["colour_range"]
        lines.append(
            f"{clip['input']}: {clip['frames']} frames, {clip['milliseconds']:.1f} ms per frame; "
            f"colors {low:.4g} to {high:.4g}, the same for the whole clip"
        )
    return "\n".join(lines) or "nothing was predicted"
