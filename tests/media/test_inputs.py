"""What --input means, and names that never collide."""

import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aquanet_tf.media import inputs as media_inputs


def test_files_folders_patterns_and_streams(tmp_path):
    for name in ("b.png", "a.png", "c.jpg", "notes.txt"):
        Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / name, "PNG")

    def names(text, stream=None):
        return [path.name for path in media_inputs.paths(str(text), stream)]

    assert names(tmp_path) == ["a.png", "b.png", "c.jpg"]
    assert names(tmp_path / "*.png") == ["a.png", "b.png"]
    assert names(tmp_path / "[bc].*") == ["b.png", "c.jpg"]
    assert names(tmp_path / "c.jpg") == ["c.jpg"]
    assert names("-", ["x/1.png\n", "\n", "2.jpg"]) == ["1.png", "2.jpg"]
    with pytest.raises(ValueError, match="matches no file"):
        media_inputs.paths(str(tmp_path / "*.bmp"))
    with pytest.raises(ValueError, match="nothing"):
        media_inputs.paths(str(tmp_path / "nothing"))


def test_a_folder_may_hold_clips_and_foreign_files_are_none(tmp_path):
    for name in ("a.jpg", "b.MP4", "c.mts", "._a.jpg", ".DS_Store", "Thumbs.db", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    wanted = ["a.jpg", "b.MP4", "c.mts"]
    assert [path.name for path in media_inputs.paths(str(tmp_path))] == wanted
    stream = media_inputs.paths("-", [f"{tmp_path}/{n}\n" for n in ("._a.jpg", *wanted)])
    assert [path.name for path in stream] == wanted
    found = media_inputs.paths(str(tmp_path / "*"))
    assert [path.name for path in found] == [*wanted, "notes.txt"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: no image or video in this folder"):
        media_inputs.paths(str(tmp_path / "empty"))


def test_a_stream_is_not_waited_for():
    def lines():
        yield "a.png\n"
        raise AssertionError("asked for more before the first was done")

    assert next(iter(media_inputs.named(media_inputs.paths("-", lines()))))[1] == "a"


PATHS = st.builds(
    "{}/{}.{}".format, st.sampled_from("xyz"), st.sampled_from("abc"), st.sampled_from("pj")
)


@given(st.lists(PATHS), st.booleans())
def test_names_are_unique(texts, stream):
    inputs = [pathlib.Path(text) for text in texts]
    named = list(media_inputs.named(iter(inputs) if stream else inputs))
    assert [path for path, _ in named] == inputs
    assert len({name for _, name in named}) == len(inputs)
    assert all(name.startswith(path.stem) for path, name in named)


def test_frames_of_one_size_are_of_one_camera():
    frames = [np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3, 3), np.uint8)]
    assert len(list(media_inputs.of_one_size("a", iter(frames)))) == 2
    with pytest.raises(ValueError, match="^a: image 2 has 4x2 pixels, the ones before 3x2; give"):
        list(media_inputs.of_one_size("a", [*frames, np.zeros((2, 4, 3), np.uint8)]))


def test_margins_are_four_numbers_or_none():
    assert media_inputs.margins(["1", "2", "3", "0"]) == (1, 2, 3, 0)
    assert media_inputs.margins([]) == ()
    for wrong in (["1", "2"], ["a"], ["1", "2", "3", "-4"], ["1.5", "0", "0", "0"]):
        with pytest.raises(ValueError, match=f"--crop={','.join(wrong)}: expected TOP,BOTTOM"):
            media_inputs.margins(wrong)
