"""aquanet_tf.adapt: its steps run once each, failures are told, and all works in miniature."""

import json
import pathlib

import pytest
from PIL import Image

from aquanet_tf import adapt
from aquanet_tf.adaptation import clip, recipe
from aquanet_tf.adaptation.request import Request
from tests.data_prep.video.test_prepare import drive
from tests.support import commands, fake_adaptation, runs

SEEN = clip.Clip(96, 160, (0, 8, 0, 0), 90, 90.0, ("dirty lens",))
STREET = str(commands.ROOT / "pretrained" / "street")


@pytest.fixture
def run(tmp_path):
    """Runs an adaptation with fake commands; returns the content of adaptation.json."""

    def run(camera=("--fov_deg", "75"), seen=SEEN, epochs=2, **more):
        start = recipe.source(STREET)
        wanted = Request("trip.mp4", tmp_path / "out", camera, seen.crop, **more)
        return adapt.adapt(wanted, start, seen, epochs, commands=fake_adaptation.COMMANDS)

    return run


def starts(tmp_path):
    return {path.name: len(path.read_text()) for path in (tmp_path / "out/starts").iterdir()}


def test_every_step_runs_once(run, tmp_path):
    found = run(camera_height=1.4)
    assert found["scale"]["metres_per_unit"] == 2.0 and "dirty lens" in found["warnings"]
    once = {"video": 1, "train": 2, "scale": 1, "saved_model": 1, "tflite": 1, "page": 1}
    assert starts(tmp_path) == once
    assert run(camera_height=1.4) == found and starts(tmp_path) == once
    assert (tmp_path / "out" / "index.html").exists()
    assert json.loads((tmp_path / "out" / "adaptation.json").read_text()) == found


def test_without_a_scale_all_else_is_made(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL", "scale")
    found = run(camera_height=1.4)
    assert found["scale"] is None and (tmp_path / "out" / "index.html").exists()
    assert any(text.startswith("no meters: no scale today (see") for text in found["warnings"])


def test_a_failed_step_is_named_and_done_again(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL", "train")
    with pytest.raises(ValueError, match="stage1: no train today"):
        run()
    monkeypatch.delenv("FAIL")
    run()
    assert starts(tmp_path)["video"] == 1 and starts(tmp_path)["train"] == 2


def test_another_video_in_the_same_place_is_refused(run):
    run()
    with pytest.raises(ValueError, match="video.json: was made with --fov_deg=75; choose another"):
        run(camera=("--fov_deg", "90"))
    with pytest.raises(ValueError, match="video.json: was made with no --speed_kmh; choose"):
        run(speed=("--speed_kmh=30.0",))


def test_an_adaptation_of_an_earlier_version_goes_on(run, tmp_path):
    """Its options without those that it did not have: what they would have been has not changed."""
    found = run()
    once = starts(tmp_path)
    for path in (tmp_path / "out" / "jobs").glob("stage?.json"):
        record = json.loads(path.read_text())
        assert record["what"]["options"].pop("spimo_margin") == 0
        path.write_text(json.dumps(record))
    assert run() == found and starts(tmp_path) == once
    record["what"]["options"]["spimo_margin"] = 2
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=f"{path.name}: was made with --spimo_margin=2; choose"):
        run()


def test_a_refused_command_changes_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL", "train")
    with pytest.raises(ValueError, match="stage1: no train today"):
        run(epochs=1)
    (tmp_path / "out" / "stage1").mkdir()  # as a training that is interrupted in its first epoch
    (tmp_path / "out" / "stage1" / "config.json").write_text("{}")
    before = contents(tmp_path / "out")
    assert any(path.name == "stage1.flags" for path in before)
    with pytest.raises(ValueError, match="stage1.json: was made with --epochs=1; choose"):
        run(epochs=2)
    assert contents(tmp_path / "out") == before


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_after_a_typo_the_corrected_command_runs(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FAIL", "video")
    with pytest.raises(ValueError, match="video: no video today"):
        run(camera=("--intrinsics", "nothere"))
    monkeypatch.delenv("FAIL")
    run()
    assert starts(tmp_path)["video"] == 1
    assert "--learn_intrinsics" in (tmp_path / "out" / "stage1.flags").read_text()


def test_a_given_camera_is_not_learned(run, tmp_path):
    run(camera=("--intrinsics", "camera.json"))
    assert "--learn_intrinsics" not in (tmp_path / "out" / "stage1.flags").read_text()


def test_meters_come_from_a_speed_too(run, tmp_path):
    found = run(speed=("--speed_kmh=30.0",))
    assert found["scale"] and starts(tmp_path)["scale"] == 1


@pytest.mark.parametrize(
    "given, message",
    [
        (["--intrinsics=a.json", "--fov_deg=60"], "give one of --intrinsics and --fov_deg"),
        (["--camera_height=1.4", "--speed_kmh=30"], "give one of --camera_height and a speed"),
        (["--intrinsics=nothere"], "error: --intrinsics: nothere: no such file"),
        (["--camera_height=140"], "--camera_height=140: expected meters between 0.2 and 6"),
        (["--init_from=docs"], "--init_from=docs: no config.json in it; name the directory"),
        (["--speed_csv=nothere.csv", "--fps=10"], "--speed_csv=nothere.csv: no such file"),
        ([], "trip: 5 images; needed are 30"),
        (["--out=my[1]"], "cannot load exports from a path with one of"),
    ],
)
def test_errors_come_first(given, message, tmp_path):
    trip = write_trip(tmp_path / "trip", 5)
    done = commands.run("aquanet_tf.adapt", "--input", trip, "--out", tmp_path / "out", *given)
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "out").exists() and not pathlib.Path("my[1]").exists()


def write_trip(path, count):
    """Images of a camera that drives toward a wall."""
    path.mkdir()
    for number in range(count):
        Image.fromarray(drive(number)).save(path / f"{number:03d}.png")
    return path


@pytest.mark.slow
def test_one_drive_becomes_a_network(tmp_path, monkeypatch):
    """All real commands on a tiny network, which sees no road: what it starts with is given."""
    options = {"crop_height": 32, "crop_width": 64, "pose_input_height": 32, "pose_input_width": 64}
    more = {"perceptual_weight": 0.0, "vgg19_weights": "none", "pyramid_scales": 1}
    source = runs.write(tmp_path / "run", height=48, width=80, **options, **more)
    monkeypatch.setattr(recipe, "_STEPS", 2)
    seen = clip.Clip(96, 160, (0, 8, 0, 0), 40, 90.0)
    trip = str(write_trip(tmp_path / "trip", 40))
    out = tmp_path / "my cam"
    wanted = Request(trip, out, ("--fov_deg", "70"), seen.crop, ("--speed_kmh=20", "--fps=10"))
    found = adapt.adapt(wanted, recipe.source(str(source)), seen, 2)
    assert set(found["photometric"]) == {"stage1", "stage2"}
    assert found["camera"]["first_fov_deg"] == pytest.approx(70, abs=0.5)
    page = (out / "index.html").read_text()
    assert "likely moving" in page and "Warnings" in page and "http" not in page
    assert (out / "saved_model").is_dir() and (out / "model.tflite").is_file()
    logs = {path: path.stat().st_mtime_ns for path in pathlib.Path(out / "logs").iterdir()}
    assert adapt.adapt(wanted, recipe.source(str(source)), seen, 2) == found
    scale = out / "logs" / "scale.log"  # a scale that could not be found is tried again
    assert all(path.stat().st_mtime_ns == time for path, time in logs.items() if path != scale)
