"""The number that a released network must give for its image."""

import types

import numpy as np
import pytest
from PIL import Image

from aquanet_tf import files
from aquanet_tf.inference import known_answer


class Fake:
    """A network that sees one inverse depth everywhere."""

    def __init__(self, value):
        self.value = value

    def relative(self, image):
        return types.SimpleNamespace(inverse_depth=np.full(image.shape[:2], self.value))


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "example.png")
    known_answer.write(Fake(0.25), tmp_path, "example.png")
    return tmp_path


@pytest.mark.parametrize("value, right", [(0.25, True), (0.2501, True), (0.2511, False)])
def test_right_and_wrong(folder, value, right):
    answer = known_answer.ask(Fake(value), folder)
    assert answer.right == right and f"{value:.6f}, expected 0.250000" in answer.line()


def test_which_image_it_is_about(folder, monkeypatch):
    assert known_answer.is_about(folder, folder / "example.png")
    monkeypatch.chdir(folder)
    assert known_answer.is_about(".", "example.png")
    assert not known_answer.is_about(folder, folder / "other.png")
    assert not known_answer.is_about(folder / "elsewhere", folder / "example.png")


def test_without_one_nothing_is_asked(tmp_path):
    assert known_answer.ask(Fake(1.0), tmp_path) is None


def test_a_damaged_file_is_named(folder):
    files.write(folder / known_answer.FILE, {"image": "example.png"})
    with pytest.raises(ValueError, match="known_answer.json: damaged"):
        known_answer.ask(Fake(1.0), folder)
