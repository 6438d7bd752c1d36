"""What a demo has left so far: each result is shown as soon as it is there, not before."""

import re

import numpy as np
import pytest
from PIL import Image

from aquanet_tf import files
from export.demo import results

HISTORY = "epoch,phase,learning_rate,loss\n0,kickstart,0.001,0.5\n1,stage1,0.001,0.4\n"
MEANS = {
    **{name: 0.125 for name in ("abs_rel", "sq_rel", "rmse", "rmse_log", "a1", "a2", "a3")},
    "images": 3,
    "pixels": 1234,
}


def predicted(folder, count):
    """A folder as aquanet_tf.predict leaves it; frame i is i everywhere."""
    folder.mkdir(parents=True)
    entries = []
    for i in range(count):
        source = folder.parent / f"{folder.name}_{i}.png"
        Image.fromarray(np.full((4, 6, 3), i, np.uint8)).save(source)
        Image.fromarray(np.full((4, 6, 3), 100 + i, np.uint8)).save(folder / f"{i}_color.png")
        entries.append({"input": str(source), "name": str(i)})
    files.write(folder / "predictions.json", {"images": entries})


def trained(workdir, history=HISTORY):
    workdir.mkdir(parents=True)
    files.write(workdir / "config.json", {"epochs": 7})
    (workdir / "history.csv").write_text(history)


def evaluated(workdir, abs_rel):
    means = {"all": {**MEANS, "abs_rel": abs_rel}, "static": None, "moving": None}
    evaluation = {"protocol": {}, "means": means, "ratio": {"median": 2.0, "spread": 0.1}}
    files.write(workdir / "evaluation.json", evaluation)


def titles(run):
    return re.findall("<h2>(.*?)</h2>", "".join(results.sections(run)))


def test_the_page_fills_in_the_order_of_the_steps(tmp_path):
    expected = []

    def there_is_now(title):
        expected.append(title)
        assert titles(tmp_path) == expected

    assert results.sections(tmp_path) == []
    predicted(tmp_path / "first", 1)
    there_is_now("The first picture")
    trained(tmp_path / "stage1")
    there_is_now("Training of stage 1: 2 of 7 epochs")
    evaluated(tmp_path / "stage1", 0.5)
    there_is_now("Depth by stage 1")
    trained(tmp_path / "stage2")
    there_is_now("Training of stage 2: 2 of 7 epochs")
    evaluated(tmp_path / "stage2", 0.25)
    there_is_now("Depth by stage 2")
    predicted(tmp_path / "predictions", 5)
    there_is_now("A held-out drive")
    page = "".join(results.sections(tmp_path))
    assert ">0.500<" in page and ">0.250<" in page
    assert page.count("<img") == 2 + 2 * 3


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_training_that_has_just_begun_has_no_curves_yet(tmp_path, lines):
    trained(tmp_path / "stage1", "".join(HISTORY.splitlines(True)[:lines]))
    assert results.sections(tmp_path) == []


def test_a_prediction_that_is_not_finished_is_not_shown(tmp_path):
    predicted(tmp_path / "first", 1)
    (tmp_path / "first" / "predictions.json").unlink()
    assert results.sections(tmp_path) == []
