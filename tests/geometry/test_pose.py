import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from aquanet_tf.geometry import pose

SIZES = [0.0, 1e-12, 1e-6, 1e-3, 0.1, 0.499, 0.5, 0.501, 1.0, 3.0]


def random_vector(seed, angle):
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=3)
    return np.concatenate([rng.normal(size=3), angle * axis / np.linalg.norm(axis)])


def matrix(rotation, translation):
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = rotation, translation
    return out


@pytest.mark.parametrize("angle", SIZES)
def test_exponential_is_the_matrix_exponential(angle):
    vector = random_vector(1, angle)
    twist = np.zeros((4, 4))
    twist[:3, :3], twist[:3, 3] = pose.skew(tf.constant(vector[3:])).numpy(), vector[:3]
    expected = tf.linalg.expm(twist).numpy()
    np.testing.assert_allclose(matrix(*pose.se3_exp(vector)), expected, atol=1e-12)


@pytest.mark.parametrize("angle", SIZES)
def test_negated_vector_is_the_inverse(angle):
    vector = random_vector(2, angle)
    forth, back = matrix(*pose.se3_exp(vector)), matrix(*pose.se3_exp(-vector))
    np.testing.assert_allclose(forth @ back, np.eye(4), atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 3))
def test_the_inverse_motion_is_exact_for_both_forms(seed, angle):
    vector = random_vector(seed, angle)
    for form in (pose.se3_exp, pose.euler_pose):
        motion = form(vector)
        product = matrix(*motion) @ matrix(*motion.inverse())
        np.testing.assert_allclose(product, np.eye(4), atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(motion[0]), 1.0, atol=1e-12)


@pytest.mark.parametrize("form", [pose.se3_exp, pose.euler_pose])
@pytest.mark.parametrize("angle", [0.0, 1e-4, 0.3, 2.0])
def test_gradient_against_finite_differences(form, angle):
    theoretical, numeric = tf.test.compute_gradient(
        lambda v: tf.concat([tf.reshape(form(v)[0], [-1]), form(v)[1]], 0),
        [tf.constant(random_vector(5, angle))],
        delta=1e-5,
    )
    np.testing.assert_allclose(theoretical[0], numeric[0], atol=1e-7)


def test_float32_small_angles_are_accurate():
    vector = np.concatenate([[0.1, 0.2, 0.8], [1e-3, 2e-3, -1e-3]])
    exact = matrix(*pose.se3_exp(vector))
    np.testing.assert_allclose(matrix(*pose.se3_exp(vector.astype(np.float32))), exact, atol=2e-7)


def test_euler_matches_golden():
    root = os.environ.get("AQUANET_REAL_DATA")
    if not root:
        pytest.skip("AQUANET_REAL_DATA is not set")
    golden = np.load(pathlib.Path(root) / "golden" / "c_pose_vec2mat.npz")
    name = "pose_vec2mat_euler"
    rotation, translation = pose.euler_pose(golden["vec"].astype(np.float64))
    np.testing.assert_allclose(rotation, golden[name][..., :3], atol=1e-12)
    np.testing.assert_allclose(translation, golden[name][..., 3], atol=1e-12)
