"""TODO docstring of aquanet_tf.inference.predict_all."""

from __future__ import annotations

import itertools
import pathlib
import statistics
import time
from collections.abc import Iterable
from typing import Callable

import aquanet_tf
from aquanet_tf import files, progress
from aquanet_tf.inference.writer import Writer
from aquanet_tf.media import color, depth_png, images, inputs, point_cloud, video

# Frames that decide the color range of a clip, spread over it.
_RANGE_FRAMES = 24


def predict_all(
    paths: Iterable[pathlib.Path],
    network: Callable,
    inverse_depth_max: float,
    out: pathlib.Path,
    colour_range: tuple[float, float] | None = None,
    formats: tuple[str, ...] = (),
    camera: point_cloud.Camera | None = None,
    moving: Callable | None = None,
) -> dict:
    """Predicts every path and writes the files named above.

    Args:
      paths: images and videos; a list, or an iterator whose end need not be known.
      network: function from uint8 [H, W, 3] to an object with `inverse_depth` [H, W].
      inverse_depth_max: upper bound of the network's inverse depth; fixes the 16-bit scale.
      out: directory to write to, made if needed.
      colour_range: inverse depths of the first and last color; None: measured, for all images
        together and for each video.
      formats: some of FORMATS; empty: npy, png16 and color for images, colors for videos.
      camera: for ply; default: EXIF.
      moving: for `moving`, see `Writer`.

    Returns the content of predictions.json.
    """
    scale = inverse_depth_max / depth_png.LEVELS
    options = (scale, colour_range, camera or point_cloud.Camera(), moving)
    writer = Writer(out, formats or ("npy", "png16", "color"), *options)
    written, failed, clips = [], [], []
    for path, name in progress.bar(
        inputs.named(paths), desc="predict", total=_length(paths), unit="input"
    ):
        try:
            if video.is_video(path):
                clip = Writer(out / name, formats, *options) if formats else None
                clips.append(_predict_clip(path, name, network, out, colour_range, clip))
                continue
            image = images.read_image(path)
            inverse_depth, milliseconds = _timed(network, image)
            writer.add(name, path, image, inverse_depth)
        except ValueError as error:
            failed.append({"input": str(path), "error": str(error)})
            continue
        size = {"height": image.shape[0], "width": image.shape[1]}
        entry = {"input": str(path), "name": name, **size, "milliseconds": milliseconds}
        written.append(entry)
    writer.finish()
    document = {
        "units": "inverse depth, relative: depth = 1 / inverse depth, up to one unknown scale",
        "png16_scale": scale,
        "colour_range": writer.colour_range if written else colour_range,
        "colour_map": color.INVERSE_DEPTH_MAP,
        "images": written,
        "videos": clips,
        "failed": failed,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
    }
    files.write(out / "predictions.json", document)
    return document


def _predict_clip(path, name, network, out, colour_range, writer) -> dict:
    """One video: its range from a few frames spread over it, then every frame in that range."""
    clip = video.probe(path)
    if colour_range is None:
        step = max(1, clip.frames // _RANGE_FRAMES)
        chosen = itertools.islice(video.frames(path), 0, None, step)
        colour_range = color.robust_range(_timed(network, frame)[0] for frame in chosen)
    if writer:
        writer.colour_range = colour_range
    times = []
    comment = "inverse depth, {}: {!r} to {!r}".format(color.INVERSE_DEPTH_MAP, *colour_range)
    target = out / f"{name}_color.mp4"
    with video.writing(target, clip.height, clip.width, clip.fps, comment) as append:
        for frame in progress.bar(
            video.frames(path), desc=path.name, total=clip.frames, unit="frame"
        ):
            inverse_depth, milliseconds = _timed(network, frame)
            append(color.color_inverse_depth(inverse_depth, *colour_range))
            if writer:
                writer.add(f"{len(times):06d}", path, frame, inverse_depth)
            times.append(milliseconds)
    return {
        "input": str(path),
        "name": name,
        **clip._asdict(),
        "frames": len(times),
        "colour_range": colour_range,
        "milliseconds": statistics.median(times),
    }


def _timed(network, image):
    start = time.perf_counter()
    inverse_depth = network(image).inverse_depth
    return inverse_depth, round(1000 * (time.perf_counter() - start), 2)


def _length(paths):
    return len(paths) if isinstance(paths, list) else None


def summary(document: dict) -> str:
    """What a person wants to know after the call, a few lines."""
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
    return "\n".join(lines) or "no image could be read"
