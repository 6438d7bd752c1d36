"""Stages on a batch made here: what learns, what the losses are, replicas, bad numbers."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.geometry import camera
from aquanet_tf.losses import objective, speed
from aquanet_tf.networks import build, estimate
from aquanet_tf.training.stages import kick_start, precision, stage_one
from aquanet_tf.training.stages.stage import Outputs, Stage
from tests.support.commands import ROOT

SMALL = {
    "width": 0.0625,
    "levels": 5,
    "pose_network_width": 0.125,
    "perceptual_weight": 0.0,
    "vgg19_weights": "none",
    "warp_impl": "streaming",
}
HEIGHT, WIDTH = 32, 48
TWO_REPLICAS = """
import numpy as np, tensorflow as tf
from aquanet_tf.losses.speed import speed_loss
from aquanet_tf.training.stages import stage
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

def of_replica():
    index = tf.distribute.get_replica_context().replica_id_in_sync_group
    gradient = tf.gather([[0.6, 0.0], [1.2, 2.4]], index)
    clipped = stage._clipped([gradient], 1.0, tf.norm(gradient))
    distances = tf.gather([[[1.0, 2.0]], [[-1.0, -1.0]]], index)
    return clipped[0], speed_loss(tf.ones([1, 2, 3]), distances)

gradients, losses = strategy.run(tf.function(of_replica))
total = sum(gradients.values).numpy()
np.testing.assert_allclose(total, [0.6, 0.8], rtol=1e-6)
alone = speed_loss(tf.ones([1, 2, 3]), tf.constant([[1.0, 2.0]]))[0]
np.testing.assert_allclose(sum(losses.values)[0] / 2, alone, rtol=1e-6)
with strategy.scope():  # where callbacks of `fit` run
    assert speed_loss(tf.ones([1, 2, 3]), tf.constant([[1.0, 2.0]]))[0] == alone
"""


def options(**changes):
    return Config(**{**SMALL, **changes})


def batch(size=2, seed=0, resize=1.0):
    rng = np.random.default_rng(seed)
    frames = tf.constant(rng.random((size, 3, HEIGHT, WIDTH, 3)), tf.float32)
    k = np.array([[30.0, 0, 23], [0, 30.0, 15], [0, 0, 1]], np.float32)
    grid = camera.positional_grid(HEIGHT, WIDTH)
    return {
        "target": frames[:, 1],
        "references": tf.stack([frames[:, 0], frames[:, 2]], axis=1),
        "target_low": frames[:, 1],
        "references_low": tf.stack([frames[:, 0], frames[:, 2]], axis=1),
        "intrinsics": tf.constant(np.tile(k, (size, 1, 1))),
        "grid": tf.repeat(grid[None], size, axis=0),
        "resize": tf.fill([size], resize),
        "distances": tf.constant([[1.0, 2.0], [-1.0, 0.5]] * size)[:size],
        "key": tf.constant(["a"] * size),
    }


def make(stage, **changes):
    settings = options(**changes)
    tf.keras.utils.set_random_seed(3)
    built = stage(settings, *build.build_networks(settings))
    built.compile(optimizer=precision.build_optimizer(built.trained, 1e-3), jit_compile=False)
    return built


def snapshot(network):
    return [w.copy() for w in network.get_weights()]


def moved(network, before):
    return [not np.array_equal(a, b) for a, b in zip(network.get_weights(), before)]


def test_validation_means_are_over_the_batches_there_are():
    """Also where their number is found out only at the end of the data."""

    class Simple(Stage):
        terms, watched = ("photometric",), ()

        def forward(self, batch, networks):
            return Outputs(objective.terms(self.config, photometric=batch["resize"]), {}, {})

    stage = Simple(options(), None, None)
    stage.compile(optimizer="sgd", jit_compile=False)
    data = tf.data.Dataset.from_tensor_slices({"resize": [1.0, 2.0, 6.0]})
    data = data.filter(lambda row: row["resize"] > 0).batch(1)
    for _ in range(2):
        logs = stage.evaluate(data, return_dict=True, verbose=0)
        np.testing.assert_allclose(logs["loss"], 3.0, rtol=1e-6)


def test_kickstart_trains_posenet_alone():
    stage = make(kick_start.KickStart)
    depth, pose = snapshot(stage.aquanet), snapshot(stage.posenet)
    logs = stage.train_step(batch())
    assert not any(moved(stage.aquanet, depth))
    kernels = [m for m, w in zip(moved(stage.posenet, pose), pose) if w.ndim == 4]
    assert all(kernels)
    assert float(logs["loss"]) > 0


def test_the_kickstart_of_a_trained_network_goes_by_its_depth():
    """And scales ego-motion as the later stages do; the depth network gets no gradient."""
    stage = make(kick_start.KickStart, init_from="trained")
    data = batch(resize=2.0)
    depth = estimate.of_network(stage.aquanet, stage.config)
    found = stage.forward(data, stage.networks)
    np.testing.assert_allclose(
        found.images["inverse_depth"],
        depth(data["target"], data["grid"], data["intrinsics"]),
        rtol=1e-6,
    )
    later = make(stage_one.StageOne, warp="backward")
    for name in ("aquanet", "posenet"):
        getattr(later, name).set_weights(getattr(stage, name).get_weights())
    views = later.forward(data, later.networks).images["views"]
    np.testing.assert_allclose(found.images["views"][0], views[0], atol=1e-6)
    before = snapshot(stage.aquanet), snapshot(stage.posenet)
    stage.train_step(data)
    assert not any(moved(stage.aquanet, before[0])) and any(moved(stage.posenet, before[1]))


def test_the_kickstart_of_a_partly_trained_network_goes_by_the_ramp():
    """What --init_partial left out starts at random, so its depth says nothing."""
    stage = make(kick_start.KickStart, init_from="trained", init_partial=True)
    data = batch()
    ramp = kick_start.naive_inverse_depth(data["grid"], stage.config)
    found = stage.forward(data, stage.networks).images["inverse_depth"]
    np.testing.assert_array_equal(found, ramp)


@pytest.mark.parametrize(
    "stage, trains_pose", [(stage_one.StageOne, True), (stage_one.DepthAlone, False)]
)
def test_stage_one_trains_what_it_says(stage, trains_pose):
    stage = make(stage)
    depth, pose = snapshot(stage.aquanet), snapshot(stage.posenet)
    stage.train_step(batch())
    # The deepest bias may stay: everything with a kernel must move, the beta head included.
    assert all(m for m, w in zip(moved(stage.aquanet, depth), depth) if w.ndim == 4)
    assert any(moved(stage.posenet, pose)) == trains_pose


@pytest.mark.parametrize("stage", [kick_start.KickStart, stage_one.StageOne])
def test_the_speed_loss_is_a_term_of_the_translation_before_scaling(stage):
    built = make(stage, speed_weight=3.0)
    found = {}
    for resize in (0.5, 2.0):
        data = batch(resize=resize)
        loss, found[resize] = built.objective(data)
        weights = {"photometric": 1.0, "smoothness": 0.1, "speed": 3.0}
        total = sum(w * found[resize].get(name, 0.0) for name, w in weights.items())
        np.testing.assert_allclose(loss, total, rtol=1e-5)
    translation = built.ego_motion(data, built.posenet).translation
    expected = tf.reduce_mean(speed.speed_loss(translation, data["distances"]))
    np.testing.assert_allclose([found[0.5]["speed"], found[2.0]["speed"]], expected, rtol=1e-5)
    assert expected > 0.1


def test_a_run_without_speed_loss_has_no_term_for_it():
    assert "speed" not in make(kick_start.KickStart).means


def test_naive_depth_is_the_whole_images_ramp():
    settings = options(kickstart_ramp=0.5)
    grid = camera.positional_grid(11, 5)[None]
    ramp = kick_start.naive_inverse_depth(grid, settings).numpy()[0, :, 0, 0]
    np.testing.assert_allclose(ramp[[0, -1]], [0.005, 0.15], rtol=1e-5)
    crop = kick_start.naive_inverse_depth(grid[:, 4:7], settings).numpy()[0, :, 0, 0]
    np.testing.assert_allclose(crop, ramp[4:7])


def test_loss_is_the_weighted_sum_of_its_terms():
    stage = make(stage_one.StageOne, smoothness_weight=0.3)
    logs = {name: float(value) for name, value in stage.test_step(batch()).items()}
    np.testing.assert_allclose(
        logs["loss"], logs["photometric"] + 0.3 * logs["smoothness"], rtol=1e-5
    )
    assert set(logs) == set(stage.means)


def test_perceptual_term_joins_the_loss():
    stage = make(stage_one.StageOne, perceptual_weight=0.5, vgg19_weights="random")
    logs = {name: float(value) for name, value in stage.test_step(batch()).items()}
    assert logs["perceptual"] > 0
    np.testing.assert_allclose(
        logs["loss"],
        logs["photometric"] + 0.5 * logs["perceptual"] + 0.1 * logs["smoothness"],
        rtol=1e-5,
    )


def test_depth_scaling_changes_the_warp_with_the_resize_factor():
    losses = {}
    for rule in ("proportional", "invariant", "inverse"):
        stage = make(stage_one.StageOne, depth_scaling=rule)
        # A PoseNet that moves: its head starts near zero.
        stage.posenet.head.set_weights([50 * w for w in stage.posenet.head.get_weights()])
        losses[rule] = float(stage.test_step(batch(resize=1.5))["photometric"])
    assert len({round(value, 7) for value in losses.values()}) == 3


def test_a_bad_number_stops_before_the_update():
    stage = make(stage_one.StageOne)
    bad = batch()
    bad["references"] *= np.nan
    before = snapshot(stage.aquanet)
    with pytest.raises(tf.errors.InvalidArgumentError, match="photometric loss is not finite"):
        stage.train_step(bad)
    assert not any(moved(stage.aquanet, before))


@pytest.mark.parametrize("scale, words", [(0.0, "gradient is not"), (np.nan, "loss is not")])
def test_a_graph_stops_before_the_update_too(scale, words):
    """The root of 0 has a finite value, and a gradient that is not."""

    class Root(kick_start.KickStart):
        watched = ()

        def forward(self, batch, networks):
            motion = networks.posenet(batch["target_low"], batch["references_low"])
            motion *= batch["resize"][:, None, None]
            error = tf.sqrt(tf.reduce_mean(motion**2, axis=[1, 2]))
            return Outputs(objective.terms(self.config, photometric=error), {}, {})

    stage = make(Root)
    before = snapshot(stage.posenet)
    samples = {name: value for name, value in batch(resize=scale).items() if name != "key"}
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        stage.fit(tf.data.Dataset.from_tensors(samples), verbose=0)
    assert not any(moved(stage.posenet, before))


def test_steps_of_one_execution_are_those_of_several():
    """In a stage without warp: what is compared is how often `fit` calls a step."""

    class Still(kick_start.KickStart):
        watched = ()

        def forward(self, batch, networks):
            motion = networks.posenet(batch["target_low"], batch["references_low"])
            error = tf.reduce_mean((motion - 0.1) ** 2, axis=[1, 2])
            return Outputs(objective.terms(self.config, photometric=error), {}, {})

    histories = []
    for count in (1, 2):
        stage = make(Still)
        stage.compile(stage.optimizer, jit_compile=False, steps_per_execution=count)
        samples = {name: value for name, value in batch(3).items() if name != "key"}
        data = tf.data.Dataset.from_tensor_slices(samples).batch(1)
        # The third validation batch has no second one to go with.
        fitted = stage.fit(data.repeat(), steps_per_epoch=4, validation_data=data, verbose=0)
        histories.append(fitted.history)
    assert len(histories[0]["val_loss"]) == 1
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-4, err_msg=name)


def test_clipping_bounds_the_step_of_sgd():
    stage = make(stage_one.StageOne, clip_norm=1e-6)
    stage.optimizer = tf.keras.optimizers.SGD(1.0)
    before = snapshot(stage.aquanet)
    stage.train_step(batch())
    total = sum(np.sum((a - b) ** 2) for a, b in zip(stage.aquanet.get_weights(), before))
    assert 0 < np.sqrt(total) <= 1.01e-6


def test_clipping_and_speed_of_two_replicas_are_those_of_one():
    """The sum of all gradients is clipped; distances that one replica lacks weaken nothing."""
    # Logical CPUs must be split before TensorFlow starts, hence the process.
    subprocess.run([sys.executable, "-c", TWO_REPLICAS], cwd=ROOT, check=True)
