"""--init_from: what is taken from a run, what does not fit, what is recorded."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

from aquanet_tf.config import Config
from aquanet_tf.networks import build
from aquanet_tf.runs import initial, load_run
from aquanet_tf.runs.checkpoint import Checkpoints, averaged, named_weights
from tests.support import runs

PARTS = ("aquanet", "posenet")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return runs.write(tmp_path_factory.mktemp("initial") / "source")


def own(source, **changes):
    """Options of a run that starts from `source`; random weights of another seed."""
    return dataclasses.replace(load_run(source).config, init_from=str(source), **changes)


def started(config, workdir):
    """(initial.Initial, networks of a new run that started with it, by name)."""
    found = initial.prepare(config, workdir)
    networks = dict(zip(PARTS, build.build_networks(config)))
    found.start(**networks)
    return found, networks


def test_both_networks_are_those_of_the_source(source, tmp_path):
    found, networks = started(own(source), tmp_path / "run")
    run = load_run(source)
    for name in PARTS:
        pairs = zip(networks[name].get_weights(), getattr(run, name).get_weights())
        assert all(np.array_equal(a, b) for a, b in pairs)
    counts = {name: len(networks[name].weights) for name in PARTS}
    assert found.record == {
        "workdir": str(source.resolve()),
        "epoch": 2,
        "taken": counts,
        "left": [],
        "kickstart": False,
    }
    assert found.resolved(own(source)).kickstart_epochs == 0
    asked = initial.prepare(own(source, init_kickstart=True), tmp_path / "run")
    assert asked.resolved(own(source)).kickstart_epochs == 5


def test_a_source_with_averages_gives_them(source, tmp_path):
    workdir = runs.write(tmp_path / "averaged", ema=0.5)
    networks = [build.build_networks(load_run(workdir).config) for _ in range(2)]
    named = {}
    for names, pair in zip((PARTS, map(averaged, PARTS)), networks):
        named.update(zip(names, pair))
    Checkpoints(workdir, named, {}).save(3)
    _, found = started(own(workdir), tmp_path / "run")
    for name, network in zip(PARTS, networks[1]):
        pairs = zip(found[name].get_weights(), network.get_weights())
        assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_network_alone_leaves_posenet_and_the_kick_start(source, tmp_path):
    """As a released run, and where stage 1 gives PoseNet its weights."""
    released = shutil.copytree(source, tmp_path / "released")
    shutil.rmtree(released / "checkpoints")
    Checkpoints(released, {"aquanet": load_run(source).aquanet}, {}).save(2)
    stage2 = {"stage": "2", "stage2_posenet": "stage1", "stage1_workdir": str(source)}
    for config in (own(released), own(source, **stage2)):
        found = initial.prepare(config, tmp_path / "run")
        assert set(found.weights) == {"aquanet"} and found.record["kickstart"]
        assert found.resolved(config) == config


@pytest.mark.parametrize("changes", [{"width": 0.15}, {"levels": 7}, {"pose_network_width": 0.15}])
def test_every_weight_that_does_not_fit_is_named_with_both_shapes(source, tmp_path, changes):
    config = own(source, **changes)
    (option, _), run = *changes.items(), load_run(source)
    with pytest.raises(ValueError) as failed:
        initial.prepare(config, tmp_path / "run")
    text = str(failed.value)
    assert "\n" not in text and "--init_partial" in text
    assert f"--{option}={getattr(run.config, option)}" in text
    expected = set()
    for name, ours in zip(PARTS, build.build_networks(config)):
        ours, theirs = named_weights(ours), named_weights(getattr(run, name))
        for weight, here in ours.items():
            if here.shape != theirs[weight].shape:
                shapes = f"here {list(here.shape)}, there {list(theirs[weight].shape)}"
                expected.add(f"{name}/{weight}, {shapes}")
    found = re.findall(r"\S+/\S+, here \[[^]]*\], there \[[^]]*\]", text)
    assert expected and set(found) == expected and f"{len(expected)} weights" in text


def test_partial_takes_what_fits_and_lists_the_rest(source, tmp_path, caplog):
    changes = {"levels": 7, "pose_form": "plain", "inverse_depth_max": 1.0}
    config = own(source, **changes, init_partial=True)
    found, networks = started(config, tmp_path / "run")
    theirs = named_weights(load_run(source).aquanet)
    ours = named_weights(networks["aquanet"])
    taken = {name for name, weight in ours.items() if weight.shape == theirs[name].shape}
    assert set(found.weights["aquanet"]) == taken and 0 < len(taken) < len(ours)
    for name in taken:
        np.testing.assert_array_equal(ours[name].numpy(), theirs[name].numpy())
    assert found.record["taken"] == {"aquanet": len(taken)}
    assert len(found.record["left"]) == len(ours) - len(taken) + 1
    assert "posenet, here --pose_form=plain, there antisymmetric" in found.record["left"]
    assert found.record["kickstart"]
    assert all(f"not taken: {text}" in caplog.text for text in found.record["left"])
    assert "trained with --inverse_depth_max=0.3, here 1.0" in caplog.text


def test_weights_that_one_side_lacks_do_not_fit(source, tmp_path):
    with pytest.raises(ValueError, match=r"beta_head/\w+, here none, there \["):
        initial.prepare(own(source, adaptive=False), tmp_path / "run")


def test_a_run_with_a_checkpoint_goes_on_from_it(source, tmp_path):
    workdir = runs.write(tmp_path / "run")
    gone = own(source)
    gone = dataclasses.replace(gone, init_from=str(tmp_path / "gone"))
    with pytest.raises(ValueError, match="began without --init_from"):
        initial.prepare(gone, workdir)
    record = {"workdir": "gone", "epoch": 1, "taken": {}, "left": [], "kickstart": False}
    content = json.loads((workdir / "run.json").read_text())
    (workdir / "run.json").write_text(json.dumps({**content, "init": record}))
    for config in (gone, dataclasses.replace(gone, init_from="")):
        found = initial.prepare(config, workdir)
        assert found == (record, {}) and found.resolved(config).kickstart_epochs == 0
        assert found.resolved(config).init_from == (config.init_from or "gone")


@pytest.mark.parametrize("left", [[], ["posenet, here plain"]])
@pytest.mark.parametrize("given", [False, True])
def test_the_kick_start_of_a_resume_is_that_of_the_start(source, left, given):
    """Whether depth comes from the source follows from what was taken, not from today's flags."""
    record = {"workdir": str(source), "epoch": 1, "taken": {}, "left": left, "kickstart": True}
    config = dataclasses.replace(own(source), init_partial=given)
    assert initial.Initial(record, {}).resolved(config).init_partial is bool(left)


def test_errors_name_the_flag(source, tmp_path):
    def prepared(**changes):
        return initial.prepare(own(source, **changes), tmp_path / "run")

    with pytest.raises(ValueError, match="--init_from=.*gone: no such directory"):
        initial.prepare(Config(init_from=str(tmp_path / "gone")), tmp_path / "run")
    with pytest.raises(ValueError, match="--init_checkpoint=best: --init_from=.* keeps no best"):
        prepared(init_checkpoint="best")
    with pytest.raises(ValueError, match="--init_checkpoint=7: --init_from=.* checkpoints 2 "):
        prepared(init_checkpoint="7")


def test_the_terms_of_the_source_are_recorded(tmp_path):
    source = runs.write(tmp_path / "source")
    record = json.loads((source / "run.json").read_text())
    (source / "run.json").write_text(json.dumps({**record, "data_license": "not for sale"}))
    found = initial.prepare(own(source), tmp_path / "run")
    assert found.record["data_license"] == "not for sale"
