"""The workdir: networks built from its config, checkpoints written and read.

Variables are stored under names of our own (tf.train.Checkpoint over a dictionary), never as
pickled layers: a checkpoint loads into networks built by this code, on either Keras, and runs
nothing. A checkpoint holds both networks, both optimizers and the number of finished epochs.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import tensorflow as tf

from aquanet_tf import camera, json_file
from aquanet_tf.aquanet import AQUANet
from aquanet_tf.config import Config
from aquanet_tf.posenet import PoseNet

CONFIG_FILE = "config.json"
RUN_FILE = "run.json"


@dataclasses.dataclass(frozen=True)
class Run:
    """A loaded workdir: networks with restored weights, what they were trained with and on.

    data: image_height, image_width (pixels the network works at: those of the stored training
        images, or of the crop for depth_scaling=none) and focal (fx / width, fy / height).
    """

    config: Config
    aquanet: AQUANet
    posenet: PoseNet
    epoch: int
    data: dict[str, Any]


def build_networks(config):
    """(AQUANet, PoseNet) of a config, with weights created."""
    aquanet = build_depth_network(config)
    posenet = PoseNet(width=config.pose_network_width, form=config.pose_form)
    posenet(tf.zeros([1, 64, 64, 3]), tf.zeros([1, 1, 64, 64, 3]))
    return aquanet, posenet


def build_depth_network(config):
    """The depth network of a config alone, with weights created. `head=direct` has one output
    and no quantisation, so neither levels nor beta."""
    adaptive_head = config.head == "adaptive"
    aquanet = AQUANet(
        width=config.width,
        levels=config.levels if adaptive_head else 1,
        beta_max=config.beta_max,
        adaptive=config.adaptive and adaptive_head,
        focal_planes=config.focal_planes,
        activation=config.activation,
        encoder=config.encoder,
    )
    grid = camera.positional_grid(64, 64)[None]
    aquanet(tf.zeros([1, 64, 64, 3]), grid, tf.eye(3)[None])
    return aquanet


def build_optimizer(variables, learning_rate):
    """Adam with its slots created, so that a checkpoint can be restored into it."""
    optimizer = tf.keras.optimizers.Adam(learning_rate)
    optimizer.build(variables)
    return optimizer


class Checkpoints:
    """Saves and restores the whole state of a training run.

    Args:
        workdir: directory of the run; checkpoints go to workdir/checkpoints.
        networks: name -> network.
        optimizers: name -> optimizer, may be empty for inference.
        keep: newest checkpoints kept.
    """

    def __init__(self, workdir, networks, optimizers, keep=3):
        self.workdir = pathlib.Path(workdir)
        self.epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        weights = {name: _named_weights(network) for name, network in networks.items()}
        state = {name: _numbered(optimizer.variables) for name, optimizer in optimizers.items()}
        self._networks = tf.train.Checkpoint(epoch=self.epoch, **weights)
        self._checkpoint = tf.train.Checkpoint(epoch=self.epoch, **weights, **state)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(self.workdir / "checkpoints"), max_to_keep=keep
        )

    def restore(self):
        """Restores the newest checkpoint and returns its finished epochs; 0 if there is none."""
        path = self._manager.latest_checkpoint
        if not path:
            return 0
        try:
            status = self._networks.restore(path).expect_partial()
            status.assert_existing_objects_matched()
            # Not asserted: a run that goes on with more epochs may gain a phase and its optimizer.
            self._checkpoint.restore(path).expect_partial()
        except (AssertionError, ValueError, IndexError, tf.errors.OpError) as error:
            raise ValueError(
                f"{path}: does not fit the networks of {self.workdir / CONFIG_FILE} or is damaged "
                f"({str(error).splitlines()[0][:200]}). Remove it to go back to an older one"
            ) from error
        return int(self.epoch.numpy())

    def save(self, epoch):
        """Writes a checkpoint after `epoch` finished epochs (temporary files, then rename)."""
        self.epoch.assign(epoch)
        self._manager.save(checkpoint_number=epoch)


def load_run(workdir):
    """Loads the newest checkpoint of `workdir` as a `Run`.

    Raises ValueError naming the workdir or file that is missing or damaged.
    """
    workdir = pathlib.Path(workdir)
    if not workdir.is_dir():
        raise ValueError(f"--workdir={workdir}: no such directory")
    config = Config.load(workdir / CONFIG_FILE)
    try:
        data = json_file.read(workdir / RUN_FILE)["data"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{workdir / RUN_FILE}: missing or damaged ({error})") from error
    aquanet, posenet = build_networks(config)
    epoch = Checkpoints(workdir, {"aquanet": aquanet, "posenet": posenet}, {}).restore()
    if epoch == 0:
        raise ValueError(f"--workdir={workdir}: no checkpoint yet; has a first epoch finished?")
    return Run(config, aquanet, posenet, epoch, data)


def _named_weights(network):
    """Name within the network -> tf.Variable, the same names on Keras 2 and 3."""
    named = {}
    for weight in network.weights:
        path = getattr(weight, "path", weight.name).split(":")[0]
        named[path.split("/", 1)[1]] = tf_variable(weight)
    if len(named) != len(network.weights):
        raise RuntimeError(
            f"weights of {network.name} share names: a layer lacks a name of its own"
        )
    return named


def _numbered(variables):
    return {f"{i:05d}": tf_variable(variable) for i, variable in enumerate(variables)}


def tf_variable(variable):
    """The tf.Variable inside a Keras 3 variable; a Keras 2 variable is one already."""
    return variable.value if hasattr(variable, "path") else variable
