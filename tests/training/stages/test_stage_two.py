"""Stage 2 on a batch made here: masks in the loss, boosting, the compared systems."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.losses import synthesis
from aquanet_tf.masks import spimo
from aquanet_tf.networks import build
from aquanet_tf.training.stages import precision, stage_one, stage_two
from tests.training.stages.test_stage import HEIGHT, WIDTH, batch, moved, options, snapshot


def make(stage=stage_two.StageTwo, boosting=True, **changes):
    settings = options(stage="2", **changes)
    tf.keras.utils.set_random_seed(3)
    aquanet, posenet = build.build_networks(settings)
    frozen = teacher = None
    if settings.mask == "spimo":
        frozen = spimo.source(build.build_depth_network(options()), settings)
    if boosting:
        teacher = build.build_depth_network(settings)
        teacher.set_weights(aquanet.get_weights())
    built = stage(settings, aquanet, posenet, frozen=frozen, teacher=teacher)
    built.compile(optimizer=precision.build_optimizer(built.trained, 1e-3), jit_compile=False)
    return built


def logs(stage, data=None):
    return {n: float(v) for n, v in stage.test_step(data or batch()).items()}


SYSTEMS = {
    "spimo": {},
    "boosted": {"spimo_source": "boosted"},
    "automask": {"mask": "automask"},
    "no mask": {"mask": "none"},
    "vplade": {"adaptive": False},
    "dirnet": {"head": "direct", "warp": "backward"},
    "backward levels": {"warp": "backward"},
    "three passes at two thirds": {"spimo_passes": 3, "spimo_resolution": 2 / 3},
}


def test_the_speed_loss_is_a_term_of_stage_two():
    stage = make(mask="none", boosting=False, speed_weight=2.0)
    shown, plain = logs(stage), logs(make(mask="none", boosting=False))
    assert shown["speed"] > 0 and "speed" not in plain
    np.testing.assert_allclose(shown["loss"], plain["loss"] + 2 * shown["speed"], rtol=1e-5)


QUICK = ("spimo", "dirnet")


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SYSTEMS],
)
def test_every_system_trains(name):
    stage = make(**SYSTEMS[name])
    before = snapshot(stage.aquanet), snapshot(stage.posenet)
    shown = stage.train_step(batch())
    assert all(np.isfinite(value) for value in shown.values())
    kernels = [m for m, w in zip(moved(stage.aquanet, before[0]), before[0]) if w.ndim == 4]
    assert all(kernels) and any(moved(stage.posenet, before[1]))
    assert 0 <= float(shown["static"]) <= 1


def test_teacher_and_frozen_network_are_not_trained():
    stage = make()
    stage.teacher_trained.assign(1.0)
    before = snapshot(stage.teacher)
    stage.train_step(batch())
    assert not any(moved(stage.teacher, before))
    trained = {id(variable) for variable in stage.trained}
    assert not trained & {id(variable) for variable in stage.teacher.variables}


def test_depth_alone_leaves_posenet():
    stage = make(stage_two.DepthAloneTwo)
    before = snapshot(stage.posenet)
    stage.train_step(batch())
    assert not any(moved(stage.posenet, before))


def test_masks_of_ones_give_stage_one():
    """A threshold nothing exceeds; and mask=none. Same weights, same loss as stage 1."""
    settings = options()
    tf.keras.utils.set_random_seed(3)
    one = stage_one.StageOne(settings, *build.build_networks(settings))
    expected = {n: float(v) for n, v in one.test_step(batch()).items()}
    for changes in ({"spimo_threshold": 1e9}, {"mask": "none"}):
        got = logs(make(**changes))
        assert got["static"] == 1 and got["boosting"] == 0
        for name, value in expected.items():
            np.testing.assert_allclose(got[name], value, rtol=1e-4, err_msg=name)


def test_everything_masked_costs_only_smoothness():
    stage = make(spimo_threshold=0.0, boosting_weight=0.0, boosting=False)
    got = logs(stage)
    assert got["static"] == got["photometric"] == 0
    np.testing.assert_allclose(got["loss"], 0.1 * got["smoothness"], rtol=1e-5)
    shown = stage.train_step(batch())
    assert np.isfinite(float(shown["loss"]))


def test_masked_pixels_of_the_references_do_not_matter():
    """Spoil what the given masks take out: the photometric loss stays."""
    static = np.ones((2, HEIGHT, WIDTH, 1), np.float32)
    static[:, 8:20, 12:30] = 0
    data = batch()
    data["target_mask"] = tf.ones_like(tf.constant(static))
    data["reference_masks"] = tf.constant(np.stack([static, static], axis=1))
    stage = make(mask="spimo")
    before = logs(stage, data)
    spoiled = dict(data)
    spoiled["references"] = data["references"] + 9 * (1 - data["reference_masks"])
    after = logs(stage, spoiled)
    np.testing.assert_allclose(after["photometric"], before["photometric"], rtol=1e-5)
    del spoiled["target_mask"], spoiled["reference_masks"]
    unmasked = logs(make(mask="none"), spoiled)
    assert unmasked["photometric"] > 1.5 * before["photometric"]


def test_cached_masks_equal_those_made_here_on_the_whole_image():
    stage, data = make(), batch()
    online = stage.masks(data, None, None, None)
    assert online.target.shape == (2, HEIGHT, WIDTH, 1)
    assert online.references.shape == (2, 2, HEIGHT, WIDTH, 1)
    each = [
        spimo.masks(stage.frozen, image, data["grid"], data["intrinsics"], stage.config)
        for image in (data["target"], data["references"][:, 0], data["references"][:, 1])
    ]
    # A dispersion next to the threshold may fall on either side in another batch size.
    assert np.mean(online.target.numpy() != each[0].numpy()) < 0.01
    assert np.mean(online.references.numpy() != np.stack(each[1:], axis=1)) < 0.01
    cached = {**data, "target_mask": online.target, "reference_masks": online.references}
    np.testing.assert_allclose(logs(stage, cached)["loss"], logs(stage)["loss"], rtol=1e-5)


def test_perceptual_term_sees_the_masked_composite(monkeypatch):
    stage = make(perceptual_weight=0.5, vgg19_weights="random")
    seen = []
    original = synthesis.perceptual
    monkeypatch.setattr(
        synthesis,
        "perceptual",
        lambda f, view, truth, weight: seen.append(weight) or original(f, view, truth, weight),
    )
    images = stage.forward(batch(), stage.networks).images
    assert len(seen) == 2
    for weight, expected in zip(seen, images["weights"]):
        np.testing.assert_array_equal(weight, expected)


def test_boosting_begins_with_the_second_epoch():
    stage = make(boosting_weight=0.5, spimo_threshold=1e-4)
    assert logs(stage)["boosting"] == 0
    stage.teacher_trained.assign(1.0)
    stage.teacher.set_weights([1.05 * w for w in stage.teacher.get_weights()])
    got = logs(stage)
    assert got["boosting"] > 0
    expected = got["photometric"] + 0.1 * got["smoothness"] + 0.5 * got["boosting"]
    np.testing.assert_allclose(got["loss"], expected, rtol=1e-5)


def test_spimo_without_a_frozen_network_is_an_error():
    settings = options(stage="2")
    with pytest.raises(ValueError, match="frozen network"):
        stage_two.StageTwo(settings, *build.build_networks(settings))
