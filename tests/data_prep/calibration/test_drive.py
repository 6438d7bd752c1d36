"""From a drive to its camera: sizes are those of whole frames, and no model is an error."""

import pytest
from PIL import Image

from data_prep.calibration import drive, keyframes, structure
from data_prep.video.crop import Crop


def test_the_camera_is_that_of_whole_frames(tmp_path, monkeypatch):
    """Images wider than 1280 pixels are reduced before COLMAP sees them."""
    for number in range(20):
        Image.new("RGB", (2560, 800)).save(tmp_path / f"{number}.png")
    model = structure.Model(focal=700.0, radial=0.0, deviation=7.0, frames=20, error=0.5)
    seen = {}

    def models(images, mask, work, threads):
        seen.update(image=Image.open(next(images.iterdir())).size, mask=Image.open(mask).size)
        return [model]

    monkeypatch.setattr(structure, "require", lambda: None)
    monkeypatch.setattr(structure, "models", models)
    monkeypatch.setattr(keyframes, "choose", lambda *_: list(range(20)))
    camera = drive.find_camera(tmp_path, Crop(bottom=100), 250, 1)
    assert seen == {"image": (1280, 400), "mask": (1280, 400)}
    assert camera.values()["fx"] == 1400.0 and camera.values()["width"] == 2560
    monkeypatch.setattr(structure, "models", lambda *_: [])
    with pytest.raises(ValueError, match="COLMAP can reconstruct no part of this drive. Give a"):
        drive.find_camera(tmp_path, Crop(bottom=100), 250, 1)
