import numpy as np
import tensorflow as tf

from aquanet_tf.geometry import bilinear

IMAGE = np.random.default_rng(0).random((2, 6, 9, 3))


def sample(x, y, image=IMAGE):
    grids = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    x, y = (tf.constant(np.tile(g.reshape(1, 1, -1), (image.shape[0], 1, 1))) for g in grids)
    values, inside = bilinear.bilinear_sample(tf.constant(image), x, y)
    return values.numpy()[:, 0], inside.numpy()[:, 0, :, 0]


def test_pixel_centers_return_the_pixels():
    v, u = np.meshgrid(range(6), range(9), indexing="ij")
    values, inside = sample(u.ravel(), v.ravel())
    np.testing.assert_allclose(values.reshape(IMAGE.shape), IMAGE)
    assert inside.all()


def test_between_pixels_is_bilinear():
    values, _ = sample([2.25], [3.5])
    rows = 0.5 * (IMAGE[:, 3] + IMAGE[:, 4])
    np.testing.assert_allclose(values[:, 0], 0.75 * rows[:, 2] + 0.25 * rows[:, 3])


def test_outside_is_zero_and_border_holds_for_half_a_pixel():
    x = [-0.51, 8.51, 4, 4, np.nan, np.inf, -np.inf, 1e30]
    y = [2, 2, -0.51, 5.51, 2, 2, 2, 2]
    values, inside = sample(x, y)
    assert not inside.any() and not values.any()
    values, inside = sample([-0.49, 8.49], [2, 2])
    assert inside.all()
    np.testing.assert_allclose(values[:, 0], IMAGE[:, 2, 0])
    np.testing.assert_allclose(values[:, 1], IMAGE[:, 2, 8])


def test_gradients_against_finite_differences():
    rng = np.random.default_rng(1)
    x = tf.constant(rng.uniform(-2, 10, (2, 3, 4)))
    y = tf.constant(rng.uniform(-2, 7, (2, 3, 4)))
    theoretical, numeric = tf.test.compute_gradient(
        lambda *a: bilinear.bilinear_sample(*a)[0], [tf.constant(IMAGE), x, y], delta=1e-7
    )
    for t, n in zip(theoretical, numeric):
        np.testing.assert_allclose(t, n, atol=1e-5)
