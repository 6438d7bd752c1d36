"""A report takes only a whole evaluation of its own run."""

import warnings

import pytest

from export.report import evaluations

WHOLE = {
    **dict.fromkeys(("protocol", "means", "ratio", "gt_dir", "split", "camera", "images"), 1),
    "model": {"epoch": 2, "working_height": 32},
    "rows": [],
}


@pytest.mark.parametrize("name", [*WHOLE, "epoch", "working_height"])
def test_what_is_missing_is_named(name):
    changed = {key: value for key, value in WHOLE.items() if key != name}
    if name in WHOLE["model"]:
        changed["model"] = {key: 1 for key in WHOLE["model"] if key != name}
    evaluations.check("--evaluation", WHOLE)
    with pytest.raises(ValueError, match=f"--evaluation: .*no '{name}'.* aquanet_tf.evaluate"):
        evaluations.check("--evaluation", changed)


def test_the_evaluation_of_a_release_is_known():
    released = {name: value for name, value in WHOLE.items() if name != "rows"}
    with pytest.raises(ValueError, match="export.release takes out; run .*aquanet_tf.evaluate"):
        evaluations.check("--stage1_evaluation", released)


def test_another_run_is_refused_and_a_moved_one_is_taken(tmp_path):
    for name in ("ours", "other"):
        (tmp_path / name).mkdir()

    def of(name):
        return {**WHOLE, "model": {**WHOLE["model"], "workdir": str(tmp_path / name)}}

    with pytest.raises(ValueError, match="is of the run .*other, not of --workdir=.*ours"):
        evaluations.check_run(of("other"), tmp_path / "ours")
    (tmp_path / "link").symlink_to(tmp_path / "ours")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluations.check_run(of("ours"), tmp_path / "link")
        evaluations.check_run(WHOLE, tmp_path / "ours")
    with pytest.warns(UserWarning, match="is of the run .*gone, which is not there any more"):
        evaluations.check_run(of("gone"), tmp_path / "ours")
