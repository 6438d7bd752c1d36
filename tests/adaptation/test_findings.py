"""What is found is written, and the user is warned of what may be wrong."""

import json

import pytest

from aquanet_tf.adaptation import findings
from tests.support import fake_adaptation


@pytest.fixture
def out(tmp_path):
    fake_adaptation.video({"out": str(tmp_path / "clip")})
    for stage in ("stage1", "stage2"):
        fake_adaptation.train({"workdir": str(tmp_path / stage)})
    return tmp_path


def test_numbers_before_and_after(out):
    found = findings.collect(out, ["dirty lens"], {})
    assert found["photometric"] == {"stage1": [0.1, 0.05], "stage2": [0.1, 0.05]}
    assert found["camera"]["fov_deg"] == pytest.approx(77.32, abs=0.01)
    assert found["camera"]["first_fov_deg"] < found["camera"]["fov_deg"]
    assert found["scale"] is None
    warnings = "\n".join(found["warnings"])
    for words in ("dirty lens", "it rained", "only 80 frames", "depth is relative", "settled"):
        assert words in warnings
    assert "0.1000 -> 0.0500" in findings.text(found)
    json.dumps(found, allow_nan=False)


def test_no_improvement_gives_a_warning(out):
    rows = "epoch,phase,val_photometric\n0,a,0.09\n1,a,0.0995\n"
    (out / "stage1" / "history.csv").write_text(rows)
    warnings = findings.collect(out, [], {})["warnings"]
    assert any(text.startswith("stage1 did not lower the photometric error") for text in warnings)
    assert not any(text.startswith("stage2 did not") for text in warnings)


def test_a_run_with_a_kick_start_has_its_first_validation_as_start(out):
    (out / "stage1" / "start.json").unlink()
    assert findings.collect(out, [], {})["photometric"]["stage1"] == [0.09, 0.05]


def test_meters(out):
    fake_adaptation.scale({"workdir": str(out / "stage2")})
    found = findings.collect(out, [], {})
    assert found["scale"]["metres_per_unit"] == 2.0
    assert "the scale differs between frames by 20% (spread)" in found["warnings"]
    assert "2 m per unit" in findings.text(found)


def test_why_there_are_no_meters(out):
    found = findings.collect(out, [], {"scale": "no road (see the log)"})
    assert "no meters: no road (see the log)" in found["warnings"]


def test_a_given_camera_is_not_reported(out):
    (out / "stage2" / "intrinsics.json").unlink()
    assert findings.collect(out, [], {})["camera"] is None


def test_a_camera_that_the_images_show_is_reported(out):
    (out / "stage2" / "intrinsics.json").unlink()
    fake_adaptation.calibrate({"out": str(out / "camera.json")})
    assert findings.collect(out, [], {})["camera"] is None  # a file of the user
    (out / "jobs").mkdir()
    what = {"wish": {"camera": ["--intrinsics", "{out}/camera.json"]}}
    record = json.dumps({"finished": True, "seconds": 1.0, "what": what})
    for name in ("calibrate", "video"):
        (out / "jobs" / f"{name}.json").write_text(record)
    found = findings.collect(out, [], {})
    assert found["camera"]["fov_deg"] == pytest.approx(90) and "" not in found["warnings"]
    assert "field of view 90.0 degrees (found in the images)" in findings.text(found)
