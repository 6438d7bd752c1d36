"""What intrinsics.json says of how well the camera is determined."""

import numpy as np
import pytest

from aquanet_tf import files
from aquanet_tf.config import Config
from aquanet_tf.data.first_guess import FirstGuess
from aquanet_tf.layers import LearnedIntrinsics
from aquanet_tf.training.watchers import intrinsics

GUESS = FirstGuess("data", np.array([[200.0, 0, 159], [0, 180, 59], [0, 0, 1]]), 320, 120)


def rows(*factors):
    same = {"fy_0": "1", "cx_0": "0.01", "cy_0": "0"}
    return [{"fx_0": ""}, *({"fx_0": str(factor), **same} for factor in factors)]


def test_numbers_and_spread_are_in_pixels():
    numbers = np.array([[np.log(1.25), 0.0, 0.01, -0.05]])
    found = intrinsics.document([GUESS], numbers, rows(9.0, 1.24, 1.26, 1.24, 1.26, 1.25))
    values = [found[name] for name in ("fx", "fy", "cx", "cy", "width", "height")]
    np.testing.assert_allclose(values, [250, 180, 159 + 3.2, 59 - 6, 320, 120])
    mine = found["learned"]["sets"][0]
    assert mine["first_guess"] == {"fx": 200, "fy": 180, "cx": 159, "cy": 59}
    # The last five epochs alone, without the 9.
    spread = 200 * np.std([1.24, 1.26, 1.24, 1.26, 1.25])
    np.testing.assert_allclose(mine["spread"]["fx"], spread)
    assert mine["spread"]["fy"] == mine["spread"]["cx"] == 0


@pytest.mark.parametrize(
    "factors, words",
    [((1.0, 1.01), "0.5%: settled"), ((1.0, 1.2), "NOT SETTLED"), ((1.1,), "not known")],
)
def test_it_says_whether_the_focal_lengths_are_settled(factors, words):
    found = intrinsics.document([GUESS], np.zeros([1, 4]), rows(*factors))
    assert words in found["comment"] and intrinsics.WARNING in found["comment"]


@pytest.mark.parametrize("factor, warned", [(1.0, True), (1.04, True), (0.9, False)])
def test_focal_lengths_that_stayed_at_the_first_guess_give_a_warning(factor, warned):
    """Because the pull to it is all that holds what the images do not show."""
    numbers = np.array([[np.log(factor), 0.0, 0.0, 0.0]])
    comment = intrinsics.document([GUESS], numbers, rows(factor, factor))["comment"]
    assert "0.0%: settled" in comment
    assert ("as wrong as the guess" in comment) == warned


def test_a_damaged_file_of_stage_one_is_named(tmp_path):
    files.write(tmp_path / "intrinsics.json", {"fx": 1})
    config = Config(data_dir="data", stage="2", stage1_workdir=str(tmp_path))
    with pytest.raises(ValueError, match=r"intrinsics.json: damaged \('learned'\); remove it"):
        intrinsics.of_stage_one(config, LearnedIntrinsics())
