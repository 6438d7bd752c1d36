"""The C++ operation agrees with the TensorFlow loop, whose gradients finite differences check."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.layers.warp import forward
from aquanet_tf.native import build, library
from tests.support.scenes import forward_warp, warp_inputs

needs_library = pytest.mark.skipif(
    not library.available(), reason="not built: python -m aquanet_tf.native.build"
)
MOTIONS = {
    "forward": [0.1, 0.05, 0.9, 0.0, 0.01, 0.0],
    "backward": [0.0, 0.0, -3.0, 0.0, 0.0, 0.0],
    "turning": [0.3, -0.1, 0.4, 0.1, 0.3, -0.2],
    "upwards": [0.0, 3.0, 0.0, 0.0, 0.0, 0.1],
    "turned around": [0.0, 0.0, 0.0, 0.0, np.pi, 0.0],
    "far aside": [1e6, 0.0, 0.0, 0.0, 0.0, 0.0],
}


def outputs_and_gradients(inputs, masks=None, **options):
    """A forward warp and the gradients of a fixed random weighting of its view."""
    with tf.GradientTape() as tape:
        tape.watch(inputs[:5])
        warped = forward_warp(*inputs, masks=masks, **options)
        weight = np.random.default_rng(1).normal(size=warped.view.shape)
        loss = tf.reduce_sum(warped.view * tf.constant(weight, warped.view.dtype))
    return [*warped, *tape.gradient(loss, inputs[:5])]


def assert_close(got, expected, tolerance=1e-4):
    """Largest difference against the largest value: float32 against float64, where random images
    and betas make positions count. The loop in float32 comes no closer."""
    for g, e in zip(map(np.asarray, got), map(np.asarray, expected)):
        assert g.shape == e.shape
        assert np.all(np.abs(g - e) <= tolerance * max(1.0, np.abs(e).max(initial=0.0)))


def in_float32(inputs):
    return [tf.cast(value, tf.float32) for value in inputs]


@needs_library
@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS.keys())
@pytest.mark.parametrize("batch", [1, 3])  # one image in bands, images side by side
def test_equals_the_loop(motion, batch):
    inputs = warp_inputs(motion=motion, batch=batch, height=20, width=31, levels=9)
    masks = tf.concat([inputs[0][..., :2] ** 2, 1 - inputs[0][..., :1]], axis=-1)
    expected = outputs_and_gradients(inputs, masks, implementation="streaming")
    masks = tf.cast(masks, tf.float32)
    got = outputs_and_gradients(in_float32(inputs), masks, implementation="native")
    assert_close(got, expected)


@needs_library
@pytest.mark.parametrize("levels", [2, 16, 17, 257])
def test_any_number_of_levels(levels):
    inputs = warp_inputs(height=5, width=6, levels=levels)
    got = outputs_and_gradients(in_float32(inputs), implementation="native")
    assert_close(got, outputs_and_gradients(inputs, implementation="streaming"))


@needs_library
@pytest.mark.parametrize("channels", [1, 4, 5])
def test_any_number_of_channels(channels):
    inputs = warp_inputs()
    inputs[0] = tf.tile(inputs[0], [1, 1, 1, 2])[..., :channels]
    got = outputs_and_gradients(in_float32(inputs), implementation="native")
    assert_close(got, outputs_and_gradients(inputs, implementation="streaming"))


@needs_library
def test_an_image_that_is_data_gets_no_gradient():
    inputs = in_float32(warp_inputs())
    expected = outputs_and_gradients(inputs, implementation="native")
    got = outputs_and_gradients(inputs, implementation="native", image_gradient=False)
    assert not got[3].numpy().any() and expected[3].numpy().any()
    for index in (0, 1, 4, 5, 6, 7):
        np.testing.assert_array_equal(got[index], expected[index])


@needs_library
@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_same_bits_every_time(batch):
    inputs = in_float32(warp_inputs(batch=batch, height=40, width=60, levels=13))
    first = outputs_and_gradients(inputs, implementation="native")
    for _ in range(5):
        for a, b in zip(outputs_and_gradients(inputs, implementation="native"), first):
            np.testing.assert_array_equal(a, b)


@needs_library
def test_saturated_logits_and_extreme_poses_stay_finite():
    for motion in ([0, 0, -1000, 0, 0, 0], [0, 0, 0, 1.5708, 0, 0], [0.1, 0, 0.9, 0, 0, 0]):
        inputs = warp_inputs(motion=motion, dtype=tf.float32)
        inputs[1] *= 1e4
        for value in outputs_and_gradients(inputs, implementation="native"):
            assert np.isfinite(value).all()


@needs_library
@pytest.mark.parametrize("index", range(7))
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_inf_do_not_crash(index, bad):
    """Whatever comes out, nothing is read or written outside the arrays."""
    inputs = warp_inputs(dtype=tf.float32, batch=1)
    inputs[index] = tf.fill(inputs[index].shape, tf.constant(bad, tf.float32))
    outputs_and_gradients(inputs, implementation="native")


@needs_library
def test_auto_takes_it_for_float32_alone():
    assert forward.chosen_implementation(tf.float32) in ("native", "xla")
    if not tf.config.list_physical_devices("GPU"):
        assert forward.chosen_implementation(tf.float32) == "native"
    assert forward.chosen_implementation(tf.float64) == "xla"


@needs_library
def test_shapes_that_do_not_fit_are_refused():
    inputs = in_float32(warp_inputs())
    inputs[2] = inputs[2][:, :-1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="do not fit"):
        forward_warp(*inputs, implementation="native")


def test_asked_for_but_not_built(monkeypatch):
    monkeypatch.setattr(library, "operations", lambda: None)
    with pytest.raises(ValueError, match="aquanet_tf.native.build"):
        forward_warp(*in_float32(warp_inputs()), implementation="native")


def test_a_change_of_the_sources_asks_for_a_new_build(monkeypatch, tmp_path):
    before = library.path().name
    for path in library.SOURCES.glob("*.[hc]*"):
        (tmp_path / path.name).write_bytes(path.read_bytes() + b"\n")
    monkeypatch.setattr(library, "SOURCES", tmp_path)
    monkeypatch.setattr(library, "BUILT", tmp_path)
    assert library.path().name != before


def test_without_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "SOURCES", tmp_path)
    monkeypatch.setattr(library, "BUILT", tmp_path)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(OSError, match="no C\\+\\+ compiler.*no-such-compiler"):
        build.build()


def test_what_the_compiler_says_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "SOURCES", tmp_path)
    monkeypatch.setattr(library, "BUILT", tmp_path)
    (tmp_path / "warp_ops.cc").write_text("#error this is not a compiler's day\n")
    if not any(map(build.shutil.which, build.COMPILERS)):
        pytest.skip("no C++ compiler")
    with pytest.raises(ValueError, match="not a compiler's day"):
        build.build()
    assert [path.name for path in tmp_path.iterdir()] == ["warp_ops.cc"]
