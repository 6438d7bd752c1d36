"""One record: every kind of fault is named, and no data at all makes the check crash."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aquanet_tf.data import records
from data_prep.dataset.checks import inspection
from tests.support import fuzz, kitti_tree

K = np.array([[40.0, 0, 39], [0, 40, 11], [0, 0, 1]])


def png(frame, shape=kitti_tree.SHAPE):
    buffer = io.BytesIO()
    Image.fromarray(kitti_tree.image(frame, shape=shape)).save(buffer, "png")
    return buffer.getvalue()


IMAGES = tuple(png(frame) for frame in range(3))


def serialized(**changes):
    values = {
        "key": "d/image_02/1", "drive": "d", "camera": 2, "frame_ids": (0, 1, 2), "images": IMAGES,
        "height": 24, "width": 80, "intrinsics": K,
    }  # fmt: skip
    return records.to_example(records.Record(**{**values, **changes}))


def test_a_sound_record():
    found = inspection.inspect(serialized(), "png", keep_frames=True)
    assert not found.problems and found.size == (24, 80) and found.key == "d/image_02/1"
    np.testing.assert_array_equal(found.frames[1], kitti_tree.image(1))
    assert found.fields_of_view == pytest.approx((90.0, 33.4), abs=0.1)
    assert found.change > 1 and found.brightness == pytest.approx(128, abs=40)
    repeated = inspection.inspect(serialized(images=(IMAGES[1], *IMAGES[1:])), "png")
    assert repeated.change == 0 and repeated.frames is None


def camera(**entries):
    k = K.copy()
    for name, value in entries.items():
        k[int(name[1]), int(name[2])] = value
    return {"intrinsics": k}


@pytest.mark.parametrize(
    "changes, problem",
    [
        (camera(k02=-1), "principal point is outside"),
        (camera(k12=24), "principal point is outside"),
        (camera(k00=1), "degrees of view"),
        (camera(k11=4000), "degrees of view"),
        (camera(k10=1), "not a camera matrix"),
        (camera(k22=2), "not a camera matrix"),
        ({"frame_ids": (0, 2, 3)}, "not evenly spaced"),
        ({"frame_ids": (2, 1, 0)}, "not evenly spaced"),
        ({"images": (IMAGES[0][:90], *IMAGES[1:])}, "previous frame cannot be decoded"),
        ({"images": (*IMAGES[:2], b"")}, "next frame cannot be decoded"),
        ({"images": (*IMAGES[:2], png(2, (12, 40)))}, "next frame is 12x40, the record says 24x80"),
        ({"width": 81}, "frame is 24x80, the record says 24x81"),
    ],
)
def test_faults_are_named(changes, problem):
    problems = inspection.inspect(serialized(**changes), "png").problems
    assert any(problem in text for text in problems) and all("\n" not in p for p in problems)


def test_a_camera_matrix_that_is_not_finite():
    example = tf.train.Example.FromString(serialized())
    example.features.feature["intrinsics"].float_list.value[0] = float("nan")
    found = inspection.inspect(example.SerializeToString(), "png")
    assert "not finite" in found.problems[0]


@fuzz.lengths(60)
def test_any_bytes_give_a_finding(examples):
    """Flipped, cut or invented: problems or a readable record, never an exception."""
    sound = serialized()

    def check(data):
        # The fields are at the ends, pictures fill the middle.
        found = inspection.inspect(fuzz.damaged(data, sound, edge=400), "png")
        assert found.problems or found.change is not None
        assert not any("\n" in problem for problem in found.problems)

    fuzz.run(examples, check)
