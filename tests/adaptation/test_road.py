"""A video without a road is refused, by what the network to start from sees."""

import numpy as np
import pytest
from PIL import Image

from aquanet_tf.adaptation import road
from aquanet_tf.adaptation.clip import Clip
from aquanet_tf.inference import checkpoint
from tests.metric.test_road_plane import FOCAL, HEIGHT, WIDTH
from tests.metric.test_road_plane import road as ramp
from tests.support import runs

FIELD_OF_VIEW = float(np.degrees(2 * np.arctan(0.5 * WIDTH / FOCAL)))


@pytest.fixture
def start(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for i in range(4):
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), i, np.uint8)).save(tmp_path / f"in/{i}.png")
    workdir = str(runs.write(tmp_path / "run", width=104))
    seen = Clip(HEIGHT, WIDTH, (0, 0, 0, 0), 4, 90.0)

    def look(inverse_depth):
        maps = {"inverse_depth": inverse_depth[None].astype(np.float32)}
        maps["beta"] = np.ones_like(maps["inverse_depth"])
        monkeypatch.setattr(checkpoint.Predictor, "maps", lambda *_: maps)
        return road.look(workdir, str(tmp_path / "in"), seen, FIELD_OF_VIEW)

    return look


def test_a_road(start):
    found = start(ramp(0.6, pitch=2.0))
    assert (found.good, found.count, found.reasons) == (4, 4, {})
    road.require(found, "trip", "run")


def test_a_wall(start):
    found = start(np.full((HEIGHT, WIDTH), 0.1))
    with pytest.raises(ValueError, match=r"a road was seen in 0 of 4 frames \(.*: is this a drive"):
        road.require(found, "trip", "run")


def test_a_road_that_got_lost_gives_a_warning():
    before, same = road.Seen(40, 40, {}), road.Seen(36, 40, {"steep": 4})
    assert road.warnings(before, same) == []
    (text,) = road.warnings(before, road.Seen(11, 40, {"steep": 9, "curved": 20}))
    assert "in 11 of 40 frames, before the training in 40 (now mostly: curved)" in text
