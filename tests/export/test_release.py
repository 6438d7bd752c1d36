"""A released run is the run to whoever predicts or exports, small, and says what it is."""

import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.support import commands, runs

tf = pytest.importorskip("tensorflow")
from aquanet_tf import files
from aquanet_tf.config.options import Config
from aquanet_tf.evaluation import metrics
from aquanet_tf.inference import checkpoint, known_answer
from aquanet_tf.inference.mask_scores import AutoMaskScore
from aquanet_tf.runs import run as runs_run
from aquanet_tf.runs.run import load_run
from aquanet_tf.training import teachers
from export import release, tflite

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 123, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, data_dir):
    """A run with a history, evaluations, and places of this machine in its records."""
    place = tmp_path_factory.mktemp("release")
    document = files.read(data_dir / "manifest.json")
    document["arguments"]["raw_dir"] = str(place / "raw")
    files.write(place / "records" / "manifest.json", document)
    files.write(place / "raw" / "street.json", {"seed": 7, "version": 1})
    workdir = runs.write(place / "run", data_dir=str(place / "records"))
    record = files.read(workdir / "run.json")
    record["command"] = ["/Users/somebody/train.py", f"--data_dir={place / 'records'}"]
    record["data"]["sets"] = [{"directory": str(place / "records"), "share": 1.0}]
    files.write(workdir / "run.json", record)
    (workdir / "history.csv").write_text("epoch,loss\n1,0.5\n2,0.25\n")
    means = {"all": {name: 0.125 for name in metrics.METRICS}}
    means["all"].update(images=7)
    found = {"protocol_line": "cap 80 m", "means": means, "rows": [{"frame": 1}]}
    found.update(model={"epoch": 2}, gt_dir="/Users/somebody/raw", baselines={"a": dict(found)})
    files.write(workdir / "evaluation.json", found)
    files.write(workdir / "older.json", {**found, "model": {"epoch": 1}})
    Image.fromarray(IMAGE).save(place / "picture.png")
    return workdir


@pytest.fixture(scope="module")
def released(workdir):
    place = workdir.parent
    settings = release.Settings(place / "picture.png", commit="abc1234")
    return release.release(workdir, place / "out" / "street", settings)


def test_it_predicts_what_the_run_predicts(workdir, released):
    for height in (0, 48):
        expected, found = (checkpoint.load(each, height)(IMAGE) for each in (workdir, released))
        np.testing.assert_array_equal(found.inverse_depth, expected.inverse_depth)
        np.testing.assert_array_equal(found.beta, expected.beta)
    masks = [checkpoint.load(each).moving(IMAGE) for each in (workdir, released)]
    np.testing.assert_array_equal(*masks)
    np.testing.assert_array_equal(Image.open(released / release.EXAMPLE), IMAGE)


def test_it_holds_the_depth_network_alone(workdir, released):
    names = {path.name for path in released.iterdir()}
    assert names == {
        *("README.md", "checkpoints", "config.json", "evaluation.json", "example.png"),
        *("history.csv", "known_answer.json", "run.json"),
    }
    assert [path.name for path in released.parent.iterdir()] == ["street"]
    assert released.stat().st_mode & 0o755 == 0o755
    (data,) = released.glob("checkpoints/*.data-*")
    run = load_run(released)
    assert run.posenet_checkpoint is None and run.epoch == 2
    assert data.stat().st_size < 4 * run.aquanet.count_params() + 10_000  # and the names
    assert runs_run.is_released(released) and not runs_run.is_released(workdir)


def test_with_posenet_it_knows_ego_motion_too(workdir, released, tmp_path):
    place = release.release(workdir, tmp_path / "both", release.Settings(with_posenet=True))
    pairs = zip(load_run(place).posenet.get_weights(), load_run(workdir).posenet.get_weights())
    for found, expected in pairs:
        np.testing.assert_array_equal(found, expected)
    assert runs_run.is_released(place)
    with pytest.raises(ValueError, match="ego-motion network"):
        release.release(released, tmp_path / "none", release.Settings(with_posenet=True))
    assert not (tmp_path / "none").exists()


def test_a_release_of_an_earlier_version_is_known_by_its_weights(released, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(released, old)
    record = files.read(old / "run.json")
    del record["released"]
    files.write(old / "run.json", record)
    assert runs_run.is_released(old) and load_run(old).posenet_checkpoint is None


def test_its_records_name_seed_and_commit_and_no_place(workdir, released):
    record = files.read(released / "run.json")
    assert record["commit"] == "abc1234" and record["released_epoch"] == 2
    assert record["released"] is True
    assert record["command"] == ["python -m aquanet_tf.train", "--data_dir=records"]
    assert record["data"]["sets"][0]["directory"] == "records"
    evaluation = files.read(released / "evaluation.json")
    assert "rows" not in evaluation and "rows" not in evaluation["baselines"]["a"]
    card = (released / "README.md").read_text()
    for words in (
        "street, epoch 2",
        f"predict --workdir {released} --input {released / 'example.png'}",
        "commit abc1234",
        f"seed {Config().seed},",
        "| all | 7 | 0.1250 |",
        "a synthetic street, not photographs: `data_prep.street --seed=7`",
        "weights: Apache-2.0",
        "Trained on a **synthetic street**",
        "**Not for safety**",
    ):
        assert words in card, words
    card = card.replace(str(released), "")
    texts = [card, *(path.read_text() for path in released.glob("*.json"))]
    for place in ("/Users/somebody", workdir.parent):
        assert not [text for text in texts if str(place) in text]


def test_data_still_there_under_a_relative_name_give_no_place_away(workdir, tmp_path, monkeypatch):
    monkeypatch.chdir(workdir.parent)
    run = runs.write(tmp_path / "run", data_dir="records")
    card = (release.release(run, tmp_path / "street") / "README.md").read_text()
    assert "--seed=7" in card and str(workdir.parent) not in card


@pytest.mark.parametrize(
    "text, expected",
    [
        ("--flagfile=/a/b/c.flags", "--flagfile=c.flags"),
        ("/a/b/records,/c/more", "records,more"),
        ("runs/demo km/h https://a.b/c ../d", "runs/demo km/h https://a.b/c ../d"),
        ("", ""),
    ],
)
def test_places(text, expected):
    assert release.without_places({"a": [text, 1, None]}) == {"a": [expected, 1, None]}


@pytest.mark.slow
def test_exports_and_releases_of_it_tell_the_same(released, tmp_path):
    """The source of the data is known though its manifest stayed behind."""
    lite = tflite.export_tflite(released, tmp_path / "a.tflite")
    again = release.release(released, tmp_path / "again")
    for card in (lite.with_suffix(".md"), again / "README.md"):
        assert "a synthetic street, not photographs" in card.read_text()
        assert "commit abc1234" in card.read_text()


def test_the_command_of_the_card_can_be_pasted(tmp_path):
    words = shlex.split(release._use(tmp_path / "my run", example=True))
    assert words[3:7] == [
        *("--workdir", str(tmp_path / "my run")),
        *("--input", str(tmp_path / "my run" / release.EXAMPLE)),
    ]


def test_what_needs_ego_motion_says_so(released, tmp_path, data_dir):
    run = load_run(released)
    with pytest.raises(ValueError, match="the workdir of the training"):
        AutoMaskScore(run)
    options = Config(
        stage="2", stage2_posenet="stage1", stage1_workdir=str(released), pose_network_width=0.1
    )
    with pytest.raises(ValueError, match="--stage1_workdir=.*a released run, without the PoseNet"):
        teachers.remember_stage_one(options, tmp_path)
    before = {path: path.read_bytes() for path in released.rglob("*") if path.is_file()}
    options = ["--data_dir", data_dir, "--workdir", released, "--width=0.1", "--levels=5"]
    done = commands.run("aquanet_tf.train", *options, "--vgg19_weights=none")
    commands.assert_user_error(done, "--workdir", "a released run", "choose another")
    assert before == {path: path.read_bytes() for path in released.rglob("*") if path.is_file()}


def test_refusals_leave_nothing(workdir, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(workdir, bare, ignore=shutil.ignore_patterns("checkpoints"))
    out = tmp_path / "out"
    for source, target, settings, words in (
        (bare, out, {}, "no checkpoint yet"),
        (tmp_path / "none", out, {}, "no such directory"),
        (workdir, bare, {}, "--out=.*exists already"),
        (workdir, out, {"max_mb": 0.01}, "more than --max_mb=0.01.*--width"),
        (workdir, out, {"example": workdir / "run.json"}, "run.json"),
    ):
        with pytest.raises(ValueError, match=words):
            release.release(source, target, release.Settings(**settings))
    assert [path.name for path in tmp_path.iterdir()] == ["bare"]


def test_command(workdir, tmp_path):
    arguments = ("--workdir", workdir, "--out", tmp_path / "out", "--checkpoint=newest")
    done = commands.run("export.release", *arguments)
    assert done.returncode == 0 and "MB)" in done.stdout, done.stderr
    assert "commit not recorded" in (tmp_path / "out" / "README.md").read_text()


def test_the_license_of_the_data_is_in_every_card(workdir, tmp_path):
    settings = release.Settings(data_license="CC BY-NC-SA 3.0, from KITTI.")
    out = release.release(workdir, tmp_path / "out", settings)
    assert "Weights: CC BY-NC-SA 3.0, from KITTI." in (out / "README.md").read_text()
    again = release.release(out, tmp_path / "again")
    assert "Weights: CC BY-NC-SA 3.0, from KITTI." in (again / "README.md").read_text()


def test_it_knows_the_answer_to_its_image(released):
    network = checkpoint.load(released)
    answer = known_answer.ask(network, released)
    assert answer.right and answer.error < 1e-4
    assert known_answer.is_about(released, released / "example.png")
    assert not known_answer.is_about(released, released / "README.md")
    done = commands.run(
        *("aquanet_tf.predict", "--workdir", released, "--input", released / "example.png"),
        *("--out", released.parent / "predictions"),
    )
    assert "self-check: mean inverse depth" in done.stdout and ": as released" in done.stdout
