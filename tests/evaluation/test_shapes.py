"""Ground truth of another part of the view is refused; an image of another size is not."""

import re
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.evaluation import Protocol, run, shapes
from aquanet_tf.kitti import ground_truth
from tests.support import kitti_tree

SIDES = st.integers(20, 2000)


@given(SIDES, SIDES, st.floats(0.1, 3.0), st.sampled_from([round, int]))
def test_a_resized_image_has_the_same_aspect(height, width, scale, to_pixels):
    other = to_pixels(height * scale), to_pixels(width * scale)
    if min(other) > 0:
        assert shapes.same_aspect((height, width), other)
        assert shapes.same_aspect(other, (height, width))


@pytest.mark.parametrize("image", [(375, 1242), (370, 1226), (376, 1241), (192, 640)])
def test_sizes_of_kitti(image):
    assert shapes.same_aspect(image, image)
    assert not shapes.same_aspect(image, (352, 1216))  # val_selection_cropped
    assert not shapes.same_aspect((352, 1216), image)


def test_resized_kitti():
    for size in ((192, 640), (192, 636), (96, 318), (750, 2484)):
        assert shapes.same_aspect(size, (375, 1242))


def test_unrectified_images_are_named(tmp_path):
    """Not as cropped; and beside the rectified copy of their drive they do not count."""
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=1, masks=False)
    name = raw / kitti_tree.drive_name(1)
    extract = name.with_name(name.name.replace("_sync", "_extract"))
    shutil.copytree(name, extract)
    for path in extract.glob("image_02/data/*"):
        Image.new("RGB", (110, 40)).save(path)
    frames = ground_truth.find_frames(raw, "all", 2, "depth")[0]
    assert {frame.drive.path for frame in frames} == {name}
    shapes.check(frames)
    shutil.rmtree(name)
    frames = ground_truth.find_frames(raw, "all", 2, "depth")[0]
    with pytest.raises(ValueError, match=r"_extract/.*: unrectified .*_sync archive of the drive"):
        shapes.check(frames)


@pytest.mark.parametrize("source", ["depth", "velodyne"])
def test_an_evaluation_refuses_a_cropped_side(tmp_path, source):
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=1, masks=False)
    whole = ground_truth.find_frames(raw, "all", 2, source)[0]
    methods = {"m": lambda frame: np.ones(kitti_tree.SCENE_SHAPE)}
    protocol = Protocol(ground_truth=source)
    before = run.evaluate(whole, methods, protocol)
    with Image.open(whole[0].image) as image:
        cropped = image.crop((0, 6, image.width, image.height))
        half = image.resize((image.width // 2, image.height // 2))
    kept = shutil.copy(whole[0].image, tmp_path)
    cropped.save(whole[0].image)
    expected = re.escape(str(whole[0].truth)) + ".*{}x{}, but its image has {}x{}: cropped.".format(
        *kitti_tree.SCENE_SHAPE, cropped.height, cropped.width
    )
    with pytest.raises(ValueError, match=expected):
        run.evaluate(whole, methods, protocol)
    half.save(whole[0].image)
    assert run.evaluate(whole, methods, protocol) == before
    shutil.copy(kept, whole[0].image)
    if source == "depth":
        with Image.open(whole[0].truth) as depth:
            narrow = depth.crop((4, 0, depth.width - 4, depth.height))
        narrow.save(whole[0].truth)
        with pytest.raises(ValueError, match="cropped"):
            run.evaluate(whole, methods, protocol)
        whole[0].truth.write_bytes(b"no image")
        with pytest.raises(ValueError, match="not a readable depth map"):
            run.evaluate(whole, methods, protocol)
