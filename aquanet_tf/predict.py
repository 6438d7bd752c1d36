"""Inverse depth of images and videos.

    python -m aquanet_tf.predict --model RUN|SAVED_MODEL|FILE.tflite --input WHAT --out DIR

WHAT is an image, a video, a folder, a pattern like 'photos/*.jpg', or - for paths on standard
input, one a line. For each NAME.jpg, at its size, --write chooses from
  npy    NAME.npy        float32 [H, W] inverse depth, relative (depth = 1 / it, up to one scale);
  png16  NAME_16bit.png  the same as uint16: inverse depth = value * scale, scale in the PNG's text;
  color  NAME_color.png  for the eye: one colour range for all images of the call, in its text;
  ply    NAME.ply        a point cloud; the camera comes from --intrinsics, --fov, or EXIF;
  moving NAME_moving.png  255 where something likely moves, else 0: the SPIMO mask of a stage-1
                         run, or of a SavedModel with the signature moving_objects.
A video gives NAME_color.mp4, one colour range for the whole clip; --write adds the files of each
frame in NAME/. predictions.json holds range, scale, units, sizes, milliseconds, and inputs that
could not be read: those are skipped, named, and make the exit code 1.
"""

from __future__ import annotations

import itertools
import pathlib
import statistics
import sys
import time
from collections.abc import Iterable
from typing import Callable

import numpy as np
from absl import flags
from PIL import Image, PngImagePlugin
from tqdm import tqdm

import aquanet_tf
from aquanet_tf import (
    artefact,
    cli,
    images,
    json_file,
    png16,
    pointcloud,
    sources,
    video,
    visualize,
)

FORMATS = ("npy", "png16", "color", "ply", "moving")
# Frames that decide the colour range of a clip, spread over it.
_RANGE_FRAMES = 24


def parse_range(text: str) -> tuple[float, float] | None:
    """'0.01,0.3' -> (0.01, 0.3); empty -> None. Raises ValueError naming the flag."""
    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not high > low:
        raise ValueError(f"--range={text}: expected two ascending numbers like 0.005,0.3")
    return low, high


def parse_write(text: str) -> tuple[str, ...]:
    """'npy,ply' -> ('npy', 'ply'); empty -> (). Raises ValueError naming the flag."""
    chosen = tuple(part.strip() for part in text.split(",") if part.strip())
    if unknown := set(chosen) - set(FORMATS):
        raise ValueError(f"--write={text}: unknown {sorted(unknown)}; choose from {FORMATS}")
    return chosen


class Writer:
    """Writes the files of single pictures.

    Args:
      out: directory, made if needed.
      formats: some of FORMATS.
      scale: inverse depth of one step of the 16-bit files.
      colour_range: inverse depths of the first and last colour; None: found by `finish`, from the
        2nd to the 98th percentile, the widest over all pictures written.
      camera: for point clouds.
      moving: function from uint8 [H, W, 3] to bool [H, W], for masks of what likely moves.
    """

    def __init__(
        self,
        out: pathlib.Path,
        formats,
        scale: float,
        colour_range,
        camera,
        moving: Callable | None,
    ):
        self.out, self.formats, self.scale = out, formats, scale
        self.colour_range, self.camera, self.moving = colour_range, camera, moving
        self._ranges, self._waiting = [], {}
        out.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, source: pathlib.Path, image, inverse_depth) -> None:
        """image: uint8 [H, W, 3]; inverse_depth: float32 [H, W]. ValueError without a camera."""
        if "ply" in self.formats:
            camera = self.camera.of(source, *image.shape[:2])
            pointcloud.write_ply(self.out / f"{name}.ply", 1 / inverse_depth, image, camera)
        if "png16" in self.formats:
            png16.write(self.out / f"{name}_16bit.png", inverse_depth, self.scale)
        if "npy" in self.formats:
            np.save(self.out / f"{name}.npy", inverse_depth.astype(np.float32))
        if "moving" in self.formats:
            mask = np.where(self.moving(image), 255, 0).astype(np.uint8)
            Image.fromarray(mask).save(self.out / f"{name}_moving.png")
        if "color" not in self.formats:
            return
        if self.colour_range:
            self._colour(name, inverse_depth)
            return
        self._ranges.append(visualize.robust_range([inverse_depth]))
        kept = name if "npy" in self.formats else f".{name}"
        self._waiting[name] = self.out / f"{kept}.npy"
        if "npy" not in self.formats:
            np.save(self._waiting[name], inverse_depth.astype(np.float32))

    def finish(self) -> None:
        """Colours the pictures that waited for the range."""
        if self._ranges:
            lows, highs = zip(*self._ranges)
            self.colour_range = min(lows), max(highs)
        for name, path in self._waiting.items():
            self._colour(name, np.load(path))
            if "npy" not in self.formats:
                path.unlink()

    def _colour(self, name, inverse_depth):
        text = PngImagePlugin.PngInfo()
        text.add_text("colour_range", "{!r},{!r}".format(*self.colour_range))
        text.add_text("colour_map", visualize.INVERSE_DEPTH_MAP)
        picture = visualize.colour_inverse_depth(inverse_depth, *self.colour_range)
        Image.fromarray(picture).save(self.out / f"{name}_color.png", pnginfo=text)


def predict_all(
    paths: Iterable[pathlib.Path],
    network: Callable,
    inverse_depth_max: float,
    out: pathlib.Path,
    colour_range: tuple[float, float] | None = None,
    formats: tuple[str, ...] = (),
    camera: pointcloud.Camera | None = None,
    moving: Callable | None = None,
) -> dict:
    """Predicts every path and writes the files named above.

    Args:
      paths: images and videos; a list, or an iterator whose end need not be known.
      network: function from uint8 [H, W, 3] to an object with `inverse_depth` [H, W].
      inverse_depth_max: upper bound of the network's inverse depth; fixes the 16-bit scale.
      out: directory to write to, made if needed.
      colour_range: inverse depths of the first and last colour; None: measured, for all images
        together and for each video.
      formats: some of FORMATS; empty: npy, png16 and color for images, colours for videos.
      camera: for ply; default: EXIF.
      moving: for `moving`, see `Writer`.

    Returns the content of predictions.json.
    """
    scale = inverse_depth_max / png16.LEVELS
    options = (scale, colour_range, camera or pointcloud.Camera(), moving)
    writer = Writer(out, formats or ("npy", "png16", "color"), *options)
    written, failed, clips = [], [], []
    for path, name in tqdm(sources.named(paths), "predict", _length(paths), unit="input"):
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
        "colour_map": visualize.INVERSE_DEPTH_MAP,
        "images": written,
        "videos": clips,
        "failed": failed,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
    }
    json_file.write(out / "predictions.json", document)
    return document


def _predict_clip(path, name, network, out, colour_range, writer) -> dict:
    """One video: its range from a few frames spread over it, then every frame in that range."""
    clip = video.probe(path)
    if colour_range is None:
        step = max(1, clip.frames // _RANGE_FRAMES)
        chosen = itertools.islice(video.frames(path), 0, None, step)
        colour_range = visualize.robust_range(_timed(network, frame)[0] for frame in chosen)
    if writer:
        writer.colour_range = colour_range
    times = []
    comment = "inverse depth, {}: {!r} to {!r}".format(visualize.INVERSE_DEPTH_MAP, *colour_range)
    target = out / f"{name}_color.mp4"
    with video.writing(target, clip.height, clip.width, clip.fps, comment) as append:
        for frame in tqdm(video.frames(path), path.name, clip.frames, unit="frame"):
            inverse_depth, milliseconds = _timed(network, frame)
            append(visualize.colour_inverse_depth(inverse_depth, *colour_range))
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
            f"colours: inverse depth {low:.4g} (dark, far) to {high:.4g} (bright, near), "
            "the same for all images of this call"
        )
    for clip in document["videos"]:
        low, high = clip["colour_range"]
        lines.append(
            f"{clip['input']}: {clip['frames']} frames, {clip['milliseconds']:.1f} ms per frame; "
            f"colours {low:.4g} to {high:.4g}, the same for the whole clip"
        )
    return "\n".join(lines) or "no image could be read"


def define_flags() -> None:
    """The flags of the command."""
    flags.DEFINE_string("workdir", "", "Directory of a training run; the same as --model.")
    flags.DEFINE_string("model", "", "A run, a SavedModel (or its versions), or a .tflite file.")
    flags.DEFINE_string("input", None, "Image, video, folder, pattern, or -.", required=True)
    flags.DEFINE_string("out", None, "Directory for the results.", required=True)
    flags.DEFINE_string("write", "", "npy,png16,color,ply,moving; empty: the first three.")
    flags.DEFINE_integer("height", 0, "Working height of a run; 0: the one it was trained for.")
    flags.DEFINE_string("range", "", "Colour range of inverse depth, low,high; empty: measured.")
    flags.DEFINE_string("intrinsics", "", "For ply: fx,fy,cx,cy in pixels, or a JSON file.")
    flags.DEFINE_float("fov", 0.0, "For ply: horizontal field of view in degrees.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    colour_range, formats = parse_range(options.range), parse_write(options.write)
    camera = pointcloud.parse_camera(options.intrinsics, options.fov)
    if bool(options.model) == bool(options.workdir):
        raise ValueError("give either --model or --workdir: what shall predict?")
    paths = sources.paths(options.input)
    out = pathlib.Path(options.out)
    if out.resolve() == pathlib.Path(options.input).resolve():
        raise ValueError("--out must not be the --input folder: results would be read as inputs")
    network = artefact.open_model(options.model or options.workdir, options.height)
    moving = network.moving() if "moving" in formats else None
    document = predict_all(
        paths, network, network.inverse_depth_max, out, colour_range, formats, camera, moving
    )
    print(summary(document))
    print(f"written: {out}")
    if failed := document["failed"]:
        for entry in failed:
            print(f"skipped: {entry['error']}", file=sys.stderr)
        count = len(failed) + len(document["images"]) + len(document["videos"])
        sys.exit(f"error: {len(failed)} of {count} images could not be predicted")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
