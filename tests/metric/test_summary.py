"""The median over frames, and when there is no number."""

import numpy as np
import pytest

from aquanet_tf.metric import summary


def test_median_spread_and_reasons():
    values = [1.0, 1.1, 0.9, 1.0, 1.2, 5.0]
    found = summary.summarize(values, ["a wall", "a wall", "sky"], "a road")
    assert found["metres_per_unit"] == pytest.approx(1.05)
    assert found["spread"] == pytest.approx(1.4826 * 0.1 / 1.05)
    assert found["quartiles"] == pytest.approx(list(np.percentile(values, [25, 75])))
    assert (found["frames"], found["used"]) == (9, 6)
    assert found["left_out"] == {"a wall": 2, "sky": 1}


@pytest.mark.parametrize("used, left", [(4, 0), (5, 21)])
def test_too_few_frames_give_no_number(used, left):
    with pytest.raises(ValueError, match=f"a road was found in {used} of {used + left} frames"):
        summary.summarize([1.0] * used, ["sky"] * left, "a road")


def test_frames_that_disagree_give_no_number():
    with pytest.raises(ValueError, match="disagrees by"):
        summary.summarize([0.5, 1.0, 1.5, 2.0, 2.5, 3.0], [], "a road")
