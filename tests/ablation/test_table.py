"""The table: means and spread over seeds, and how it was made."""

import statistics

import pytest

from aquanet_tf.ablation import jobs, plan_file, results, table
from aquanet_tf.jobs import runner
from tests.ablation.test_plan_file import write  # noqa: F401, a fixture
from tests.support import fake_commands


@pytest.fixture
def plan(write, tmp_path):  # noqa: F811
    plan = plan_file.read(write(data=[]), tmp_path / "out")
    assert runner.run(jobs.make(plan, fake_commands.COMMANDS), plan.out) == {}
    return plan


def test_mean_and_spread(plan):
    document = results.collect(plan, {})
    rows = {row["key"]: row for row in document["rows"]}
    # What the fake command computes: 0.1 seed + 0.01 letters of the mask ("none" by the flagfile).
    first = [0.14, 0.24]
    got = rows["first"]["summary"]["all"]["abs_rel"]
    assert got["mean"] == pytest.approx(0.19) and got["count"] == 2
    assert got["spread"] == pytest.approx(statistics.stdev(first))
    second = [(0.1 * seed + 0.05) / (1 + error) for seed, error in zip((1, 2), first)]
    assert rows["second"]["summary"]["static"]["rmse"]["mean"] == pytest.approx(sum(second) / 2)
    assert "moving" not in rows["second"]["summary"]
    assert rows["static"]["summary"] == rows["first"]["summary"] and rows["static"]["flags"] == []
    assert rows["first"]["masks"]["spimo"]["recall"]["mean"] == pytest.approx(0.19)
    assert rows["first"]["masks"]["spimo"]["precision"] is None
    near, *others = rows["first"]["by_distance"]["static"]
    assert near["abs_rel"]["mean"] == pytest.approx(0.19)
    assert near["factor"]["mean"] == pytest.approx(1.19)
    assert all(band == {"abs_rel": None, "factor": None} for band in others)
    assert rows["first"]["masks"]["spimo"]["by_distance"][0]["recall"]["mean"] == pytest.approx(
        0.19
    )
    assert document["seeds"] == [1, 2] and document["images"] == [3]


def test_markdown_says_how_it_was_made(plan):
    document = results.collect(plan, {"train_x": "why it failed"})
    text = table.markdown(document)
    assert "| 1 | First | 0.190 ± 0.071 |" in text
    assert "## Static pixels" in text and "## Moving pixels" not in text
    assert "mean ± standard deviation over 2 seeds".capitalize() in text
    assert "Protocol of First, second, other: all of it." in text
    assert "Protocol of static: static by masks." in text
    assert "train_x: why it failed" in text and "baseline: ramp" in text
    assert "--stage1_workdir=" in text and "python -m aquanet_tf.train" in text
    for word in ("commit", "tensorflow 2.", "numpy", "CPU cores", "Seeds: 1, 2."):
        assert word in text
    assert "| First | 0.190 (x1.19) | - | - | - | - |" in text
    assert "| First | spimo | 0.190 / - | 0.190 / - |" in text
    widths = {
        line.count("|") for line in text.split("## Static pixels by")[0].splitlines() if "|" in line
    }
    assert widths == {12}


def test_where_motion_is_unknown_all_pixels_are_shown_by_distance(plan):
    document = results.collect(plan, {})
    assert "## All pixels by distance" not in table.markdown(document)
    for row in document["rows"]:
        row["by_distance"].pop("static")
    assert "## All pixels by distance" in table.markdown(document)


def test_without_results_it_is_a_table_of_dashes(write, tmp_path):  # noqa: F811
    plan = plan_file.read(write(), tmp_path / "nothing")
    text = table.markdown(results.collect(plan, {}))
    assert text.startswith("# Two stages")
