"""The input pipeline's work as this field does it in PyTorch: files, PIL, a DataLoader.

The same frames, crops, whole frames, augmentation and batches as `aquanet_tf.data.pipeline` with
its defaults, drawn from random numbers of its own. Nothing in this file imports TensorFlow: workers
are started with a fresh interpreter, and their memory counts.
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import random

import numpy as np
import torch
from PIL import Image

from benchmarks import measure

FRAMES = ("previous", "target", "next")
_GAMMA, _BRIGHTNESS, _COLOR = (0.8, 1.2), (0.5, 2.0), (0.8, 1.2)  # of aquanet_tf.data.augmentation


class Triplets(torch.utils.data.Dataset):
    """Augmented triplets of a folder that `cases.input_pipeline.extract` wrote.

    Args:
        folder: NUMBER_FRAME files, and cameras.json with K of each triplet.
        crop, whole: (height, width) of the crops and of PoseNet's whole frames.
        resize: smallest and largest resize factor.
    """

    def __init__(self, folder, crop, whole, resize):
        self.folder = pathlib.Path(folder)
        self.cameras = json.loads((self.folder / "cameras.json").read_text())
        self.crop, self.whole, self.resize = crop, whole, resize

    def __len__(self):
        return len(self.cameras)

    def __getitem__(self, index):
        images = []
        for frame in FRAMES:
            with Image.open(self.folder / f"{index}_{frame}") as image:
                images.append(image.convert("RGB"))
        k = np.array(self.cameras[index], np.float32)
        width, height = images[0].size
        if random.random() < 0.5:
            images = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images]
            k[0, 2] = width - 1 - k[0, 2]
        if random.random() < 0.5:
            images.reverse()
        low = max(self.resize[0], self.crop[0] / height, self.crop[1] / width)
        factor = random.uniform(low, max(low, self.resize[1]))
        size = [max(round(factor * old), new) for old, new in zip((height, width), self.crop)]
        scale_y, scale_x = size[0] / height, size[1] / width
        top, left = (random.randint(0, a - b) for a, b in zip(size, self.crop))
        box = (left / scale_x, top / scale_y)
        box += ((left + self.crop[1]) / scale_x, (top + self.crop[0]) / scale_y)
        photometry = self._photometry()
        high = self._resampled(images, self.crop, box, photometry)
        whole = self._resampled(images, self.whole, None, photometry)
        k[0] *= scale_x
        k[1] *= scale_y
        k[0, 2] += 0.5 * scale_x - 0.5 - left
        k[1, 2] += 0.5 * scale_y - 0.5 - top
        lines = (
            2 * (np.arange(n, dtype=np.float32) + start) / (all_of_it - 1) - 1
            for n, start, all_of_it in zip(self.crop, (top, left), size)
        )
        v, u = np.meshgrid(*lines, indexing="ij")
        return {
            "target": high[1],
            "references": high[::2],
            "target_low": whole[1],
            "references_low": whole[::2],
            "intrinsics": torch.from_numpy(k),
            "grid": torch.from_numpy(np.stack([u, v])),
            "resize": torch.tensor(math.sqrt(scale_x * scale_y)),
            "worker": torch.tensor([float(os.getpid()), measure.peak() - _before]),
        }

    @staticmethod
    def _resampled(images, size, box, photometry):
        """[3, 3, height, width] in [0, 1]: PIL's antialiasing on bytes, then gamma and gain."""
        gamma, gain = photometry
        frames = [im.resize(size[::-1], Image.Resampling.BILINEAR, box=box) for im in images]
        values = torch.from_numpy(np.stack([np.asarray(frame) for frame in frames]))
        values = values.permute(0, 3, 1, 2).contiguous().float().div_(255)
        if gamma != 1:
            values.pow_(gamma)
        return values.mul_(gain[:, None, None]).clamp_(max=1)

    @staticmethod
    def _photometry():
        """Exponent, and gain of each channel, each part drawn with probability 1/2."""
        gamma = random.uniform(*_GAMMA) if random.random() < 0.5 else 1.0
        gain = torch.ones(3)
        if random.random() < 0.5:
            gain *= random.uniform(*_BRIGHTNESS)
        if random.random() < 0.5:
            gain *= torch.tensor([random.uniform(*_COLOR) for _ in range(3)])
        return gamma, gain


class Epochs:
    """So many passes over the triplets, each in random order, each time it is called.

    Workers stay between passes, as `persistent_workers` has it in training.
    """

    def __init__(self, triplets, batch_size, workers, epochs):
        self.epochs = epochs
        self.loader = torch.utils.data.DataLoader(
            triplets,
            batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            persistent_workers=True,
            worker_init_fn=_start_worker,
            # Not forked: TensorFlow's threads live in the process that measures.
            multiprocessing_context="spawn",
        )
        self._megabytes = {}

    def __call__(self):
        """The number of batches."""
        count = 0
        for _ in range(self.epochs):
            for batch in self.loader:
                count += 1
                self._megabytes.update(map(tuple, batch["worker"].tolist()))
        return count

    def more_megabytes(self):
        """Peaks of the workers so far, above their imports."""
        return sum(self._megabytes.values())


_before = 0.0


def _start_worker(number):
    del number
    global _before
    torch.set_num_threads(1)
    _before = measure.start_peak()
