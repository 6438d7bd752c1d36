"""Measures whether cars stand on the road: the contact ratio of hand-labeled boxes.

    python -m aquanet_tf.contact --workdir RUN --boxes FILE.csv --root DIR --out FILE.json

The contact ratio is the median depth inside a car's box divided by that of the road just below: 1.0
to 1.15 for a car on the road, large for a hole. The ratio beside takes the road left or right of
the car, which a large hole covers less often. Neither needs a depth sensor or a scale
(aquanet_tf/cars/contact.py). Prints a table by source and by kind (moving, parked), and
writes it and the ratios of every box as JSON.

--masks also measures the SPIMO masks of a stage-1 run in the same boxes: the share of moving cars,
of parked cars and of all other pixels that they take. The --spimo_ flags try other masks.

--boxes is a CSV file with the header source,frame,left,top,right,bottom,kind. source is a folder of
numbered images or a video, below --root; frame is the number of the image, or of the video's frame
counted from 0; the edges are in pixels of the stored image, bottom where the tires meet the road.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from absl import flags

import aquanet_tf
from aquanet_tf import cli, files
from aquanet_tf.cars import boxes, contact
from aquanet_tf.cars import masks as car_masks
from aquanet_tf.config import Config, command_line, fields
from aquanet_tf.evaluation import model_entry

_MASK_OPTIONS = fields.named(Config, affects="masks")


def define_flags() -> None:
    """The flags of the command."""
    cli.define_path("workdir", None, "Directory of a training run, or a release.", required=True)
    cli.define_checkpoint()
    cli.define_path("boxes", None, "CSV file with the boxes of cars.", required=True)
    cli.define_path("root", None, "Folder that holds the sources of --boxes.", required=True)
    flags.DEFINE_integer("height", 0, "Working height; 0: the run's own (its --working_height).")
    cli.define_grid_shift()
    flags.DEFINE_bool("masks", False, "Also measure the run's SPIMO masks in the boxes.")
    command_line.define_overrides(_MASK_OPTIONS)
    cli.define_output("out", None, "JSON file to write.", required=True)


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    del argv
    options = flags.FLAGS
    if not options.masks:
        for name in _MASK_OPTIONS:
            if getattr(options, name) is not None:
                raise ValueError(f"--{name} is for --masks; give that, too, or leave it out")
    cars = boxes.read(options.boxes)
    boxes.check(cars, options.root)
    # TensorFlow is loaded only here, so that errors in flags and files are reported at once.
    from aquanet_tf.inference.checkpoint import Predictor
    from aquanet_tf.runs.run import load_run

    run = load_run(options.workdir, checkpoint=options.checkpoint, grid_shift=options.grid_shift)
    network = Predictor(run, options.height)
    masks = _masks(run, options) if options.masks else None

    def depth(image):
        return network.relative(image).inverse_depth

    rows = contact.measure(cars, options.root, depth, network.height)
    entry = model_entry.of(options.workdir, network)
    document = {
        "boxes": str(pathlib.Path(options.boxes).resolve()),
        "root": str(pathlib.Path(options.root).resolve()),
        "model": entry,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
        "groups": contact.summarize(rows),
        "rows": rows,
    }
    print(model_entry.line(entry))
    # Before the file: a disk that has become full must not cost the numbers.
    print(contact.table(document["groups"]), flush=True)
    files.write(options.out, document)
    if masks:
        document.update(masks(cars))
        files.write(options.out, document)
    print(f"written: {options.out}")


def _masks(run, options) -> Callable:
    """A function from the boxes to the part of the document about masks, which it prints, too.

    ValueError for a run that has no masks, and for a bad --spimo_ flag.
    """
    from aquanet_tf.inference.mask_scores import SpimoScore
    from aquanet_tf.masks import spimo

    if reason := spimo.unreadable(run.config):
        raise ValueError(
            f"--masks: --workdir={options.workdir} is {reason}, so its masks find nothing; give a "
            "stage-1 run that was trained on random crops"
        )
    config = command_line.overridden(run.config, _MASK_OPTIONS, options)
    score = SpimoScore(run, options.height, config)

    def measure(cars) -> dict:
        results = car_masks.measure(cars, options.root, score, score.threshold)
        print(car_masks.table(results, score.threshold), flush=True)
        used = {name: getattr(config, name) for name in _MASK_OPTIONS}
        return {"masks": results, "mask_options": used}

    return measure


if __name__ == "__main__":
    define_flags()
    cli.run(main)
