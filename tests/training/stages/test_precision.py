"""Mixed precision: backbones in half precision, everything that measures in float32."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.runs.checkpoint import Checkpoints
from aquanet_tf.training.stages import precision, stage_one
from tests.training.stages.test_stage import batch, make, moved, options, snapshot

HALVES = ("float16", "bfloat16")


@pytest.fixture(scope="module", params=("off", *HALVES))
def stage(request):
    return make(stage_one.StageOne, mixed_precision=request.param)


def gradients(stage):
    """Of the loss, all variables in one vector. float16 by way of a scaled loss, as in training."""
    scale = 2.0**10
    with tf.GradientTape() as tape:
        loss = scale * stage.objective(batch())[0]
    return np.concatenate([g.numpy().ravel() / scale for g in tape.gradient(loss, stage.trained)])


def test_geometry_and_losses_are_float32(stage):
    logits, beta = stage.aquanet(batch()["target"], batch()["grid"])
    vectors = stage.posenet(batch()["target_low"], batch()["references_low"])
    terms, watched, images = stage.forward(batch(), stage.networks)
    values = [logits, beta, vectors, *stage.ego_motion(batch(), stage.posenet), *watched.values()]
    values += [term.value for term in terms.values()] + tf.nest.flatten(images)
    assert {value.dtype for value in values} == {tf.float32}


def test_the_backbones_are_in_half_precision(stage):
    name = stage.config.mixed_precision
    expected = "float32" if name == "off" else name
    for network in (stage.aquanet, stage.posenet):
        kernel = network.residual[0].first.kernel
        features = tf.zeros([1, 4, 4, kernel.shape[2]])
        assert network.residual[0](features).dtype == expected
        clone = type(network).from_config(network.get_config())
        assert clone.compute_dtype == expected


def test_checkpoints_hold_float32(stage, tmp_path):
    networks = {"aquanet": stage.aquanet, "posenet": stage.posenet}
    optimizers = {"optimizer": stage.optimizer}
    Checkpoints(tmp_path, networks, optimizers).save(1)
    saved = tf.train.load_checkpoint(str(tmp_path / "checkpoints"))
    types = [
        saved.get_variable_to_dtype_map()[name]
        for name in saved.get_variable_to_dtype_map()
        if "kernel" in name or "bias" in name or "optimizer" in name
    ]
    assert len(types) > 40 and not {tf.float16, tf.bfloat16} & set(types)
    assert not {w.dtype for w in stage.aquanet.get_weights()} - {np.dtype(np.float32)}


def test_gradients_are_near_those_of_float32(stage):
    """bfloat16 has 8 bits, and an L1 loss turns the sign of pixels it has nearly right."""
    exact = gradients(make(stage_one.StageOne))
    rough = gradients(stage)
    cosine = exact @ rough / (np.linalg.norm(exact) * np.linalg.norm(rough))
    assert cosine > 0.9
    np.testing.assert_allclose(np.linalg.norm(rough), np.linalg.norm(exact), rtol=0.3)


def scaled(stage, initial_scale):
    """The stage of float16 with an optimizer that starts at a given scale."""
    optimizer = precision.build_optimizer(stage.trained, 1e-3)
    optimizer = tf.keras.mixed_precision.LossScaleOptimizer(optimizer, initial_scale=initial_scale)
    optimizer.build(stage.trained)
    stage.compile(optimizer=optimizer, jit_compile=False)
    return optimizer


def test_loss_scaling_does_not_change_the_step():
    plain, wrapped = (make(stage_one.StageOne, mixed_precision="float16") for _ in range(2))
    optimizer = scaled(wrapped, 2.0**10)
    assert float(precision.scaled(optimizer, tf.constant(1.0))) == 2.0**10
    wrapped.train_step(batch())
    variables = plain.trained
    values = np.split(gradients(plain), np.cumsum([int(tf.size(v)) for v in variables])[:-1])
    values = [tf.reshape(tf.constant(g), v.shape) for g, v in zip(values, variables)]
    plain.optimizer.apply_gradients(zip(values, variables))
    # Adam's first step is the sign of the gradient: where that is not rounding's, they agree.
    for a, b, gradient in zip(plain.trained, wrapped.trained, values):
        clear = np.abs(gradient) > 1e-4 * np.abs(gradient).max()
        np.testing.assert_allclose(a.numpy()[clear], b.numpy()[clear], atol=1e-5)


def test_a_step_that_overflows_is_left_out():
    stage = make(stage_one.StageOne, mixed_precision="float16")
    optimizer = scaled(stage, 1e30)
    before = snapshot(stage.aquanet)
    stage.train_step(batch())
    assert not any(moved(stage.aquanet, before))
    scale = float(precision.scaled(optimizer, tf.constant(1.0)))
    np.testing.assert_allclose(scale, 5e29, rtol=1e-6)


def test_only_float16_is_scaled():
    stage = make(stage_one.StageOne)
    for name in ("off", *HALVES):
        settings = options(mixed_precision=name)
        optimizer = precision.build_optimizer(stage.trained, 1e-3)
        optimizer = precision.with_loss_scale(optimizer, stage.trained, settings)
        assert precision.is_scaled(optimizer) == (name == "float16")
