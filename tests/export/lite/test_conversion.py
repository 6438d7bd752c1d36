"""What the converter makes of a network: sizes, and which operations are int8."""

import numpy as np
import pytest

from aquanet_tf.runs.run import load_run
from export.lite import calibration, conversion
from tests.support import lite, runs

SIZE = (32, 96)


def test_relu6_and_the_mobile_encoder_are_int8_up_to_the_head(tmp_path, data_dir):
    options = dict(encoder="mobile", activation="relu6")
    run = load_run(runs.write(tmp_path / "run", **options))
    samples = calibration.batches(str(data_dir), *SIZE, 6)
    operations, tensors = lite.details(conversion.convert(run, *SIZE, "int8", samples))
    floats = [
        op["op_name"]
        for op in operations
        if any(tensors[output]["dtype"] == np.float32 for output in op["outputs"])
    ]
    names = {op["op_name"] for op in operations}
    assert {"DEPTHWISE_CONV_2D", "HARD_SWISH"} <= names and not names & {"RELU6", "RELU"}
    # The positional code's convolution and its two ELU, then the two convolutions of the head.
    assert floats.count("CONV_2D") == 3 and floats.count("ELU") == 2
    # Into float go the picture's one value and the head's features.
    assert floats.count("DEQUANTIZE") <= 3 and floats.count("ADD") == 1
    assert not {"DEPTHWISE_CONV_2D", "HARD_SWISH", "MEAN"} & set(floats)


NETWORKS = (
    {},
    pytest.param({"focal_planes": True}, marks=pytest.mark.slow),
    pytest.param({"adaptive": False}, marks=pytest.mark.slow),
    {"encoder": "mobile", "activation": "relu6"},
)


@pytest.mark.parametrize("options", NETWORKS, ids=["plain", "focal", "fixed", "mobile"])
def test_nothing_of_the_pictures_size_is_stored(tmp_path, options):
    """A larger picture adds the values of its axes to the file and nothing of its pixels."""
    run = load_run(runs.write(tmp_path / "run", **options))
    small, large = (len(conversion.convert(run, *size, "none")) for size in (SIZE, (128, 192)))
    # 16 values of float32 for each row and column; one positional map would be 8 * 4 a pixel.
    assert large - small < 1.5 * 16 * 4 * (128 + 192 - sum(SIZE)) < 128 * 192
