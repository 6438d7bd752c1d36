"""VGG19 features: shapes, weights from a file, errors that name the file."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.losses import VGG19Features
from tests.losses.test_synthesis import A
from tests.support.layers import check_layer

IMAGE = A[:1]


def test_vgg_shapes():
    maps = VGG19Features("random")(IMAGE)
    assert [m.shape[1:] for m in maps] == [(12, 20, 64), (6, 10, 128), (3, 5, 256)]
    assert not VGG19Features("random").trainable_variables


def test_vgg_weights_from_a_file(tmp_path):
    path = tmp_path / "vgg19.weights.h5"
    network = tf.keras.applications.VGG19(include_top=False, weights=None)
    network.save_weights(str(path))
    loaded = VGG19Features(str(path))
    twin = VGG19Features("random")
    assert not np.allclose(loaded(IMAGE)[2], twin(IMAGE)[2])
    np.testing.assert_allclose(loaded(IMAGE)[2], VGG19Features(str(path))(IMAGE)[2])


def test_missing_or_wrong_vgg_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere.h5: no such file"):
        VGG19Features("nowhere.h5")
    junk = tmp_path / "junk.h5"
    junk.write_bytes(b"not a weight file")
    with pytest.raises(ValueError, match="junk.h5: not a VGG19"):
        VGG19Features(str(junk))


def test_layer():
    assert len(check_layer(VGG19Features("random"), IMAGE)) == 3
