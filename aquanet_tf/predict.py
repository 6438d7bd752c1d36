"""Inverse depth of an image, or of every image in a folder.

    python -m aquanet_tf.predict --workdir RUN --input IMAGE|FOLDER --out DIR [--range lo,hi]

For each NAME.jpg writes, at the size of the image,
  NAME.npy        float32 [H, W] inverse depth, relative units (depth = 1 / it, up to one scale);
  NAME_16bit.png  the same as uint16: inverse depth = value * scale, scale in the PNG's text;
  NAME_color.png  for the eye: one colour range for all images of the call, in the PNG's text;
and predictions.json: range, scale, units, sizes, milliseconds, and images that could not be read.
A bad image is skipped, named, and makes the exit code 1.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import time
from typing import Callable

import numpy as np
from absl import flags
from PIL import Image, PngImagePlugin
from tqdm import tqdm

import aquanet_tf
from aquanet_tf import cli, images, json_file, visualize

_LEVELS_16_BIT = 65535


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


def output_names(paths: list[pathlib.Path]) -> list[str]:
    """One name per input: its stem, or its full name where two inputs share a stem."""
    stems = [path.stem for path in paths]
    return [p.stem if stems.count(p.stem) == 1 else p.name for p in paths]


def write_png16(path, inverse_depth: np.ndarray, scale: float) -> None:
    """uint16 PNG with inverse depth = value * scale; the scale is in the PNG's text chunks."""
    values = np.clip(np.round(inverse_depth / scale), 0, _LEVELS_16_BIT).astype(np.uint16)
    text = PngImagePlugin.PngInfo()
    text.add_text("scale", repr(scale))
    text.add_text("meaning", "inverse depth = value * scale, relative units")
    Image.fromarray(values).save(path, pnginfo=text)


def read_png16(path) -> np.ndarray:
    """float32 [H, W] inverse depth from a file of `write_png16`."""
    with Image.open(path) as image:
        if "scale" not in image.info:
            raise ValueError(f"{path}: no scale in its PNG text; not a NAME_16bit.png of predict")
        return np.asarray(image).astype(np.float32) * np.float32(image.info["scale"])


def predict_all(
    paths: list[pathlib.Path],
    network: Callable,
    inverse_depth_max: float,
    out: pathlib.Path,
    colour_range: tuple[float, float] | None = None,
) -> dict:
    """Predicts every path and writes the files named above.

    Args:
      paths: image files.
      network: function from uint8 [H, W, 3] to an object with `inverse_depth` [H, W].
      inverse_depth_max: upper bound of the network's inverse depth; fixes the 16-bit scale.
      out: directory to write to, made if needed.
      colour_range: inverse depths of the first and last colour; None: from the 2nd to the 98th
        percentile, the widest over the images of this call.

    Returns the content of predictions.json.
    """
    out.mkdir(parents=True, exist_ok=True)
    scale = inverse_depth_max / _LEVELS_16_BIT
    written, failed, ranges = [], [], []
    for path, name in zip(tqdm(paths, desc="predict", unit="image"), output_names(paths)):
        try:
            image = images.read_image(path)
        except ValueError as error:
            failed.append({"input": str(path), "error": str(error)})
            continue
        start = time.perf_counter()
        inverse_depth = network(image).inverse_depth
        milliseconds = 1000 * (time.perf_counter() - start)
        np.save(out / f"{name}.npy", inverse_depth.astype(np.float32))
        write_png16(out / f"{name}_16bit.png", inverse_depth, scale)
        ranges.append(visualize.robust_range([inverse_depth]))
        written.append(
            {
                "input": str(path),
                "name": name,
                "height": image.shape[0],
                "width": image.shape[1],
                "milliseconds": round(milliseconds, 2),
            }
        )
    if colour_range is None and ranges:
        colour_range = min(low for low, _ in ranges), max(high for _, high in ranges)
    for entry in written:  # a second pass, since the range is known only now
        inverse_depth = np.load(out / f"{entry['name']}.npy")
        _write_colour(out / f"{entry['name']}_color.png", inverse_depth, colour_range)
    document = {
        "units": "inverse depth, relative: depth = 1 / inverse depth, up to one unknown scale",
        "png16_scale": scale,
        "colour_range": colour_range,
        "colour_map": visualize.INVERSE_DEPTH_MAP,
        "images": written,
        "failed": failed,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
    }
    json_file.write(out / "predictions.json", document)
    return document


def _write_colour(path, inverse_depth, colour_range) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("colour_range", f"{colour_range[0]!r},{colour_range[1]!r}")
    text.add_text("colour_map", visualize.INVERSE_DEPTH_MAP)
    picture = visualize.colour_inverse_depth(inverse_depth, *colour_range)
    Image.fromarray(picture).save(path, pnginfo=text)


def summary(document: dict) -> str:
    """What a person wants to know after the call, one or two lines."""
    times = [entry["milliseconds"] for entry in document["images"]]
    if not times:
        return "no image could be read"
    low, high = document["colour_range"]
    first = f"first call {times[0]:.0f} ms, with set-up"
    typical = f"{statistics.median(times[1:]):.1f} ms per image, " if times[1:] else ""
    return (
        f"{len(times)} images: {typical}{first}\n"
        f"colours: inverse depth {low:.4g} (dark, far) to {high:.4g} (bright, near), "
        "the same for all images of this call"
    )


def define_flags() -> None:
    """The flags of the command."""
    flags.DEFINE_string("workdir", None, "Directory of a training run.", required=True)
    flags.DEFINE_string("input", None, "An image, or a folder of images.", required=True)
    flags.DEFINE_string("out", None, "Directory for the results.", required=True)
    flags.DEFINE_integer("height", 0, "Working height; 0: the one the run was trained for.")
    flags.DEFINE_string("range", "", "Colour range of inverse depth, low,high; empty: measured.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    colour_range = parse_range(options.range)
    paths = images.list_images(options.input)
    out = pathlib.Path(options.out)
    if out.resolve() == pathlib.Path(options.input).resolve():
        raise ValueError("--out must not be the --input folder: results would be read as inputs")
    from aquanet_tf import predictor  # TensorFlow: only once the input is known to be there

    network = predictor.load(options.workdir, options.height)
    document = predict_all(paths, network, network.inverse_depth_max, out, colour_range)
    print(summary(document))
    print(f"written: {out}")
    if document["failed"]:
        for entry in document["failed"]:
            print(f"skipped: {entry['error']}", file=sys.stderr)
        sys.exit(f"error: {len(document['failed'])} of {len(paths)} images could not be read")


if __name__ == "__main__":
    define_flags()
    cli.run(main)
