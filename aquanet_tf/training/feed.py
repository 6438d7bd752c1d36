"""What `fit` is fed: the batches of training and validation, and the masks cached for them."""

from __future__ import annotations

import pathlib

import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.data import pipeline
from aquanet_tf.runs import Run
from aquanet_tf.training import distribution, mask_cache
from aquanet_tf.training.schedule import Stretch


class Feed:
    """The data of a run under its strategy; each worker reads its share of every batch.

    Args:
        config: Config of the run.
        strategy: from `distribution.create`.
    """

    def __init__(self, config: Config, strategy: tf.distribute.Strategy):
        self.config = config
        self._strategy = strategy
        self._share = distribution.share(strategy)

    def training(self, stretch: Stretch, masks: list[pathlib.Path] | None):
        """The batches of a stretch, as `data.pipeline` describes them; `masks` from `masks`."""
        epochs = stretch.start, stretch.end
        return distribution.fed(
            self._strategy,
            pipeline.training_dataset(self.config, *epochs, masks, stretch.step, self._share),
        )

    def validation(self) -> dict:
        """`fit`'s arguments validation_data and validation_steps; none without --val_data_dir.

        Full batches on several replicas: a small last one would leave some replica without samples.
        """
        config, source = self.config, self.config.val_data_dir
        if not source:
            return {}
        several = self._strategy.num_replicas_in_sync > 1
        dataset = pipeline.validation_dataset(config, source, self._share if several else None)
        return {
            "validation_data": distribution.fed(self._strategy, dataset),
            "validation_steps": pipeline.validation_steps(config, source) if several else None,
        }

    def masks(self, frozen: Run | None, workdir: pathlib.Path) -> list[pathlib.Path] | None:
        """Directories of the cached static masks, which the chief makes; None without them.

        frozen: the stage-1 network that makes SPIMO masks. All workers call it: the others wait,
        then find the masks made. Raises ValueError and OSError as `mask_cache.prepare`.
        """
        if self.config.mask_source != "cached" or not frozen:
            return None
        chief = distribution.is_chief(self._strategy)
        if not chief:
            distribution.wait(self._strategy)
        folders = mask_cache.prepare(frozen, self.config, workdir)
        if chief:
            distribution.wait(self._strategy)
        return folders
