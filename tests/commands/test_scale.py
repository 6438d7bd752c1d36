"""aquanet_tf.scale and the commands that use what it writes."""

import json
import types

import numpy as np
import pytest
from PIL import Image

from aquanet_tf import evaluate, files, scale
from aquanet_tf.evaluation import Protocol
from aquanet_tf.evaluation.settings import Settings
from aquanet_tf.inference import checkpoint, open_model, predict_all
from aquanet_tf.media import depth_png
from aquanet_tf.runs import load_run
from aquanet_tf.runs import scale as runs_scale
from export import release
from export.bundle import metadata, model_card, parity
from tests.metric.test_road_plane import FOCAL, HEIGHT, WIDTH, road
from tests.support import commands, kitti_tree, runs


@pytest.fixture
def workdir(tmp_path):
    return runs.write(tmp_path / "run", width=104)


def found(epoch=2, height=32, value=2.5):
    return {
        "metres_per_unit": value,
        "spread": 0.05,
        "method": "camera height 1.65 m",
        "used": 40,
        "epoch": epoch,
        "working_height": height,
    }


def options(**given):
    """The flags of the command: their defaults, and those given."""
    names = dict.fromkeys(("input", "gt_dir", "depth_dir", "intrinsics", "data_dir"), "")
    names["checkpoint"] = "newest"
    names.update(split="all", ground_truth="depth", crop="none", camera_height=0.0, fov=0.0)
    return types.SimpleNamespace(
        **{**names, "pitch": None, "max_frames": 100, "height": 0, "grid_shift": None, **given}
    )


def run(monkeypatch, **given):
    monkeypatch.setattr(scale.flags, "FLAGS", options(**given))
    scale.main([])


def test_the_height_of_the_camera(workdir, tmp_path, monkeypatch, capsys):
    """A network that sees the road of the module's tests, 0.55 units below the camera."""
    (tmp_path / "in").mkdir()
    for i in range(6):
        image = Image.fromarray(np.full((HEIGHT, WIDTH, 3), i, np.uint8))
        image.save(tmp_path / "in" / f"{i}.png")
    maps = {"inverse_depth": road(0.55, pitch=1.0)[None].astype(np.float32)}
    maps["beta"] = np.ones_like(maps["inverse_depth"])
    monkeypatch.setattr(checkpoint.Predictor, "maps", lambda self, images: maps)
    camera = f"{FOCAL},{FOCAL},155,44"
    given = {"workdir": str(workdir), "input": str(tmp_path / "in"), "camera_height": 1.65}
    run(monkeypatch, **given, intrinsics=camera)
    document = files.read(workdir / "scale.json")
    assert document["metres_per_unit"] == pytest.approx(3.0, rel=1e-4)
    assert (document["epoch"], document["working_height"], document["used"]) == (2, 32, 6)
    assert document["inputs"]["camera"] == camera and document["method"] == "camera height 1.65 m"
    assert "depth: 3 m per unit, from scale.json" in capsys.readouterr().out
    monkeypatch.setattr(checkpoint.Predictor, "maps", lambda self, images: wall(maps))
    with pytest.raises(ValueError, match="no scale: a road was found in 0 of 6 frames"):
        run(monkeypatch, **given, intrinsics=camera)
    assert files.read(workdir / "scale.json") == document


def test_scales_of_several_grid_shifts_live_side_by_side(workdir, tmp_path, monkeypatch, capsys):
    """One for predict (shifted grids) and one for odometry (one pass)."""
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=2, frames=3)
    given = {"workdir": str(workdir), "gt_dir": str(raw)}
    run(monkeypatch, **given, grid_shift=0.5)
    three = files.read(workdir / "scale.json")
    run(monkeypatch, **given)
    one = files.read(workdir / "scale.json")
    assert (one["grid_shift"], three["grid_shift"]) == (0.0, 0.5)
    assert one["metres_per_unit"] != three["metres_per_unit"]
    assert one["others"] == [three] and "replaced:" not in capsys.readouterr().out
    for shift, found in ((0.0, one), (0.5, three)):
        trained = load_run(workdir, grid_shift=shift)
        known = runs_scale.chosen(None, workdir, trained, 32)
        assert known.metres_per_unit == found["metres_per_unit"]
    out = release.release(workdir, tmp_path / "released")
    assert [s["grid_shift"] for s in runs_scale.everything(out)] == [0.0, 0.5]


def test_what_is_replaced_is_said_and_nothing_else_is(workdir, tmp_path, monkeypatch, capsys):
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=2, frames=3)
    other = {**found(epoch=1), "others": [{**found(value=7.0), "grid_shift": 0.0}]}
    files.write(workdir / "scale.json", other)
    run(monkeypatch, workdir=str(workdir), gt_dir=str(raw))
    words = "replaced: 7 m per unit, of epoch 2, working height 32, grid shift 0"
    assert words in capsys.readouterr().out
    assert [s["epoch"] for s in runs_scale.everything(workdir)] == [2, 1]
    (workdir / "scale.json").write_text("{}")
    run(monkeypatch, workdir=str(workdir), gt_dir=str(raw))
    assert "replaced: a damaged file" in capsys.readouterr().out
    assert len(runs_scale.everything(workdir)) == 1


def wall(maps):
    return {name: np.full_like(values, 0.1) for name, values in maps.items()}


def test_ground_truth(workdir, tmp_path, monkeypatch):
    raw = kitti_tree.write_scene(tmp_path / "raw", drives=2, frames=3)
    run(monkeypatch, workdir=str(workdir), gt_dir=str(raw))
    document = files.read(workdir / "scale.json")
    network = checkpoint.load(workdir)
    assert network.metres_per_unit == document["metres_per_unit"] > 0
    # Depth as it is has the median of the ground truth, in the median of the images.
    settings = Settings(str(workdir), str(raw), Protocol(alignment="none"))
    result = evaluate.run.run(settings, evaluate.load_models)
    assert result["model"]["metres_per_unit"] == document["metres_per_unit"]
    assert result["ratio"]["median"] == pytest.approx(1.0, rel=1e-3)
    settings = Settings(str(workdir), str(raw), Protocol(alignment="none"), metres_per_unit=0.0)
    result = evaluate.run.run(settings, evaluate.load_models)
    assert result["ratio"]["median"] == pytest.approx(document["metres_per_unit"], rel=1e-3)


@pytest.mark.parametrize(
    "given, words",
    [
        ({}, "--camera_height METERS"),
        ({"camera_height": 1.6, "gt_dir": "raw"}, "--camera_height METERS"),
        ({"data_dir": "records", "gt_dir": "raw"}, "--data_dir RECORDS"),
        ({"camera_height": 1.6, "data_dir": "records"}, "--data_dir RECORDS"),
        ({"data_dir": "IN"}, "in.png/manifest.json: no such file"),
        ({"camera_height": 1.6}, "--input"),
        ({"camera_height": 1.6, "input": "IN", "crop": "garg"}, "--crop is for --gt_dir only"),
        ({"gt_dir": "raw", "input": "IN"}, "--input is for --camera_height only"),
        ({"gt_dir": "raw", "max_frames": 5}, "--max_frames is for --camera_height and"),
        ({"gt_dir": "raw", "fov": 80.0}, "--fov is for --camera_height only"),
        ({"data_dir": "IN", "split": "a.txt"}, "--split is for --gt_dir only"),
        ({"camera_height": 160.0, "input": "IN"}, "--camera_height=160"),
        ({"camera_height": 1.6, "input": "IN", "fov": 300.0}, "--fov=300"),
    ],
)
def test_flags_that_do_not_fit(given, words, workdir, tmp_path, monkeypatch):
    Image.new("RGB", (8, 8)).save(tmp_path / "in.png")
    given = {name: str(tmp_path / "in.png") if v == "IN" else v for name, v in given.items()}
    with pytest.raises(ValueError, match=words):
        run(monkeypatch, workdir=str(workdir), **given)


def test_a_flag_wins_over_the_file(workdir):
    files.write(workdir / "scale.json", found())
    trained = load_run(workdir)
    known = runs_scale.chosen(None, workdir, trained, 32)
    assert known.metres_per_unit == 2.5 and "40 frames, spread 5 %" in known.line()
    assert runs_scale.chosen(4.0, workdir, trained, 32) == (4.0, "--metres_per_unit")
    assert not runs_scale.chosen(0.0, workdir, trained, 32).metres_per_unit
    for value in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="--metres_per_unit"):
            runs_scale.chosen(value, workdir, trained, 32)


@pytest.mark.parametrize("other, word", [({"epoch": 1}, "epoch 1"), ({"height": 64}, "height 64")])
def test_the_scale_of_another_network_is_not_used(other, word, workdir):
    files.write(workdir / "scale.json", found(**other))
    with pytest.warns(UserWarning, match=f"{word}.*run aquanet_tf.scale again"):
        assert open_model(workdir).metres_per_unit is None


def test_a_scale_of_another_grid_shift_is_not_used(tmp_path):
    workdir = runs.write(tmp_path / "moved", width=104, grid_shift=0.25)
    files.write(workdir / "scale.json", found())
    with pytest.warns(UserWarning, match="of grid shift 0.0, the network of grid shift 0.25"):
        assert open_model(workdir).metres_per_unit is None
    files.write(workdir / "scale.json", {**found(), "grid_shift": 0.25})
    assert open_model(workdir).metres_per_unit == 2.5


def test_ego_motion_has_the_unit_of_one_pass(tmp_path):
    """Its scale is not that of the mean over shifted grids, nor the other way round."""
    workdir = runs.in_meters(runs.write(tmp_path / "moved", width=104, grid_shift=0.25))
    run = load_run(workdir)
    assert run.metres_per_unit(32) is None and run.one_pass().metres_per_unit(32) == 1.0
    files.write(workdir / "scale.json", {**found(), "grid_shift": 0.25})
    with pytest.warns(UserWarning, match="of grid shift 0.25, the network of grid shift 0.0"):
        known = runs_scale.chosen(None, workdir, run.one_pass(), 32)
    assert known.metres_per_unit == 1.0, "that of the training"


@pytest.mark.parametrize(
    "damage",
    [{"metres_per_unit": -1}, {"metres_per_unit": None}, {"others": [{}]}, {"others": 3}, {}],
)
def test_a_damaged_file_is_named(damage, workdir):
    content = {**found(), **damage} if damage else {"metres_per_unit": 1.0}
    (workdir / "scale.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="scale.json: damaged"):
        open_model(workdir)


def test_predictions_in_meters(workdir, tmp_path):
    files.write(workdir / "scale.json", found(value=1.0))
    Image.fromarray(kitti_tree.scene_image()).save(tmp_path / "a.png")
    network = open_model(workdir)
    document = predict_all.predict_all(
        [tmp_path / "a.png"], network, tmp_path / "out", formats=("npy", "depth")
    )
    assert document["metres_per_unit"] == 1.0 and "meters" in document["units"]
    with Image.open(tmp_path / "out" / "a_depth.png") as image:
        depth = np.asarray(image) / 256
    inverse = np.load(tmp_path / "out" / "a.npy")
    np.testing.assert_allclose(depth, 1.0 / inverse, atol=1 / 256)
    network.metres_per_unit = None
    with pytest.raises(ValueError, match="--write=depth.*aquanet_tf.scale"):
        predict_all.predict_all([tmp_path / "a.png"], network, tmp_path / "b", formats=("depth",))


def test_depth_that_16_bits_cannot_hold_is_none(tmp_path):
    depth_png.write_meters(tmp_path / "a.png", np.array([[1.5, 300.0, np.inf, np.nan]]))
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image).tolist() == [[384, 0, 0, 0]]


def test_metadata_and_card_say_the_scale_and_its_source(workdir):
    files.write(workdir / "scale.json", found())
    run = load_run(workdir)
    known = runs_scale.chosen(None, workdir, run, 32)
    document = metadata.build(run, workdir, 32, parity.SAME_OPERATIONS, known)
    assert document["metres_per_unit"] == 2.5
    assert "camera height" in metadata.metric_outputs(known)["depth_metres"]
    document.update(inputs={}, parity={"outputs": {}, "images": 0, "tolerance": {}})
    card = model_card.text(workdir, document, "model(image)")
    assert "one unit of depth is **2.5 m**, from scale.json (camera height 1.65 m" in card


def test_a_release_takes_the_scale_along(workdir, tmp_path):
    files.write(workdir / "scale.json", {**found(), "inputs": {"input": "/secret/place/a.mp4"}})
    out = release.release(workdir, tmp_path / "released")
    assert open_model(out).metres_per_unit == 2.5
    assert files.read(out / "scale.json")["inputs"]["input"] == "a.mp4"
    assert "2.5 m" in (out / "README.md").read_text()


def test_the_command_refuses_in_one_line(tmp_path):
    done = commands.run("aquanet_tf.scale", "--workdir", tmp_path)
    commands.assert_user_error(done, "--camera_height", "--gt_dir", "--data_dir")
