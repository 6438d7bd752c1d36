"""The YAML file of an ablation: what it may hold, and errors found before anything runs."""

import pytest
import yaml

from aquanet_tf.ablation import jobs, plan_file
from aquanet_tf.ablation.plan_file import Choices
from tests.support import commands

FILE = """
title: Two stages
data: ["fake --out={out}/data"]
data_dir: "{out}/data/records"
gt_dir: "{out}/data/raw"
seeds: [1, 2]
flagfile: FLAGFILE
flags: [--epochs=4]
evaluate: ["--split={gt_dir}/test.txt"]
rows:
  first: {experiment: 1, name: First, evaluate: [--mask_quality]}
  static: {experiment: 1, of: first, evaluate: [--static_only]}
  second: {experiment: 2, stage1: first, flags: [--mask=spimo]}
  other: {experiment: 2, stage1: first, flags: [--mask=automask]}
figures: {stages: [first, second]}
quick: {seeds: [7], flags: [--epochs=2, --levels=5]}
"""


@pytest.fixture
def write(tmp_path):
    """Writes the file above with some keys changed; returns its path."""
    flagfile = tmp_path / "base.flags"
    flagfile.write_text("--levels=9\n--epochs=50\n--kickstart_epochs=1\n--mask=none\n")

    def write(**changes):
        document = yaml.safe_load(FILE.replace("FLAGFILE", str(flagfile)))
        document.update(changes)
        path = tmp_path / "ablation.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    return write


def test_flags_are_layered_and_places_filled(write):
    plan = plan_file.read(write(), "runs/x")
    config = plan.config("second", 2)
    assert (config.levels, config.epochs, config.mask) == (9, 4, "spimo")
    assert (config.stage, config.seed) == ("2", 2)
    assert config.stage1_workdir == "runs/x/runs/first/seed2"
    assert config.data_dir == "runs/x/data/records"
    assert plan.config("first", 1).stage == "1"
    assert plan.data == ("fake --out=runs/x/data",)
    assert plan.rows["static"].evaluate == ("--split=runs/x/data/raw/test.txt", "--static_only")
    assert plan.workdir("static", 1) == plan.workdir("first", 1)
    assert plan.evaluation("static", 1) != plan.evaluation("first", 1)


def test_a_folder_may_have_a_space_in_its_name(write):
    plan = plan_file.read(write(), "my runs/x")
    (job,) = (job for job in jobs.make(plan) if job.name == "data1")
    assert job.command[-2:] == ("fake", "--out=my runs/x/data")
    assert jobs.make(plan)[-1].command[-1].startswith("--out=my runs/x/evaluations")
    plan = plan_file.read(write(data=["fake '--out={out}/a b'"]), "my runs/x")
    assert jobs.make(plan)[0].command[-1] == "--out=my runs/x/a b"


def test_quick_comes_last_and_replaces_the_rest(write):
    plan = plan_file.read(write(), "out", Choices(quick=True))
    assert plan.seeds == (7,)
    config = plan.config("other", 7)
    assert (config.epochs, config.levels, config.mask) == (2, 5, "automask")


def test_rows_bring_what_they_stand_on(write):
    assert list(plan_file.read(write(), "out", Choices(rows=["second"])).rows) == [
        "first",
        "second",
    ]
    assert list(plan_file.read(write(), "out", Choices(rows=["static"])).rows) == [
        "first",
        "static",
    ]
    assert plan_file.read(write(), "out", Choices(seeds=[5])).seeds == (5,)


def test_the_former_spelling_of_a_figure_is_read(write):
    plan = plan_file.read(write(figures={"quantisation": "first"}), "out")
    assert plan.figures == {"quantization": ("first",)}


def test_own_data_is_not_made(write):
    plan = plan_file.read(write(), "out", Choices(data_dir="records", gt_dir="raw"))
    assert plan.data == () and plan.config("first", 1).data_dir == "records"
    assert plan.rows["first"].evaluate[0] == "--split=raw/test.txt"
    with pytest.raises(ValueError, match="belong together"):
        plan_file.read(write(), "out", Choices(data_dir="records"))


ROW = {"stage1": "first"}
BAD = {
    "row wrong: .*levles": {"rows": {"wrong": {"flags": ["--levles=3"]}}},
    "row wrong: --levels=1: must": {"rows": {"wrong": {"flags": ["--levels=1"]}}},
    "row wrong: .*nowhere.flags": {"rows": {"wrong": {"flagfile": "nowhere.flags"}}},
    "unknown 'nmae' in row wrong": {"rows": {"wrong": {"nmae": "x"}}},
    "'flags' in row wrong: .* wrong type": {"rows": {"wrong": {"flags": "--levels=3"}}},
    "unknown 'color' in the file": {"color": "red"},
    "row wrong: stage1: 'first' is not a row": {"rows": {"wrong": ROW}},
    "row b: its stage1, a, is itself": {
        "rows": {"first": {}, "a": ROW, "b": {"stage1": "a"}},
    },
    "first, which must come before": {"rows": {"wrong": ROW, "first": {}}},
    "can only set 'evaluate'": {"rows": {"first": {}, "w": {"of": "first", "flags": ["-x"]}}},
    "there is no row 'nobody'": {"figures": {"masks": "nobody"}},
    "figure masks: 3 is neither the key of a row": {"figures": {"masks": 3}},
    "figure masks: \\[3\\] is neither": {"figures": {"masks": [3]}},
    "unknown figure 'beauty'": {"figures": {"beauty": "first"}},
    "unknown 'rows' in 'quick'": {"quick": {"rows": {}}},
    "seeds \\['one'\\]": {"seeds": ["one"]},
    "no 'data_dir'": {"data_dir": ""},
    "no 'rows'": {"rows": {}},
}


@pytest.mark.parametrize("message", BAD)
def test_faults_are_named(write, message):
    changes = {"figures": {}, **BAD[message]}
    with pytest.raises(ValueError, match=f"ablation.yaml: .*{message}"):
        plan_file.read(write(**changes), "out")


def test_bad_choices_are_named(write, tmp_path):
    with pytest.raises(ValueError, match="--rows=third: no such row; there are first, static"):
        plan_file.read(write(), "out", Choices(rows=["third"]))
    with pytest.raises(ValueError, match="missing.yaml: no such file"):
        plan_file.read(tmp_path / "missing.yaml", "out")
    broken = tmp_path / "broken.yaml"
    broken.write_text("rows: [")
    with pytest.raises(ValueError, match="broken.yaml: not valid YAML"):
        plan_file.read(broken, "out")
    path = write()
    path.write_text(path.read_text().split("quick:")[0])
    with pytest.raises(ValueError, match="--quick: the file has no 'quick'"):
        plan_file.read(path, "out", Choices(quick=True))


FILES = sorted((commands.ROOT / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_files_of_the_project(path, monkeypatch):
    """Every row parses; the header says how it is run."""
    monkeypatch.chdir(commands.ROOT)
    name = path.relative_to(commands.ROOT).as_posix()
    header = path.read_text().split("\ntitle:")[0]
    assert f"# Command:   python -m aquanet_tf.ablate --config {name} --out" in header
    assert "# Wall time: " in header and "# Result:    " in header
    given = {} if "data:" in path.read_text() else {"data_dir": "records", "gt_dir": "raw"}
    plan = plan_file.read(path, "out", Choices(**given))
    trained = [key for key, row in plan.rows.items() if not row.of]
    systems = {tuple(plan.training_flags(key, 1)) for key in trained}
    assert len(systems) == len(trained), "two rows have the same training"
    assert set(plan.figures) == set(plan_file.FIGURES)
    if path.parent.name == "roads":
        processed = {f"{key}_p" for key in ("stage1", "automask", "aquanet", "full")}
        measured = {*trained, *processed}
        assert set(plan.rows) == {*measured, *(f"{key}_9999" for key in measured)}
    elif path.stem == "ablation":  # the rows of the paper, and on the street one more
        paper = set(plan.rows) - {"no_augmentation_automask"}
        assert len(paper) == 11 and len(paper & set(trained)) == 10
    if "quick:" in path.read_text():
        quick = plan_file.read(path, "out", Choices(quick=True))
        assert all(quick.config(key, 1).epochs <= 3 for key in trained)
