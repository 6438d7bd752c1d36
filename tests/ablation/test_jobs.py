"""Every job runs once: finished ones stay, interrupted ones resume, a failure fails few others."""

import fcntl
import json
import os
import signal
import subprocess
import sys

import pytest

from aquanet_tf.ablation import jobs as ablation_jobs
from aquanet_tf.ablation import plan_file, results
from aquanet_tf.jobs import runner
from tests.ablation.test_plan_file import write  # noqa: F401, a fixture
from tests.support import commands, fake_commands


def start(path, out, **environment):
    return subprocess.run(
        [sys.executable, fake_commands.HERE, "ablate", path, out],
        env={**os.environ, "PYTHONPATH": str(commands.ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def result(out):
    """The table without times, and with OUT for the path of `out`."""
    table = json.loads((out / "table.json").read_text())
    for row in table["rows"]:
        row.pop("training_seconds")
        for seed in row["seeds"].values():
            assert seed.pop("training_seconds") > 0
    return json.dumps(table).replace(str(out), "OUT")


def starts(out):
    return {
        f"{path.parent.parent.name}/{path.parent.name}": len(path.read_text())
        for path in out.glob("runs/*/*/starts")
    }


def test_a_killed_ablation_goes_on_and_ends_the_same(write, tmp_path):  # noqa: F811
    path = write()
    whole = start(path, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    every = {f"{row}/seed{seed}" for row in ("first", "second", "other") for seed in (1, 2)}
    assert starts(tmp_path / "whole") == dict.fromkeys(every, 1)  # stage 1 is shared

    out = tmp_path / "killed"
    killed = start(path, out, DIE="other/seed1:2")
    assert killed.returncode == -signal.SIGKILL
    assert len((out / "runs/other/seed1/history.csv").read_text().splitlines()) == 3
    table = json.loads((out / "table.json").read_text())
    assert {row["key"]: list(row["seeds"]) for row in table["rows"]} == {
        **dict.fromkeys(("first", "static", "second"), ["1"]),
        "other": [],
    }
    with (out / "lock").open() as left_behind:  # the command that outlived the killed process
        fcntl.flock(left_behind, fcntl.LOCK_EX)
    resumed = start(path, out)
    assert resumed.returncode == 0, resumed.stderr
    assert starts(out) == {**dict.fromkeys(every, 1), "other/seed1": 2}
    assert result(out) == result(tmp_path / "whole")

    again = start(path, out)
    assert again.returncode == 0 and starts(out)["other/seed1"] == 2
    assert result(out) == result(tmp_path / "whole")


def test_a_failed_row_takes_along_only_what_stands_on_it(write, tmp_path, monkeypatch):  # noqa: F811
    plan = plan_file.read(write(seeds=[1], data=[]), tmp_path / "out")
    jobs = ablation_jobs.make(plan, fake_commands.COMMANDS)
    monkeypatch.setenv("FAIL", "second")
    failures = runner.run(jobs, plan.out)
    assert set(failures) == {"train_second_seed1", "evaluate_second_seed1"}
    assert "the loss is not finite (see" in failures["train_second_seed1"]
    assert failures["evaluate_second_seed1"] == "needs train_second_seed1"
    rows = {row["key"]: row for row in results.collect(plan, failures)["rows"]}
    assert rows["other"]["seeds"] and not rows["second"]["seeds"]
    monkeypatch.delenv("FAIL")
    assert runner.run(jobs, plan.out) == {}


def test_other_flags_are_refused_and_evaluations_made_again(write, tmp_path):  # noqa: F811
    out = tmp_path / "out"

    def run(**changes):
        plan = plan_file.read(write(seeds=[1], data=[], **changes), out)
        return runner.run(ablation_jobs.make(plan, fake_commands.COMMANDS), out)

    assert run() == {}
    before = (out / "evaluations/first/seed1.json").stat().st_mtime_ns
    assert run() == {} and (out / "evaluations/first/seed1.json").stat().st_mtime_ns == before
    assert run(evaluate=["--split=all"]) == {}
    assert (out / "evaluations/first/seed1.json").stat().st_mtime_ns > before
    with pytest.raises(ValueError, match="first_seed1.json: was made with --epochs=4; choose"):
        run(flags=["--epochs=5"])
    assert starts(out) == {"first/seed1": 1, "second/seed1": 1, "other/seed1": 1}


def older(out, *options, **changed):
    """Rewrites the records of `out` as of a version that did not have `options`."""

    def rewritten(what):
        for name in ("stage1", "training"):
            if what.get(name):
                rewritten(what[name])
        if "options" in what:
            what["options"].update(changed)
            for option in options:
                del what["options"][option]

    for path in (out / "jobs").iterdir():
        record = json.loads(path.read_text())
        rewritten(record["what"])
        path.write_text(json.dumps(record))


def test_an_ablation_of_an_earlier_version_goes_on(write, tmp_path):  # noqa: F811
    """Where what it did not know has its default; its evaluations are not made again either."""
    out = tmp_path / "out"

    def run(**changes):
        plan = plan_file.read(write(seeds=[1], data=[], **changes), out)
        return runner.run(ablation_jobs.make(plan, fake_commands.COMMANDS), out)

    assert run() == {}
    once = starts(out)
    evaluated = out / "evaluations/second/seed1.json"
    before = evaluated.stat().st_mtime_ns
    older(out, "spimo_margin", "ema")
    assert run() == {} and starts(out) == once and evaluated.stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="first_seed1.json: was made with --ema=0.0; choose"):
        run(flags=["--epochs=4", "--ema=0.9"])
    older(out, retired_long_ago=0)
    with pytest.raises(ValueError, match="was made with --retired_long_ago=0; choose"):
        run()


def test_two_at_once_are_refused(write, tmp_path):  # noqa: F811
    plan = plan_file.read(write(data=[]), tmp_path)
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="still running"):
            runner.run(ablation_jobs.make(plan, fake_commands.COMMANDS), tmp_path)


def test_out_may_be_named_in_another_way(write, tmp_path, monkeypatch):  # noqa: F811
    path = write()
    monkeypatch.chdir(tmp_path)
    names = [plan_file.read(path, out) for out in ("out", tmp_path / "out")]
    first, second = (ablation_jobs.make(plan) for plan in names)
    assert [job.what for job in first] == [job.what for job in second]
