"""aquanet_tf.contact: from boxes and a run to a table and JSON."""

import types

import numpy as np
import pytest
from PIL import Image

from aquanet_tf import contact, files
from aquanet_tf.cars import boxes
from aquanet_tf.cars import masks as car_masks
from aquanet_tf.config import Config
from aquanet_tf.inference import checkpoint
from aquanet_tf.inference.mask_scores import SpimoScore
from aquanet_tf.runs import load_run
from tests.support import commands, runs

HEADER = ",".join(boxes.COLUMNS)
SHAPE = (64, 192)
CARS = {3: (20, 20, 40, 40, "moving"), 4: (100, 20, 140, 40, "parked")}


@pytest.fixture
def place(tmp_path):
    """run: a tiny run; drive: images 3 and 4; cars.csv: one car in each."""
    runs.write(tmp_path / "run")
    (tmp_path / "drive").mkdir()
    lines = [f"drive,{frame},{','.join(map(str, car))}" for frame, car in CARS.items()]
    (tmp_path / "cars.csv").write_text("\n".join([HEADER, *lines]))
    for frame in CARS:
        image = Image.fromarray(np.full((*SHAPE, 3), frame, np.uint8))
        image.save(tmp_path / "drive" / f"{frame}.png")
    return tmp_path


def options(place, **given):
    names = {"workdir": "run", "boxes": "cars.csv", "root": ".", "out": "contact.json"}
    paths = {name: str(place / value) for name, value in names.items()}
    values = {"checkpoint": "newest", "height": 0, "grid_shift": None, "masks": False}
    values.update({name: None for name in vars(Config()) if name.startswith("spimo_")})
    return types.SimpleNamespace(**{**values, **paths, **given})


def maps(self, images):
    """Car 3 is a hole, 5 times as far as the road; car 4 stands on it."""
    inverse = np.full(images.shape[:3], 0.1, np.float32)
    left, top, right, bottom, _ = CARS[3]
    if images[0, 0, 0, 0] == 3:
        inverse[:, top:bottom, left:right] = 0.02
    return {"inverse_depth": inverse, "beta": np.ones_like(inverse)}


def test_table_and_file(place, monkeypatch, capsys):
    monkeypatch.setattr(checkpoint.Predictor, "maps", maps)
    monkeypatch.setattr(contact.flags, "FLAGS", options(place))
    contact.main([])
    document = files.read(place / "contact.json")
    assert [row["ratio"] for row in document["rows"]] == pytest.approx([5, 1])
    assert document["rows"][0]["box"] == list(CARS[3][:4])
    assert document["model"]["epoch"] == 2 and document["model"]["working_height"] == 32
    assert document["model"]["grid_shift"] == 0
    groups = {(group["source"], group["kind"]): group for group in document["groups"]}
    assert groups["drive", "moving"]["holes"] == 1 and groups["all", "parked"]["on_road"] == 1
    printed = capsys.readouterr().out
    assert "contact ratio" in printed and "epoch 2" in printed and "written: " in printed


def test_mask_options_without_masks_are_refused(place, monkeypatch):
    monkeypatch.setattr(contact.flags, "FLAGS", options(place, spimo_threshold=2.0))
    with pytest.raises(ValueError, match="--spimo_threshold is for --masks"):
        contact.main([])


def test_the_network_itself(place, monkeypatch):
    """Untrained, it has some depth everywhere."""
    monkeypatch.setattr(contact.flags, "FLAGS", options(place))
    contact.main([])
    ratios = [row["ratio"] for row in files.read(place / "contact.json")["rows"]]
    assert len(ratios) == 2 and np.isfinite(ratios).all() and min(ratios) > 0


def test_masks_in_the_boxes(place, monkeypatch, capsys):
    monkeypatch.setattr(contact.flags, "FLAGS", options(place, masks=True))
    contact.main([])
    masks = files.read(place / "contact.json")["masks"]["drive"]
    score, taken = SpimoScore(load_run(place / "run")), {}
    for frame, (left, top, right, bottom, kind) in CARS.items():
        image = np.full((*SHAPE, 3), frame, np.uint8)
        taken[kind] = np.mean(~score.static(image)[top:bottom, left:right])
    assert masks["moving"]["recall"] == pytest.approx(taken["moving"])
    assert masks["parked"] == pytest.approx(taken["parked"])
    assert masks["moving"]["images"] == 1 and "by_distance" not in masks["moving"]
    assert "SPIMO masks, threshold 0.03" in capsys.readouterr().out


def test_other_masks_can_be_tried(place, monkeypatch, capsys):
    """A threshold of 0 takes all, one beyond every score nothing; the run's own stays as it is."""
    for threshold, share in ((0.0, 1.0), (1e6, 0.0)):
        given = {"masks": True, "spimo_threshold": threshold, "spimo_passes": 3}
        monkeypatch.setattr(contact.flags, "FLAGS", options(place, **given))
        contact.main([])
        document = files.read(place / "contact.json")
        masks = document["masks"]["drive"]
        assert (masks["moving"]["recall"], masks["parked"]) == (share, share)
        assert document["mask_options"]["spimo_threshold"] == threshold
        assert document["mask_options"]["spimo_passes"] == 3
    assert load_run(place / "run").config == Config.load(place / "run" / "config.json")
    monkeypatch.setattr(contact.flags, "FLAGS", options(place, masks=True, spimo_passes=7))
    with pytest.raises(ValueError, match="--spimo_passes=7"):
        contact.main([])


def test_ratios_are_kept_when_the_masks_fail(place, monkeypatch):
    monkeypatch.setattr(car_masks, "measure", failing)
    monkeypatch.setattr(contact.flags, "FLAGS", options(place, masks=True))
    with pytest.raises(ValueError, match="full"):
        contact.main([])
    assert len(files.read(place / "contact.json")["rows"]) == 2


def failing(*_):
    raise ValueError("full")


def test_a_grid_shift_other_than_the_runs(place, monkeypatch, capsys):
    monkeypatch.setattr(contact.flags, "FLAGS", options(place))
    contact.main([])
    one = files.read(place / "contact.json")
    assert "one pass" in capsys.readouterr().out
    monkeypatch.setattr(contact.flags, "FLAGS", options(place, grid_shift=0.5))
    contact.main([])
    three = files.read(place / "contact.json")
    assert "mean of three passes (grid shift 0.5)" in capsys.readouterr().out
    assert (one["model"]["grid_shift"], three["model"]["grid_shift"]) == (0, 0.5)
    assert one["rows"][0]["ratio"] != three["rows"][0]["ratio"]


def test_a_network_without_masks_is_refused_before_the_work(place, monkeypatch):
    runs.write(place / "stage2", stage="2")
    given = {"workdir": str(place / "stage2"), "masks": True}
    monkeypatch.setattr(contact.flags, "FLAGS", options(place, **given))
    with pytest.raises(ValueError, match="--workdir=.*stage2 is of stage 2"):
        contact.main([])
    assert not (place / "contact.json").exists()


def test_a_box_outside_its_image_is_named_before_the_work(place, monkeypatch):
    (place / "cars.csv").write_text(f"{HEADER}\ndrive,3,20,20,400,40,moving\n")
    monkeypatch.setattr(checkpoint.Predictor, "maps", failing)
    monkeypatch.setattr(contact.flags, "FLAGS", options(place))
    with pytest.raises(ValueError, match="cars.csv:2: .*192x64"):
        contact.main([])
    assert not (place / "contact.json").exists()


def test_the_command_refuses_in_one_line(place):
    (place / "cars.csv").write_text(f"{HEADER}\ndrive,9,20,20,40,40,moving\n")
    given = vars(options(place))
    flags = [f"--{name}={given[name]}" for name in ("workdir", "boxes", "root", "out")]
    done = commands.run("aquanet_tf.contact", *flags)
    commands.assert_user_error(done, "cars.csv:2", "the number 9")
