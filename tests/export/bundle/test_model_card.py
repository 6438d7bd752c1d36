"""The card says what the run recorded, and that the rest is not known."""

import dataclasses

import pytest

from tests.support import runs

pytest.importorskip("tensorflow")
from aquanet_tf import files
from aquanet_tf.evaluation import metrics
from aquanet_tf.runs import scale
from aquanet_tf.runs.run import load_run
from export.bundle import metadata, model_card, parity

PARITY = {
    "tolerance": dataclasses.asdict(parity.SAME_OPERATIONS),
    "outputs": {"beta": {"max_error": 1.5e-6, "mean_error": 2e-7, "outliers": 0.0}},
    "images": 6,
}


def card(workdir):
    run = load_run(workdir)
    known = scale.chosen(None, workdir, run, 32)
    document = metadata.build(run, workdir, 32, parity.SAME_OPERATIONS, known)
    document.update(inputs={"image": "uint8 [B, H, W, 3]"}, parity=PARITY)
    return model_card.text(workdir, document, "run_it()")


def test_a_bare_run(tmp_path):
    text = card(runs.write(tmp_path / "run"))
    for words in (
        "# AQUANet, monocular depth: run, epoch 2",
        "run_it()",
        "`image`: uint8",
        "32x96 pixels",
        "command: not recorded",
        "no result of `aquanet_tf.evaluate`",
        "| beta | 1.5e-06 | 2e-07 | 0 |",
        "allowed: max error 0.0001, mean error 1e-05.",
        "**relative**",
        "**pinhole**",
        "Apache-2.0",
        "source is not known",
        "residual encoder, activation elu",
    ):
        assert words in text, words
    assert "\\n" not in text and "None" not in text


def test_a_run_in_meters_says_so(tmp_path):
    workdir = runs.in_meters(runs.write(tmp_path / "run"))
    text = card(workdir)
    assert "Depth is in **meters**" in text and "**relative**" not in text


def test_what_the_run_knows(tmp_path, data_dir):
    workdir = runs.write(tmp_path / "run", data_dir=str(data_dir), epochs=2, kickstart_epochs=1)
    record = files.read(workdir / "run.json")
    record.update(command=["train.py", "--seed=1"], versions={"tensorflow": "2.99"})
    taken = {"aquanet": 80, "posenet": 31}
    record["init"] = {"workdir": "base", "epoch": 9, "taken": taken, "left": ["aquanet/head"]}
    files.write(workdir / "run.json", record)
    (workdir / "history.csv").write_text("epoch,loss\n0,0.5\n1,0.25\n2,0.125\n")
    means = {"all": {name: 0.125 for name in metrics.METRICS}, "static": None}
    means["all"].update(images=7, pixels=70)
    evaluation = {"protocol_line": "cap 80 m", "means": means, "model": {"epoch": 2}}
    files.write(workdir / "evaluation.json", evaluation)
    files.write(workdir / "older.json", {**evaluation, "model": {"epoch": 1}})
    text = card(workdir)
    for words in (
        "command: `train.py --seed=1`",
        "tensorflow 2.99",
        "started from `base`, epoch 9: depth network (80 weights) and PoseNet (31 weights), "
        "1 weights not taken",
        "last epoch: epoch 1, loss 0.25",
        "evaluation.json, protocol: cap 80 m",
        "| all | 7 | 0.1250 |",
        "command: `data_prep.kitti`",
    ):
        assert words in text, words
    assert "older.json" not in text and "| static |" not in text


def test_several_data_sets_are_told_apart(tmp_path, pair_of_sets):
    gone = tmp_path / "gone"
    names = [*map(str, pair_of_sets), str(gone)]
    workdir = runs.write(tmp_path / "run", data_dir=",".join(names), data_weights="1,2,3")
    text = card(workdir)
    for words in (
        "shares of the directories: 1,2,3",
        f"`{names[0]}`, command: `data_prep.kitti`",
        f"`{names[1]}`, split: `",
        f"`{gone}`, its manifest is no longer there",
    ):
        assert words in text, words
