import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.data import records

K = np.array([[50.0, 0, 20], [0, 51, 10], [0, 0, 1]], np.float32)


def make(**changes):
    values = {
        "key": "2011_09_26/d/image_02/0000000005",
        "drive": "2011_09_26/d",
        "camera": 2,
        "frame_ids": (4, 5, 6),
        "images": (b"previous", b"target", b"next"),
        "height": 24,
        "width": 80,
        "intrinsics": K,
    }
    return records.Record(**{**values, **changes})


texts = st.text(st.characters(codec="utf-8"), max_size=30)
numbers = st.integers(0, 2**40)
floats = st.floats(1.0, 1e4, width=32)


@settings(max_examples=40)
@given(texts, texts, numbers, st.tuples(numbers, numbers, numbers), *[st.binary()] * 3, floats)
def test_round_trip(key, drive, camera, frame_ids, previous, target, following, focal):
    k = np.array([[focal, 0, 3.5], [0, 2 * focal, -1.25], [0, 0, 1]], np.float32)
    images = (previous, target, following)
    record = make(
        key=key, drive=drive, camera=camera, frame_ids=frame_ids, images=images, intrinsics=k
    )
    fields = records.parse(records.to_example(record))
    assert fields["key"].numpy().decode() == key and fields["drive"].numpy().decode() == drive
    assert fields["camera"].numpy() == camera
    assert tuple(fields["frame_ids"].numpy()) == frame_ids
    assert tuple(fields[name].numpy() for name in records.FRAMES) == images
    assert (fields["height"].numpy(), fields["width"].numpy()) == (24, 80)
    np.testing.assert_array_equal(fields["intrinsics"], k)


lengths = st.one_of(st.just(records.UNKNOWN), st.floats(0, 1e3, width=32))


@settings(max_examples=40)
@given(lengths, lengths)
def test_distances_make_version_two_and_their_absence_is_read_as_unknown(before, after):
    data = records.to_example(make(distances=(before, after)))
    fields = records.parse(data)
    assert tuple(fields["distances"].numpy()) == (before, after)
    known = (before, after) != (records.UNKNOWN, records.UNKNOWN)
    example = tf.train.Example.FromString(data).features.feature
    assert example["schema_version"].int64_list.value[0] == (2 if known else 1)
    assert ("distances" in example) == known


@pytest.mark.parametrize("distances", [(1.0, np.nan), (np.inf, 1.0), (-2.0, 1.0), (1.0,)])
def test_distances_that_are_none_are_refused(distances):
    with pytest.raises(ValueError, match="0000000005: not two distances in meters"):
        records.to_example(make(distances=distances))


def test_the_same_record_gives_the_same_bytes():
    assert records.to_example(make()) == records.to_example(make())


@pytest.mark.parametrize("k", [np.eye(4), K * np.nan, -K, K[:2]])
def test_a_bad_camera_matrix_is_refused(k):
    with pytest.raises(ValueError, match="0000000005: not a camera matrix"):
        records.to_example(make(intrinsics=k))


@pytest.mark.parametrize("version", [None, 0, records.SCHEMA_VERSION + 1])
def test_another_schema_version_is_refused(version):
    example = tf.train.Example.FromString(records.to_example(make()))
    if version is None:
        del example.features.feature["schema_version"]
    else:
        example.features.feature["schema_version"].int64_list.value[0] = version
    data = example.SerializeToString()
    with pytest.raises(tf.errors.InvalidArgumentError, match="another schema"):
        records.parse(data)
    dataset = tf.data.Dataset.from_tensors(data).map(records.parse)
    with pytest.raises(tf.errors.InvalidArgumentError, match="another schema"):
        next(iter(dataset))


@pytest.mark.parametrize("image_format, tolerance", [("png", 0), ("jpeg", 3)])
def test_images_decode_to_what_was_encoded(image_format, tolerance):
    v, u = np.mgrid[:16, :24]
    image = np.stack([8 * v, 6 * u, 128 + 4 * v - 3 * u], -1).astype(np.uint8)
    buffer = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if image_format == "jpeg" else {}
    Image.fromarray(image).save(buffer, image_format, **options)
    decoded = records.decode(buffer.getvalue(), image_format)
    assert decoded.dtype == tf.uint8
    assert np.abs(decoded.numpy().astype(int) - image).max() <= tolerance
