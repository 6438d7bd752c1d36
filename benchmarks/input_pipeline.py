"""Measures images per second of our input pipeline alone (three full-size images per triplet):

python -m benchmarks.input_pipeline --data_dir DIR --crop_height 192 --crop_width 640
"""

from __future__ import annotations

import dataclasses
import os
import time

from absl import flags

from aquanet_tf import cli
from aquanet_tf.config import command_line
from aquanet_tf.config.options import Config
from aquanet_tf.data import manifest, pipeline

# Batches before the clock starts: tracing, opening files, filling the first shuffle window.
_WARM_UP = 4


def measure(config: Config, steps: int) -> dict:
    """Runs `steps` batches after a warm-up.

    Returns triplets and images per second of wall time, and processor milliseconds per triplet,
    which hardly depend on other load of the machine.
    """
    config = dataclasses.replace(config, steps_per_epoch=_WARM_UP + steps)
    batches = iter(pipeline.training_dataset(config, 0, 1))
    for _ in range(_WARM_UP):
        next(batches)
    clock, processor = time.perf_counter(), time.process_time()
    for _ in batches:
        pass
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    triplets = steps * config.batch_size
    return {
        "triplets_per_second": triplets / clock,
        "images_per_second": 3 * triplets / clock,
        "processor_ms_per_triplet": 1e3 * processor / triplets,
    }


def main(argv):
    """Measures with all augmentation and without any, on the same records."""
    del argv
    config = command_line.from_flags()
    info = manifest.read(config.data_dir)
    print(
        f"{info['image_format']} {info['image_height']}x{info['image_width']} -> "
        f"{config.crop_height}x{config.crop_width}, batch {config.batch_size}, "
        f"{os.cpu_count()} cores"
    )
    plain = {"flip": False, "time_reversal": False, "photometric": False, "depth_scaling": "none"}
    for name, changes in (("augmented", {}), ("whole frames, not augmented", plain)):
        result = measure(dataclasses.replace(config, **changes), flags.FLAGS.steps)
        print(
            f"{name}: {result['images_per_second']:.0f} images/s "
            f"({result['triplets_per_second']:.1f} triplets/s, "
            f"{result['processor_ms_per_triplet']:.1f} ms of processor time per triplet)"
        )


if __name__ == "__main__":
    command_line.define_flags()
    flags.DEFINE_integer("steps", 40, "Batches measured.", lower_bound=1)
    cli.run(main)
