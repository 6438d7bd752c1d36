"""Ray casting: how solids are grouped does not change what rays meet."""

import numpy as np
import pytest

from data_prep.street.drive import Street, make_scene, plans
from data_prep.street.render import picture, raycast


@pytest.fixture(scope="module")
def case():
    scene, _ = make_scene(plans(Street(2, 0, 3, 48, 160, seed=4))[1])
    view = picture.camera(48, 160, scene.trip.rotation[1], scene.trip.position[1])
    return view, scene.moment(1)


@pytest.mark.parametrize("batch", [1, 700, 10**9])
def test_the_size_of_batches_does_not_matter(case, batch, monkeypatch):
    expected = raycast.cast(*case)
    monkeypatch.setattr(raycast, "BATCH", batch)
    for found, wanted in zip(raycast.cast(*case), expected):
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype


def test_ellipsoids_and_only_they_have_the_round_face(case):
    _, index, face = raycast.cast(*case)
    is_round = case[1].round[np.maximum(index, 0)] & (index > 0)
    np.testing.assert_array_equal(face == raycast.ROUND_FACE, is_round)
    assert is_round.any() and (index > 0).any() and face.max() <= raycast.ROUND_FACE
    assert (face[index == raycast.GROUND] == 2).all()
