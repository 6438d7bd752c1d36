"""PoseNet: symmetry of the default form, the plain form, serialization."""

import numpy as np
import tensorflow as tf

from aquanet_tf.geometry import pose
from aquanet_tf.networks import PoseNet
from tests.support.layers import check_layer, check_saving, images


def test_posenet_survives_serialization(tmp_path):
    inputs = images(1, 32, 32, 3), images(1, 2, 32, 32, 3)
    check_layer(PoseNet(width=0.125), *inputs)
    check_saving(PoseNet(width=0.125), tmp_path / "posenet.keras", *inputs)


def test_antisymmetric_pose_is_exactly_invertible():
    net = PoseNet(width=0.25)
    a, b = images(2, 48, 64, 3), images(2, 48, 64, 3, seed=5)
    forth, back = net(a, b[:, None])[:, 0], net(b, a[:, None])[:, 0]
    np.testing.assert_allclose(forth, -back, atol=1e-7)
    assert float(tf.reduce_max(tf.abs(forth))) > 0
    for x, y in zip(net.motion(forth).inverse(), net.motion(back)):
        np.testing.assert_allclose(x, y, atol=1e-6)


def test_a_still_pair_does_not_move():
    a = images(1, 48, 64, 3)
    np.testing.assert_allclose(PoseNet(width=0.25)(a, a[:, None]), np.zeros((1, 1, 6)), atol=1e-7)


def test_each_reference_gets_its_own_pose():
    net = PoseNet(width=0.25)
    a, b, c = (images(1, 48, 64, 3, seed=s) for s in (1, 2, 3))
    both = net(a, tf.stack([b, c], axis=1))
    np.testing.assert_allclose(both[:, 0], net(a, b[:, None])[:, 0], atol=1e-6)
    np.testing.assert_allclose(both[:, 1], net(a, c[:, None])[:, 0], atol=1e-6)


def test_plain_pose_form():
    net = PoseNet(width=0.25, form="plain")
    vectors = net(images(1, 48, 64, 3), images(1, 2, 48, 64, 3, seed=4))
    rotation, translation = net.motion(vectors)
    np.testing.assert_allclose(translation, vectors[..., :3])
    expected, _ = pose.euler_pose(vectors)
    np.testing.assert_allclose(rotation, expected)
